"""Proposes a name and a folder for a file by its kind, its content and its date; moves nothing.

A good name stays as it is; only names that say nothing (``download (3).pdf``, ``scan0001.pdf``,
random letters) are replaced. Nothing is proposed for a file whose name and content do not agree,
whose name deceives, that is still being downloaded, hidden or a link: the proposal then holds the
reason and the file stays where it is. The target always lies inside the destination.
"""

from __future__ import annotations

import calendar
import os
import re
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from loom_desktop.errors import Unavailable
from loom_desktop.text import photo, summarize
from loom_desktop.text.extract import Document
from loom_desktop.text.kind import Kind, kind_of, suffix_of
from loom_desktop.text.naming import deceives, free_name, safe_name, split_name, tells, tidy
from loom_desktop.text.paperwork import Paper, find_date, read_paper


@dataclass(frozen=True, slots=True)
class Proposal:
    """Where a file would go and why. ``moves`` says whether there is anything to do."""

    source: Path
    target: Path
    """The whole new path; the source itself when nothing is proposed."""
    name: str
    folder: str
    """Relative to the destination, with slashes: ``Invoices/2026``; "" when it stays."""
    reason: str
    """One sentence for the person."""
    confidence: float
    """From 0 to 1; 0 when nothing is proposed."""
    warning: bool = False
    """Whether the reason is a warning about the file."""

    @property
    def moves(self) -> bool:
        """Whether the target differs from the source."""
        return self.target != self.source


# The folders and the words in names, by the language of the interface.
_FOLDERS: dict[str, dict[str, str]] = {
    "en": {
        "invoice": "Invoices", "receipt": "Receipts", "statement": "Statements",
        "payslip": "Payslips", "tax": "Taxes", "contract": "Contracts", "insurance": "Insurance",
        "ticket": "Tickets", "paper": "Papers", "application": "Applications", "manual": "Manuals",
        "image": "Pictures", "audio": "Music", "video": "Videos", "archive": "Archives",
        "installer": "Installers", "program": "Installers", "disk": "Disk images",
        "spreadsheet": "Spreadsheets", "presentation": "Presentations", "ebook": "Books",
        "code": "Code", "font": "Fonts", "data": "Data", "database": "Data", "mail": "Mail",
        "document": "Documents", "text": "Documents",
    },
    "de": {
        "invoice": "Rechnungen", "receipt": "Belege", "statement": "Kontoauszüge",
        "payslip": "Gehalt", "tax": "Steuern", "contract": "Verträge",
        "insurance": "Versicherungen", "ticket": "Tickets", "paper": "Fachartikel",
        "application": "Bewerbungen", "manual": "Anleitungen", "image": "Bilder", "audio": "Musik",
        "video": "Videos", "archive": "Archive", "installer": "Programme", "program": "Programme",
        "disk": "Abbilder", "spreadsheet": "Tabellen", "presentation": "Präsentationen",
        "ebook": "Bücher", "code": "Code", "font": "Schriften", "data": "Daten",
        "database": "Daten", "mail": "Mail", "document": "Dokumente", "text": "Dokumente",
    },
    "fr": {
        "invoice": "Factures", "receipt": "Reçus", "statement": "Relevés", "payslip": "Salaires",
        "tax": "Impôts", "contract": "Contrats", "insurance": "Assurances", "ticket": "Billets",
        "paper": "Articles", "application": "Candidatures", "manual": "Manuels", "image": "Images",
        "audio": "Musique", "video": "Vidéos", "archive": "Archives", "installer": "Programmes",
        "program": "Programmes", "disk": "Images disque", "spreadsheet": "Tableurs",
        "presentation": "Présentations", "ebook": "Livres", "code": "Code", "font": "Polices",
        "data": "Données", "database": "Données", "mail": "Courrier", "document": "Documents",
        "text": "Documents",
    },
    "es": {
        "invoice": "Facturas", "receipt": "Recibos", "statement": "Extractos",
        "payslip": "Nóminas", "tax": "Impuestos", "contract": "Contratos", "insurance": "Seguros",
        "ticket": "Billetes", "paper": "Artículos", "application": "Solicitudes",
        "manual": "Manuales", "image": "Imágenes", "audio": "Música", "video": "Vídeos",
        "archive": "Archivos", "installer": "Programas", "program": "Programas",
        "disk": "Imágenes de disco", "spreadsheet": "Hojas de cálculo",
        "presentation": "Presentaciones", "ebook": "Libros", "code": "Código", "font": "Fuentes",
        "data": "Datos", "database": "Datos", "mail": "Correo", "document": "Documentos",
        "text": "Documentos",
    },
}  # fmt: skip
_NOUNS: dict[str, dict[str, str]] = {
    "en": {"invoice": "invoice", "receipt": "receipt", "statement": "bank statement",
           "payslip": "payslip", "tax": "tax document", "contract": "contract",
           "insurance": "insurance", "ticket": "ticket", "application": "application",
           "manual": "manual"},
    "de": {"invoice": "Rechnung", "receipt": "Beleg", "statement": "Kontoauszug",
           "payslip": "Gehaltsabrechnung", "tax": "Steuer", "contract": "Vertrag",
           "insurance": "Versicherung", "ticket": "Ticket", "application": "Bewerbung",
           "manual": "Anleitung"},
    "fr": {"invoice": "facture", "receipt": "reçu", "statement": "relevé", "payslip": "paie",
           "tax": "impôts", "contract": "contrat", "insurance": "assurance", "ticket": "billet",
           "application": "candidature", "manual": "manuel"},
    "es": {"invoice": "factura", "receipt": "recibo", "statement": "extracto",
           "payslip": "nómina", "tax": "impuestos", "contract": "contrato", "insurance": "seguro",
           "ticket": "billete", "application": "solicitud", "manual": "manual"},
}  # fmt: skip
_READS_LIKE = {
    "invoice": "an invoice", "receipt": "a receipt", "statement": "a bank statement",
    "payslip": "a payslip", "tax": "a tax document", "contract": "a contract",
    "insurance": "an insurance paper", "ticket": "a ticket", "paper": "a research paper",
    "application": "a job application", "manual": "a manual",
}  # fmt: skip
_IS = {
    "audio": "It is a sound file", "video": "It is a video", "archive": "It is an archive",
    "installer": "It installs a program", "program": "It is a program",
    "disk": "It is a disk image", "spreadsheet": "It is a spreadsheet",
    "presentation": "It is a presentation", "ebook": "It is a book", "code": "It is program code",
    "font": "It is a font", "data": "It is data", "database": "It is a database",
    "mail": "It is a mail", "document": "It is a document", "text": "It is a text",
}  # fmt: skip
_BY_YEAR = frozenset(
    {"invoice", "receipt", "statement", "payslip", "tax", "ticket", "document", "text"}
)
_RUNS = frozenset(
    {"exe", "msi", "elf", "macho", "script", "deb", "rpm", "apk", "jar", "appimage", "pkg"}
)
_SHOWS = frozenset(
    {".pdf", ".doc", ".docx", ".xls", ".xlsx", ".ppt", ".pptx", ".odt", ".jpg", ".jpeg", ".png",
     ".gif", ".txt", ".mp3", ".mp4", ".zip", ".html"}
)  # fmt: skip
_UNFINISHED = frozenset(
    {".part", ".crdownload", ".download", ".partial", ".opdownload", ".tmp", ".aria2"}
)
_SCREENSHOT = re.compile(
    r"(?i)screen[ _-]?shot|screen[ _-]?capture|bildschirm(?:foto|aufnahme)|capture d.écran|"
    r"captura de (?:pantalla|tela)|schermata|schermafbeelding|skärmavbild|zrzut ekranu|"
    r"снимок экрана|"
    r"скриншот|スクリーンショット|截图|截屏|屏幕快照|스크린샷"
)
_DATE_IN_NAME = re.compile(
    r"(?<!\d)((?:19|20)\d\d)[-_.]?(0[1-9]|1[0-2])[-_.]?(0[1-9]|[12]\d|3[01])(?!\d)"
)


def propose(
    path: Path,
    *,
    today: date,
    destination: Path,
    document: Document | None = None,
    names_in: Callable[[Path], Iterable[str]] | None = None,
    language: str = "en",
) -> Proposal:
    """What would be done with the file. Reads at most its first 256 kB, and lists no folder.

    ``document`` is what ``extract`` made of it, when it is one; ``names_in`` tells the names that a
    target folder holds already, so that the proposed one is free; ``language`` is that of the
    folders (en, de, fr, es). Raises Unavailable when the file is gone or cannot be read.
    """
    try:
        if refused := _refused(path):
            return _stays(path, refused, warning=False)
        kind = kind_of(path)
        if warned := _warned(path.name, kind):
            return _stays(path, warned, warning=True)
        plan = _plan(path, kind, document, today, language if language in _FOLDERS else "en")
    except FileNotFoundError:
        raise Unavailable(
            f"{path.name} is no longer there.", hint="It was moved, renamed or removed meanwhile."
        ) from None
    except OSError as error:
        raise Unavailable(
            f"{path.name} cannot be read: {error.strerror or 'the disk reports an error'}.",
            hint="Check its permissions and try again.",
        ) from error
    return _placed(path, plan, destination, names_in)


@dataclass(frozen=True, slots=True)
class _Plan:
    parts: tuple[str, ...]
    name: str
    reason: str
    confidence: float


def _refused(path: Path) -> str:
    """Why the file is left alone, or ""."""
    found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode):
        return "It is a link to another place, so it stays where it is."
    if stat.S_ISDIR(found.st_mode):
        return "It is a folder; only files are sorted."
    if not stat.S_ISREG(found.st_mode):
        return "It is not an ordinary file."
    if path.name.startswith((".", "~$")):
        return "It is a hidden file, so it stays where it is."
    if suffix_of(path.name) in _UNFINISHED:
        return "It is still being downloaded."
    return "" if found.st_size else "It is empty."


def _warned(name: str, kind: Kind) -> str:
    """What is suspicious about the file, or ""."""
    if deceives(name):
        return "Its name holds invisible marks that make it look like another file."
    stem, _ = split_name(name)
    inner = suffix_of(stem.rstrip())
    runs = kind.name in _RUNS or kind.suffix in (
        ".bat",
        ".cmd",
        ".vbs",
        ".js",
        ".ps1",
        ".scr",
        ".lnk",
    )
    if inner in _SHOWS and runs:
        return (
            f"Its name looks like a {inner[1:].upper()}, but it is a program. Be careful with it."
        )
    if not kind.agrees:
        holds = {"unknown": "something else", "text": "plain text", "exe": "a program"}.get(
            kind.name, f"{kind.name.upper()}"
        )
        return (
            f"Its name says {kind.suffix[1:].upper()}, but it holds {holds}. It stays where it is."
        )
    return ""


def _stays(path: Path, reason: str, *, warning: bool) -> Proposal:
    return Proposal(path, path, path.name, "", reason, 0.0, warning)


def _placed(
    path: Path, plan: _Plan, destination: Path, names_in: Callable[[Path], Iterable[str]] | None
) -> Proposal:
    parts = [safe_name(part) for part in plan.parts]
    if parts and parts[0].casefold() == destination.name.casefold():
        parts = parts[1:]  # ~/Documents/Documents helps nobody
    folder = destination.joinpath(*parts)
    name = plan.name
    if folder == path.parent and name == path.name:
        return _stays(path, "It is already in its place.", warning=False)
    if names_in is not None:
        taken = set(names_in(folder))
        if folder == path.parent:
            taken.discard(path.name)
        name = free_name(taken, name)
    return Proposal(
        path, folder / name, name, "/".join(parts), plan.reason, round(plan.confidence, 2)
    )


# ---------------------------------------------------------------- one plan per family


def _plan(path: Path, kind: Kind, document: Document | None, today: date, language: str) -> _Plan:
    if kind.family == "image" and kind.name not in ("svg", "psd", "xcf", "odg", "ico"):
        return _picture(path, kind, language)
    if kind.family in ("document", "text", "mail", "spreadsheet", "presentation", "ebook"):
        return _paper(path, kind, document, today, language)
    family = kind.family or "data"
    folders = _FOLDERS[language]
    name = _kept(path.name)
    reason = f"{_IS.get(family, 'It is a picture')}{_named(kind)}."
    sure = 0.8 if kind.family else 0.2
    if not kind.family:
        return _Plan(
            (folders["document"],), name, "It is a file of a kind that is not known.", sure
        )
    if family == "video":
        day = _day_in_name(path.name) or _file_day(path)
        return _Plan((folders["video"], str(day.year)), name, reason, sure)
    return _Plan((folders.get(family, folders["document"]),), name, reason, sure)


def _picture(path: Path, kind: Kind, language: str) -> _Plan:
    name = path.name
    shot = bool(_SCREENSHOT.search(name))
    when = photo.taken(path) if kind.name == "jpeg" and not shot else None
    day = when.date() if when else (_day_in_name(name) or _file_day(path))
    parts = (_FOLDERS[language]["image"], str(day.year), f"{day:%Y-%m}")
    if shot:
        return _Plan(parts, _kept(name), f"It is a screenshot of {_spell(day)}.", 0.9)
    if when:
        stem, suffix = split_name(name)
        if not tells(stem) and not _day_in_name(name):
            name = f"{day.isoformat()} {stem}{suffix}"
        return _Plan(parts, _kept(name), f"It is a photo taken on {_spell(day)}.", 0.9)
    return _Plan(parts, _kept(name), f"It is a picture from {_spell(day)}.", 0.7)


def _paper(path: Path, kind: Kind, document: Document | None, today: date, language: str) -> _Plan:
    """A document: by what it says when its text is known, else by its kind."""
    stem, suffix = split_name(path.name)
    text = document.text if document else ""
    title = _title(document) if document else ""
    folders = _FOLDERS[language]
    paper = read_paper(text, title=f"{title} {stem.replace('_', ' ')}", today=today)
    if kind.family in ("document", "text", "mail", "spreadsheet") and text and paper.sort:
        return _sorted(path, paper, title, language)
    family = kind.family
    day = _day(document, text, today) or _file_day(path)
    year = (str(day.year),) if family in _BY_YEAR else ()
    parts = (folders[family], *year)
    if tells(stem):
        return _Plan(
            parts, _kept(path.name), f"{_IS[family]}{_named(kind)}; its name is kept.", 0.5
        )
    heading = title or (summarize.title(text, longest=60) if text.strip() else "")
    if tells(heading):
        dated = "" if family == "ebook" else f"{day.isoformat()} "
        name = _fitted([dated + heading], suffix)
        return _Plan(parts, name, f"{_IS[family]} with the title “{_short(heading)}”.", 0.65)
    return _Plan(parts, _kept(path.name), f"{_IS[family]}{_named(kind)}.", 0.4)


def _sorted(path: Path, paper: Paper, title: str, language: str) -> _Plan:
    stem, suffix = split_name(path.name)
    day = paper.date or _file_day(path)
    parts = (_FOLDERS[language][paper.sort], *((str(day.year),) if paper.sort in _BY_YEAR else ()))
    name = path.name
    if not tells(stem):
        noun = _NOUNS[language].get(paper.sort, "")
        if paper.sort == "paper" or (not paper.sender and tells(title)):
            words = [title] if tells(title) else [tidy(stem)]
        else:
            words = [paper.sender, noun, paper.number]
        dated = [] if paper.sort in ("paper", "manual") and not paper.date else [day.isoformat()]
        name = _fitted([*dated, *words], suffix)
    reason = f"It reads like {_READS_LIKE[paper.sort]}"
    reason += f" from {paper.sender}" if paper.sender else ""
    reason += f" dated {_spell(paper.date)}" if paper.date else ""
    return _Plan(parts, _kept(name), f"{reason}.", paper.sure)


# ---------------------------------------------------------------- names, dates, words


def _kept(name: str) -> str:
    """The same name, unless something in it is not allowed."""
    return safe_name(name)


def _fitted(words: list[str], suffix: str) -> str:
    stem = " ".join(word for word in words if word).replace("/", "-")
    # Dots inside would look like a suffix; a name of words needs none at its end.
    return safe_name(stem.rstrip(" .…") + suffix)


def _title(document: Document) -> str:
    """The title that the document states, unless it is what a program put there."""
    title = re.sub(r"(?i)^microsoft (?:word|powerpoint|excel) - ", "", document.title.strip())
    title = re.sub(r"(?i)\.(?:docx?|pdf|tex|dvi|indd|pptx?|xlsx?|odt|qxd|rtf|txt)$", "", title)
    return title if tells(title) else ""


def _day(document: Document | None, text: str, today: date) -> date | None:
    if found := find_date(text[:3_000], today):
        return found
    written = document.meta.get("date", "") if document else ""
    match = re.search(r"((?:19|20)\d\d)-?(\d\d)-?(\d\d)", written)  # 2026-03-03, D:20260303
    try:
        return date(*map(int, match.groups())) if match else None
    except ValueError:
        return None


def _day_in_name(name: str) -> date | None:
    match = _DATE_IN_NAME.search(name)
    try:
        return date(*map(int, match.groups())) if match else None
    except ValueError:
        return None


def _file_day(path: Path) -> date:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime).date()
    except (ValueError, OverflowError):
        return date(1970, 1, 1)  # a time that no calendar holds


def _spell(day: date) -> str:
    return f"{day.day} {calendar.month_name[day.month]} {day.year}"


def _named(kind: Kind) -> str:
    return f" ({kind.suffix[1:].upper()})" if kind.suffix else ""


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59].rstrip() + "…"
