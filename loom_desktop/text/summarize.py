"""Summarises a text by choosing its most telling sentences; no model, no network.

TextRank (Mihalcea and Tarau, 2004) over the cosine of idf-weighted words, with a bonus for the
beginning and for figures, a malus for greetings and very short or long sentences, and maximal
marginal relevance (Carbonell and Goldstein, 1998) against saying the same twice. The chosen
sentences keep their order and their words. Long texts are sampled and only the most promising
sentences take part, so that 1 MB costs about what 100 kB cost. Pure CPU: call it in a thread.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from dataclasses import dataclass

from loom_desktop.text.language import COMMON
from loom_desktop.text.language import language as language_of
from loom_desktop.text.sentences import blocks
from loom_desktop.text.sentences import sentences as split

WHOLE = 120_000
"""Characters up to which the whole text is read; beyond, its beginning, its end and samples."""
CANDIDATES = 150
"""Sentences that take part in the ranking."""
_UNSPACED = frozenset({"zh", "ja", "th"})
_DAMPING = 0.85


@dataclass(frozen=True, slots=True)
class Summary:
    """The sentences chosen from a text, in its order and its words."""

    sentences: tuple[str, ...]
    language: str
    """Of the text, "" when unknown."""
    words_in: int
    """Of the whole text; in Chinese, Japanese and Thai two characters count as a word."""
    words_out: int

    @property
    def text(self) -> str:
        """As one paragraph."""
        return ("" if self.language in ("zh", "ja") else " ").join(self.sentences)

    @property
    def bullets(self) -> str:
        """As a list, one sentence per line."""
        return "\n".join(f"- {sentence}" for sentence in self.sentences)


def summarize(
    text: str, *, sentences: int = 3, max_words: int | None = None, language: str | None = None
) -> Summary:
    """At most ``sentences`` sentences, or as many as fit into ``max_words`` when that is given.

    A text with fewer sentences comes back whole; one without words gives an empty summary. When
    not even one sentence fits into ``max_words``, the best one is cut and ends in "…". Program
    code is described rather than quoted. ``language`` spares finding it out.
    """
    lang = language_of(text) if language is None else language
    words_in = count_words(text, lang)
    most = max(1, sentences) if max_words is None else 10_000
    budget = math.inf if max_words is None else max(1, max_words)
    if looks_like_code(text):
        chosen = [_describe_code(text)]
    else:
        chosen = _choose(_worth_saying(split(_sample(text))), most, budget, lang)
    if len(chosen) == 1 and (count := count_words(chosen[0], lang)) > budget:
        chosen = [_shorten(chosen[0], int(budget), count)]
    return Summary(tuple(chosen), lang, words_in, sum(count_words(one, lang) for one in chosen))


def title(text: str, *, longest: int = 70) -> str:
    """A short name for the text: its own heading when it has one, else its best sentence, cut.

    Never longer than ``longest`` characters, one line, "" for a text without words.
    """
    start = text[:20_000]
    if looks_like_code(start):
        return _clip(_describe_code(start), longest)
    if heading := _first_line(start, longest):
        return heading
    parts = [one for one in blocks(start) if re.search(r"\w", one)]
    for part in parts[:3]:
        if len(parts) > 1 and _is_heading(part, longest):
            return part
    summary = summarize(start, sentences=1)
    return _clip(summary.sentences[0], longest) if summary.sentences else ""


def _first_line(text: str, longest: int) -> str:
    """The first line when it stands alone: short, and the next one begins anew."""
    lines = [" ".join(line.split()) for line in text.lstrip().split("\n", 4)[:4]]
    lines = [line.lstrip("# ") for line in lines if line]
    if len(lines) < 2 or not _is_heading(lines[0], min(50, longest)) or lines[1][:1].islower():
        return ""
    return lines[0]


def _is_heading(line: str, longest: int) -> bool:
    fits = 3 <= len(line) <= longest and not line.endswith((".", ",", ";", ":", "!", "?", "。"))
    starts = bool(re.match(r"\w", line))
    return fits and starts and not _OPENING.match(line) and not _NOISE.search(line)


def count_words(text: str, language: str = "") -> int:
    """Words as a person counts them; where no spaces are written, two characters are one."""
    if language in _UNSPACED:
        return math.ceil(sum(map(len, re.findall(r"\w+", text))) / 2)
    return len(text.split())


# ---------------------------------------------------------------- what does not belong in it

_NOISE = re.compile(
    r"""(?ix)
    unsubscribe | all\ rights\ reserved | ©\s*\d{4} | \bcookies?\b.{0,60}\b(?:accept|use|policy)
    | (?:accept|reject)\ all | click\ here | read\ more$ | sign\ up\ (?:for|to)\ our
    | view\ in\ browser
    | sent\ from\ my\ | von\ meinem\ \w+\ gesendet | envoyé\ de(?:puis)?\ mon | enviado\ desde\ mi
    | get\ outlook\ for | privacy\ policy | terms\ of\ (?:use|service) | share\ (?:this|on)
    | skip\ to
    | alle\ rechte\ vorbehalten | newsletter\ ab(?:bestellen|melden) | datenschutz(?:erklärung
    |richtl)
    | tous\ droits\ réservés | se\ désabonner | politique\ de\ confidentialité
    | todos\ los\ derechos | darse\ de\ baja | política\ de\ privacidad
    | this\ e-?mail\ (?:and\ any|is\ confidential|may\ contain)
    | ^on\ .{5,60}\ wrote: | ^am\ .{5,60}\ schrieb | ^le\ .{5,60}\ a\ écrit | ^el\ .{5,60}\ escribió
    | ^(?:page|seite|página)\ \d+(?:\ (?:of|von|de|sur)\ \d+)?$ | ^\d+$ | ^[\W_]+$ | ^https?://\S+$
    | ^(?:from|to|cc|sent|date|von|an|gesendet|de|à|para)\s?:
    """
)
_OPENING = re.compile(
    r"""(?ix)
    (?:hi|hello|hey|dear|good\ (?:morning|afternoon|evening)|thanks|thank\ you|many\ thanks|best
    |regards
    |kind\ regards|cheers|sincerely|yours|by\ the\ way|also,|ps:?|p\.s\.|hope\ (?:you|this|all)
    |just\ a\ quick
    |hallo|guten\ (?:tag|morgen)|sehr\ geehrte|liebe[rs]?|moin|servus|danke|vielen\ dank
    |mit\ freundlichen
    |(?:viele|beste|liebe|herzliche)\ grüße|übrigens|mfg|bonjour|bonsoir|salut|chers?|chère|cher
    |merci
    |cordialement|bien\ à\ vous|au\ fait|veuillez\ agréer|hola|buenos\ días|buenas|estimad[oa]s?
    |querid[oa]s?
    |gracias|saludos|atentamente|por\ cierto|ciao|buongiorno|gentile|egregio|grazie|cordiali\ saluti
    |olá|obrigad[oa]|prezad[oa]|beste|met\ vriendelijke|dag|hej|tack|hei|cześć|dzień\ dobry|dziękuję
    |здравствуйте|привет|спасибо|уважаем|добрый\ день|с\ уважением
    |您好|你好|谢谢|こんにちは|お世話になって)
    (?=\W|$)"""
)
_FENCED = re.compile(r"(?ms)^[ \t]*```.*?^[ \t]*```[ \t]*$")
_FIGURE = re.compile(r"\d")
_SAYS_MUCH = re.compile(
    r"(?i)\b(?:in (?:summary|conclusion|short)|overall|therefore|as a result|because of this|"
    r"we (?:found|"
    r"show|propose|decided)|the (?:main|key|most important)|must|deadline|please (?:do not|"
    r"make sure|send)|"
    r"zusammenfassend|insgesamt|deshalb|daher|wichtig|en résumé|en conclusion|donc|important|"
    r"en resumen|en conclusión|por lo tanto|importante)\b"
)


def _worth_saying(found: list[str]) -> list[str]:
    """Without repetitions and boilerplate, unless nothing else is there."""
    seen: set[str] = set()
    kept: list[str] = []
    noise: list[str] = []
    for sentence in found:
        key = " ".join(re.findall(r"\w+", sentence.lower()))
        if not key or key in seen:
            continue
        seen.add(key)
        (noise if _NOISE.search(sentence) else kept).append(sentence)
    return kept or noise


def _sample(text: str) -> str:
    """All of it, or of a long text the beginning, the end and evenly spread pieces."""
    prose = _FENCED.sub("", text)
    text = prose if len(prose) > len(text) / 3 else text
    if len(text) <= WHOLE:
        return text
    head, tail, piece = WHOLE // 2, WHOLE // 8, WHOLE // 32
    count = (WHOLE - head - tail) // piece
    step = (len(text) - head - tail) / count
    pieces = [text[:head]]
    for at in range(count):
        begin = int(head + at * step)
        # From one end of a sentence to another, so that no torn sentence takes part.
        inner = re.search(r"[.!?。！？]\s*(.+[.!?。！？])", text[begin : begin + piece], re.DOTALL)
        pieces.append(inner[1] if inner else "")
    pieces.append(text[-tail:].partition(". ")[2])
    return "\n\n".join(pieces)


# ---------------------------------------------------------------- choosing


def _choose(found: list[str], most: int, budget: float, lang: str) -> list[str]:
    if len(found) <= most and sum(count_words(one, lang) for one in found) <= budget:
        return found
    stop = COMMON.get(lang, frozenset())
    bags = [_bag(sentence, stop, lang) for sentence in found]
    places = _promising(found, bags)
    rank = _rank([bags[at] for at in places])
    scores = {
        at: rank[i] * _prior(found[at], bags[at], at, len(found)) for i, at in enumerate(places)
    }
    picked: list[int] = []
    left, top = budget, max(scores.values())
    alike = dict.fromkeys(places, 0.0)
    while len(picked) < most and scores:
        best = max(scores, key=lambda at: scores[at] * (1 - alike[at]))
        del scores[best]
        if alike[best] > 0.8:
            continue
        length = count_words(found[best], lang)
        if length > left:
            fit = (at for at in scores if count_words(found[at], lang) <= left)
            if not picked and not any(scores[at] > 0.5 * top for at in fit):
                return [found[best]]  # nothing good fits: the caller cuts the best one
            continue
        left -= length
        picked.append(best)
        for at in scores:
            alike[at] = max(alike[at], _overlap(bags[at], bags[best]))
    return [found[at] for at in sorted(picked)]


def _bag(sentence: str, stop: frozenset[str], lang: str) -> Counter[str]:
    """Its content words, roughly stemmed; in scripts without spaces, its pairs of characters."""
    if lang in _UNSPACED:
        letters = re.sub(r"[\W\d_]|[\u3040-\u309f]" if lang == "ja" else r"[\W\d_]", "", sentence)
        return Counter(letters[at : at + 2] for at in range(len(letters) - 1))
    words = re.findall(r"[^\W_][\w'’-]*", sentence.lower())
    return Counter(word[:7] for word in words if word not in stop and len(word) > 2)


def _overlap(one: Counter[str], other: Counter[str]) -> float:
    if not one or not other:
        return 0.0
    return len(one.keys() & other.keys()) / min(len(one), len(other))


def _promising(found: list[str], bags: list[Counter[str]]) -> list[int]:
    """Places of the sentences that take part: all, or those with the text's frequent words."""
    if len(found) <= CANDIDATES:
        return list(range(len(found)))
    frequent: Counter[str] = Counter()
    for bag in bags:
        frequent.update(bag.keys())
    worth = [
        sum(math.log(1 + frequent[word]) for word in bag) / (6 + len(bag))
        * _prior(found[at], bag, at, len(found))
        for at, bag in enumerate(bags)
    ]  # fmt: skip
    best = sorted(range(len(found)), key=lambda at: worth[at], reverse=True)
    return sorted(best[:CANDIDATES])


def _rank(bags: list[Counter[str]]) -> list[float]:
    """TextRank of each sentence; the sum is 1."""
    count = len(bags)
    spread = Counter(word for bag in bags for word in bag)
    holders: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
    for at, bag in enumerate(bags):
        weights = {word: n * math.log(1 + count / spread[word]) for word, n in bag.items()}
        norm = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        for word, weight in weights.items():
            if spread[word] > 1:
                holders[word].append((at, weight / norm))
    links: list[defaultdict[int, float]] = [defaultdict(float) for _ in bags]
    for holding in holders.values():
        for i, (at, weight) in enumerate(holding):
            mine = links[at]
            for other, other_weight in holding[i + 1 :]:
                product = weight * other_weight
                mine[other] += product
                links[other][at] += product
    out = [[(to, weight / total) for to, weight in link.items()]
           for link, total in ((link, sum(link.values()) or 1.0) for link in links)]  # fmt: skip
    rank = [1 / count] * count
    for _ in range(20):
        after = [(1 - _DAMPING) / count] * count
        for at, link in enumerate(out):
            given = _DAMPING * rank[at]
            for to, share in link:
                after[to] += given * share
        moved = sum(abs(a - b) for a, b in zip(after, rank, strict=True))
        rank = after
        if moved < 1e-4:
            break
    return rank


def _prior(sentence: str, bag: Counter[str], at: int, count: int) -> float:
    """What the place and the shape of a sentence say about it."""
    factor = 1 + 0.35 / (1 + at) + (0.08 if count > 8 and at >= count - 2 else 0)
    size = sum(bag.values())
    factor *= 1.15 if _FIGURE.search(sentence) else 1
    factor *= 1.2 if _SAYS_MUCH.search(sentence) else 1
    factor *= 1 if 5 <= size <= 40 else 0.7
    factor *= 0.2 if sentence.startswith("|") else 1
    factor *= 0.4 if _OPENING.match(sentence) else 1
    factor *= 0.75 if sentence.endswith(("?", "？", ":")) else 1
    return factor


def _shorten(sentence: str, budget: int, count: int) -> str:
    words = sentence.split()
    if len(words) == count:
        return " ".join(words[:budget]).rstrip(",;:.-") + "…"
    return sentence[: 2 * budget] + "…"


def _clip(text: str, longest: int) -> str:
    """At most so many characters, cut between words, without a full stop."""
    text = " ".join(text.split()).rstrip(".。")
    if len(text) <= longest:
        return text
    cut = text[: longest - 1]
    at = cut.rfind(" ")
    return (cut[:at] if at > longest // 2 else cut).rstrip(" ,;:-–") + "…"


# ---------------------------------------------------------------- program code

_CODE_LINE = re.compile(
    r"""(?x)^\s*(?:
      (?:def|class|import|from|return|if|for|while|else|elif|try|except|with|async|fn|func
    |function|let
         |const|var|public|private|static|package|use|struct|enum|impl|template|namespace|export)\b
         .*[:;{(=\w]\s*$
    | [\]})]+[;,]? | .*[;{}]\s* | \#include\b.* | \w[\w.]*\s*(?:[-+*/|&]?=|:=)\s*\S.* | //.*
    | /\*.* | @\w+.*
    | \w[\w.]*\(.*\)\s*[;:{]? | \s{2,}\S.*[,(\[{:)\]"'] | \s*\#.*
    )$"""
)
_DEFINES = re.compile(
    r"^\s*(?:export\s+|public\s+|private\s+|static\s+|async\s+|pub\s+|abstract\s+)*"
    r"(?:def|class|fn|func|function|struct|enum|interface|trait|impl|type)\s+\*?([A-Za-z_]\w*)",
    re.MULTILINE,
)


def looks_like_code(text: str) -> bool:
    """Whether most lines are program code rather than sentences."""
    lines = [line for line in text[:8_000].splitlines() if line.strip()]
    if len(lines) < 4:
        return False
    # Bounded, because a hostile line must not cost more than its length.
    code = sum(bool(_CODE_LINE.match(line[:160])) for line in lines)
    return code >= 0.5 * len(lines) and bool(re.search(r"[=;{}()]", text[:8_000]))


def _describe_code(text: str) -> str:
    names = list(dict.fromkeys(_DEFINES.findall(text[:200_000])))
    lines = sum(1 for line in text.splitlines() if line.strip())
    if not names:
        return f"Program code, {lines} lines."
    if len(names) > 6:
        return f"Program code, {lines} lines: {', '.join(names[:6])} and {len(names) - 6} more."
    listed = ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else names[0]
    return f"Program code, {lines} lines: {listed}."
