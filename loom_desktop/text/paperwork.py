"""What sort of paper a text is (invoice, contract, ticket ...), and who sent it when.

A vote of words in English, German, French, Spanish and a few of other languages: what stands in
the title and at the top counts most. It reads only the beginning, guesses no sums together, and
leaves empty what it does not find.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import cache

from loom_desktop.text.days import MONTHS

READ = 12_000
"""Characters looked at."""


@dataclass(frozen=True, slots=True)
class Paper:
    """What could be read out of a document."""

    sort: str
    """invoice, receipt, statement, payslip, tax, contract, insurance, ticket, paper, application,
    manual, or "" for none of them."""
    sender: str = ""
    date: date | None = None
    number: str = ""
    total: str = ""
    """The amount as it is written."""
    sure: float = 0.0
    """From 0 to 1."""


# sort | words that name it | words that go with it
_SORTS: tuple[tuple[str, str, str], ...] = (
    (
        "invoice",
        r"invoice|rechnung|facture|factura|fattura|fatura|factuur|faktura|счёт-фактура|"
        r"счет на оплату|"
        r"請求書|发票|發票",
        r"amount due|total due|balance due|bill to|due date|payment terms|invoice (?:no|number|"
        r"date)|"
        r"vat|mwst|ust-?id|umsatzsteuer|rechnungs(?:nummer|datum|betrag)|zahlbar|zahlungsziel|"
        r"netto|"
        r"gesamtbetrag|tva|montant|net à payer|ttc|échéance|siret|iva|importe|vencimiento|"
        r"base imponible|total a pagar|nif|cif|iban|imponibile|btw",
    ),
    (
        "receipt",
        r"receipt|quittung|kassenbon|kassenbeleg|zahlungsbeleg|reçu|ticket de caisse|recibo|"
        r"ricevuta|"
        r"scontrino|kvitto|чек|領収書|收据",
        r"paid|bezahlt|bar|cash|change|payé|pagado|visa|mastercard|ec-karte|thank you for your "
        r"(?:purchase|order|payment)|vielen dank für ihren einkauf|total|summe|mwst|vat|tva|iva",
    ),
    (
        "statement",
        r"(?:bank|account) statement|statement of account|kontoauszug|relevé de compte|"
        r"relevé bancaire|extracto (?:bancario|de cuenta)|estratto conto|выписка по счёту",
        r"opening balance|closing balance|iban|alter (?:konto)?stand|neuer (?:konto)?stand|saldo|"
        r"solde|buchung|valuta|transactions?|saldo (?:inicial|final)",
    ),
    (
        "payslip",
        r"pay ?slip|salary statement|lohnabrechnung|gehaltsabrechnung|entgeltabrechnung|"
        r"bulletin de (?:paie|salaire)|fiche de paie|nómina|busta paga|расчётный лист",
        r"gross pay|net pay|brutto|netto|sozialversicherung|steuerklasse|salaire brut|salario|"
        r"employer|arbeitgeber|employeur",
    ),
    (
        "tax",
        r"tax (?:return|assessment)|income tax|form (?:1040|w-2|1099)|steuerbescheid|"
        r"einkommensteuer\w*|lohnsteuerbescheinigung|avis d.imp(?:osition|ôt)|"
        r"déclaration de revenus|"
        r"declaración de la renta|dichiarazione dei redditi",
        r"finanzamt|steuernummer|taxable income|hmrc|irs|impôts?|hacienda|revenu fiscal",
    ),
    (
        "contract",
        r"contract|agreement|lease|vertrag|mietvertrag|arbeitsvertrag|kaufvertrag|\w+vertrag|"
        r"contrat|"
        r"convention|bail|contrato|contratto|договор|契約書|合同",
        r"the parties|party|hereinafter|shall|governing law|termination|signature|kündigung|"
        r"laufzeit|"
        r"vertragspartner|vermieter|mieter|parteien|les parties|ci-après|résiliation|las partes|"
        r"en adelante|rescisión|firma|unterschrift|cláusula|whereas",
    ),
    (
        "insurance",
        r"insurance (?:policy|certificate)|policy schedule|versicherungsschein|versicherungspolice|"
        r"police d.assurance|attestation d.assurance|póliza(?: de seguro)?|polizza",
        r"premium|insured|beitrag|versicherungsnehmer|assuré|prime|asegurado|prima|coverage|"
        r"deductible",
    ),
    (
        "ticket",
        r"boarding pass|e-?ticket|booking confirmation|travel itinerary|itinerary|fahrkarte|"
        r"bordkarte|buchungsbestätigung|reisebestätigung|eintrittskarte|carte d.embarquement|"
        r"billet (?:électronique|de train|d.avion)|tarjeta de embarque|billete|entrada|"
        r"confirmación de reserva|biglietto|carta d.imbarco",
        r"flight|gate|seat|departure|arrival|passenger|boarding|flug|sitzplatz|abfahrt|ankunft|"
        r"gleis|"
        r"reisende|vol|siège|départ|passager|vuelo|asiento|salida|pasajero|row|venue|check-in",
    ),
    (
        "application",
        r"curriculum vitae|résumé|lebenslauf|hoja de vida|currículum|anschreiben|bewerbung|"
        r"lettre de motivation|carta de presentación|cover letter",
        r"work experience|education|skills|references|berufserfahrung|ausbildung|kenntnisse|"
        r"expérience|formation|compétences|experiencia|formación|habilidades",
    ),
    (
        "manual",
        r"user(?:'s)? (?:manual|guide)|instruction manual|owner's manual|operating instructions|"
        r"installation guide|bedienungsanleitung|gebrauchsanweisung|handbuch|montageanleitung|"
        r"manuel d.utilisation|mode d.emploi|notice d.utilisation|manual de(?:l)? usuario|"
        r"guía del usuario|istruzioni per l.uso",
        r"warning|caution|safety|troubleshooting|warranty|warnung|sicherheitshinweise|garantie|"
        r"fehlerbehebung|avertissement|sécurité|advertencia|garantía|chapter|contents",
    ),
)  # fmt: skip


@cache
def _sorts() -> tuple[tuple[str, re.Pattern[str], re.Pattern[str]], ...]:
    """Compiled at the first document, not at the import."""
    return tuple(
        (
            sort,
            re.compile(rf"(?i)(?<![^\W_])(?:{named})(?![^\W\d_])"),
            re.compile(rf"(?i)(?<![^\W_])(?:{beside})(?![^\W_])"),
        )
        for sort, named, beside in _SORTS
    )


_ABSTRACT = re.compile(r"(?im)^\W{0,3}(?:abstract|zusammenfassung|résumé|resumen)\b")
_SCHOLARLY = re.compile(
    r"(?i)\bdoi[:. ]|10\.\d{4,9}/|arxiv:|\breferences\b|\bkeywords\b|\bet al\.|\bintroduction\b|"
    r"\buniversity\b|universität|\buniversité\b|\bproceedings\b|\bjournal of\b|\bliteratur\b"
)


def read_paper(text: str, *, title: str = "", today: date) -> Paper:
    """What sort of paper it is, and its sender, date, number and total, as far as they are "
    "there."""
    text = text[:READ]
    sort, votes = _sort(text, title)
    if not sort:
        return Paper("", date=find_date(text, today))
    sender = _sender(text, guess=sort in _SENT) if sort not in _UNSENT else ""
    number = _number(text, title) if sort in ("invoice", "receipt") else ""
    total = _total(text) if sort in ("invoice", "receipt") else ""
    day = find_date(text, today)
    found = bool(sender) + bool(number) + bool(day) + bool(total)
    return Paper(sort, sender, day, number, total, min(0.97, 0.35 + 0.06 * votes + 0.1 * found))


def _sort(text: str, title: str) -> tuple[str, float]:
    if not text.strip() and not title.strip():
        return "", 0
    top = text[:600]
    if _ABSTRACT.search(text[:6_000]) and len({*map(str.lower, _SCHOLARLY.findall(text))}) >= 2:
        return "paper", 5
    best, most = "", 0.0
    for sort, named, beside in _sorts():
        hits = [match.start() for match in named.finditer(text)][:10]
        if not hits and not named.search(title):
            continue
        votes = 2.0 * bool(named.search(title)) + 2.0 * bool(named.search(top))
        votes += 1.0 * any(_heads_line(text, at) for at in hits) + min(1.5, 0.3 * len(hits))
        if sort in ("invoice", "receipt"):
            votes += 0.75 * bool(_total(text)) + 0.75 * bool(_number(text, title))
        votes += min(3.0, 0.75 * len({match.group().lower() for match in beside.finditer(text)}))
        if votes > most:
            best, most = sort, votes
    return (best, most) if most >= 3.5 else ("", 0)


def _heads_line(text: str, at: int) -> bool:
    """Whether a short line begins with the word, as a heading does."""
    begin = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    return at - begin < 14 and (end if end >= 0 else len(text)) - begin < 50


# ---------------------------------------------------------------- dates

_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_DATES = re.compile(
    r"(?i)(?<![\d.,/-])(?:"
    r"(?P<y1>(?:19|20)\d\d)[-/.](?P<m1>\d{1,2})[-/.](?P<d1>\d{1,2})"
    r"|(?P<d2>\d{1,2})(?P<sep>[./-])(?P<m2>\d{1,2})(?P=sep)(?P<y2>(?:19|20)?\d\d)"
    rf"|(?P<d3>\d{{1,2}})(?:st|nd|rd|th|er|º|\.)?\s+(?:de\s+|of\s+)?(?P<n3>{_MONTH})\.?,?\s+"
    r"(?:de\s+)?(?P<y3>(?:19|20)\d\d)"
    rf"|(?P<n4>{_MONTH})\.?\s+(?P<d4>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<y4>(?:19|20)\d\d)"
    r"|(?P<y5>(?:19|20)\d\d)年(?P<m5>\d{1,2})月(?P<d5>\d{1,2})日"
    r")(?![\d/-])"
)
_DATE_LABEL = re.compile(
    r"(?i)(?:invoice date|date of issue|issue date|issued(?: on)?|dated|rechnungsdatum|"
    r"ausgestellt am|"
    r"belegdatum|datum|date de (?:la )?facture|date d.émission|fecha de (?:la )?factura|"
    r"fecha(?: de emisión)?|data(?: fattura)?|date)\s*[:.]?\s*(?:den |le |el )?$"
)
_OTHER_LABEL = re.compile(
    r"(?i)(?:due|fällig|zahlbar|échéance|vencimiento|born|geb\w*|delivery|lieferdatum|liefer\w*|"
    r"valid|until|bis|period|zeitraum|printed|order date|bestelldatum)[^\n\d]{0,20}$"
)


def find_date(text: str, today: date) -> date | None:
    """The day a document names as its own: a labelled one first, else the first that makes sense.

    ``3/4/2026`` is read day first, or month first where only dollars are paid.
    """
    dollars = "$" in text and not re.search(r"[€£]|\bEUR\b|\bGBP\b|\bCHF\b", text)
    first: date | None = None
    for match in _DATES.finditer(text[:READ]):
        day = _read_date(match, month_first=dollars)
        if day is None or day.year < 1970 or (day - today).days > 60:
            continue
        before = text[max(0, match.start() - 45) : match.start()]
        if _OTHER_LABEL.search(before):
            continue
        if _DATE_LABEL.search(before):
            return day
        first = first or day
    return first


def _read_date(match: re.Match[str], *, month_first: bool) -> date | None:
    parts = {name: value for name, value in match.groupdict().items() if value}
    which = next(name[1] for name in parts if name[0] == "y")
    year, day = int(parts[f"y{which}"]), int(parts[f"d{which}"])
    year += 2000 if year < 100 else 0
    named = parts.get(f"n{which}")
    month = MONTHS[named.lower()] if named else int(parts[f"m{which}"])
    if parts.get("sep") == "/" and (month > 12 or (month_first and day <= 12)):
        day, month = month, day
    try:
        return date(year, month, day)
    except ValueError:
        return None


# ---------------------------------------------------------------- sender, number, total

_FORM = (
    r"GmbH(?:\s*&\s*Co\.?\s*KG)?|gGmbH|AG|UG|KG|OHG|e\.\s?K\.|e\.\s?V\.|SE|Inc\.?|LLC|Ltd\.?|"
    r"Limited|PLC|plc|"
    r"Corp\.?|Corporation|Company|Co\.|SARL|S\.?A\.?R\.?L\.?|SASU?|S\.?A\.?S\.?|S\.A\.U?\.?|SA|"
    r"S\.L\.U?\.?|SL|"
    r"B\.?V\.?|N\.?V\.?|Oy|AB|ApS|A/S|AS|S\.?p\.?A\.?|S\.?r\.?l\.?|SRL|Pty\.?(?: Ltd\.?)?|LLP|"
    r"sp\. z o\.o\.|"
    r"s\.r\.o\.|Kft\.?|ООО|株式会社|有限公司"
)
_COMPANY = re.compile(rf"(?:^|[\s,:|•·-])([^\W\d_][^\n:|•·,;]{{1,48}}?)[,\s]+(?:{_FORM})(?![\w])")
_LEGAL = re.compile(rf"[,\s]+(?:{_FORM})\.?\s*$")
_FROM = re.compile(
    r"(?im)^\W{0,3}(?:from|sender|seller|vendor|issued by|sold by|merchant|von|absender|verkäufer|"
    r"aussteller|de|émetteur|vendeur|expéditeur|emisor|vendedor|remitente|da|"
    r"fornitore)\s*:\s*(\S[^\n]{1,60})"
)
_BY = re.compile(
    r"(?i)\b(?:invoice|receipt|rechnung|quittung|facture|reçu|factura|recibo)\s+(?:from|by|von|"
    r"de)\s+"
    r"([^\W\d_][^\n,;:]{1,40})"
)
_TO = re.compile(
    r"(?i)^\W{0,3}(?:bill(?:ed)? to|ship to|sold to|customer|client|to|an|rechnungsadresse|kunde|"
    r"empfänger|"
    r"facturé à|adressé à|destinataire|facturar a|cliente|destinatario|à|para|att[n.]?)\b\s*:?"
)
_NO_SENDER = re.compile(
    r"(?i)invoice|rechnung|factur|fattura|receipt|quittung|reçu|recibo|date|datum|fecha|page|seite|"
    r"página|tax|vat|ust|total|statement|contract|vertrag|agreement|dear|sehr geehrte|www\.|@|"
    r"https?:|"
    r"tel\b|phone|thank|dank|merci|gracias|telefon|original|copy|kopie|order|bestellung|customer|"
    r"kunde|street|straße|str\."
)


_SENT = frozenset({"invoice", "receipt", "statement", "payslip", "insurance"})
"""Papers that begin with the name of who sent them, even when nothing says so."""
_UNSENT = frozenset({"paper", "application", "manual"})


def _sender(text: str, *, guess: bool) -> str:
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line][:40]
    if match := _FROM.search(text[:4_000]):
        return _company(match[1])
    skip = 0
    for line in lines:
        if _TO.match(line):
            skip = 3  # the next lines are the address of the one who pays
        if skip:
            skip -= 1
            continue
        if (match := _COMPANY.search(line[:160])) and not _TO.match(match[1]):
            name = _company(match[1])
            if name and not _NO_SENDER.fullmatch(name):
                return name
    if match := _BY.search(text[:4_000]):
        return _company(match[1])
    for line in lines[:4] if guess else ():
        words = line.split()
        if 1 <= len(words) <= 5 and len(line) <= 40 and re.fullmatch(r"[^\d]+", line):
            named = _NO_SENDER.search(line) or any(one.search(line) for _, one, _ in _sorts())
            if not named and line[0].isalpha() and not _TO.match(line):
                return _company(line)
    return ""


def _company(name: str) -> str:
    name = _LEGAL.sub("", " ".join(name.split()))
    name = re.sub(r"\s*[<(\[].*$", "", name)
    name = re.sub(
        r"(?i)^(?:(?:invoice|rechnung|facture|factura|receipt)\s+)?(?:from|by|von|de|the)\s+",
        "",
        name,
    )
    return name.strip(" .,;:-–|•·*\"'“”")[:40].strip()


_NUMBER = re.compile(
    r"(?i)\b(?:invoice|rechnungs?|re|facture|factura|fattura|receipt|quittungs?|beleg|reçu|"
    r"recibo|rg|inv)"
    r"[\s-]{0,3}(?:(?:no|nr|num(?:ber|mer|éro|ero)?|número|n°|nº|id)\b\.?|n°|nº|#)?[\s.:#-]{0,4}"
    r"([A-Z]{0,6}[-/_]?\d[\w/.-]{0,24}|[A-Z]{1,6}[-/_]\d[\w/.-]{0,24})"
)
_ALSO_NUMBER = re.compile(
    r"(?i)\b(?:number|nummer|numéro|número|no\.|nr\.|n°|"
    r"nº)\s*:?\s*([A-Z]{0,6}[-/_]?\d[\w/.-]{1,24})"
)


def _number(text: str, title: str) -> str:
    for source in (text[:4_000], title):
        for pattern in (_NUMBER, _ALSO_NUMBER):
            for match in pattern.finditer(source):
                number = match[1].strip(".-/_")
                if not _DATES.fullmatch(number) and not re.fullmatch(r"\d|\d+[.,]\d\d", number):
                    return number[:24]
    return ""


_MONEY = r"(?:[€$£¥]|EUR|USD|GBP|CHF|SEK|PLN|JPY|Fr\.)"
_TOTAL = re.compile(
    r"(?i)\b(?:grand total|total (?:due|amount|ttc|a pagar|général|to pay)|amount due|balance due|"
    r"amount paid|total|gesamtbetrag|gesamtsumme|gesamt|rechnungsbetrag|endbetrag|summe|zu zahlen|"
    r"zahlbetrag|montant total|net à payer|importe total|totale(?: documento)?|итого|合計|总计)"
    rf"[^\d\n€$£¥]{{0,25}}\n?\s*((?:{_MONEY}\s?)?\d[\d.,' \u00a0\u202f]{{0,14}}\d(?:\s?{_MONEY})?)"
)


def _total(text: str) -> str:
    """The last one that is labelled: sums stand above their total."""
    found = [" ".join(match[1].split()) for match in _TOTAL.finditer(text)]
    money = [one for one in found if re.search(rf"{_MONEY}|[.,]\d\d(?!\d)", one)]
    return (money or [""])[-1]
