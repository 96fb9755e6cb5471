"""Tells the language of a text by its script, and for Latin script by a vote of its common words.

Small and good enough to choose a stop-word list or a date grammar; it is no linguist. It says ""
when the text is too short or two languages are too close. Each frequent word that only a few
languages share counts more; letters and endings typical of one language add a little, which
decides short texts.
"""

from __future__ import annotations

import re
from collections import Counter

SAMPLE = 6_000
"""Characters looked at; more changes nothing."""

COMMON: dict[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "en": "the and of to in is that it was for on are with as be this have from or by not but "
        "what all were when we there can an your which their will would been has more if who out "
        "about so up them into do any my than they his her she he you i at its our please how "
        "should could only also just after before over these because where",
        "de": "der die das und ist nicht ein eine einen einem einer ich sie wir es mit auf für von "
        "dem den des zu im in auch sich als an werden aus er hat dass bei oder war haben nach wird "
        "wie um noch nur über vor zum zur durch kann sind aber wenn mehr bitte sehr ihr ihre uns "
        "diese dieser dieses was so schon mich mir heute "
        "morgen danke wenn erinnere dir du",
        "fr": "le la les de des du et est un une en que qui dans pour pas sur au aux avec ce cette "
        "il elle nous vous je ne se sont par plus mais ou son sa ses leur être été comme tout "
        "faire fait ont très bien aussi deux peut même sans entre donc où ces votre notre mon ma "
        "comment ça va quand avant jour merci bonjour quel quelle demain rappelle",
        "es": "el la los las de del y es un una en que por con para no se su al lo como más pero "
        "sus le ya o este sí porque esta entre cuando muy sin sobre también me hasta hay donde "
        "quien desde todo nos durante uno ni contra otros fue son está han ser tiene "
        "mañana antes cómo estás qué dónde cuánto debe hoy días buenos gracias fin hacer puede",
        "it": "il lo la gli le di del della dei delle e è un una in che per con non si da al alla "
        "sono come più ma anche questo questa nel nella o ho ha hanno se perché quando molto ci "
        "suo sua loro essere stato tutti tutto dal dalla ai sul così già",
        "pt": "o a os as de do da dos das e é um uma em no na nos nas que por com para não se seu "
        "sua ao mais como mas foi ele ela são também já ou ser quando muito há você eu está isso "
        "pelo pela até sem nós depois tem às",
        "nl": "de het een en van is in dat op te zijn met voor niet die er aan ook als bij door om "
        "naar maar dan nog wel of heeft hebben wij ik je jij hij zij uit over worden wordt kan "
        "deze dit moet wat geen meer zo zou was onze veel",
        "sv": "och att det som en på är av för med den till inte har de ett om jag var men sig så "
        "vi från kan han när nu hur eller skulle vad där alla ska då mycket hon också efter",
        "da": "og det at en den til er som på de med han af for ikke der var mig sig men et har om "
        "vi jeg havde hun nu over da fra du ud sin dem os op hvad kan skal også efter meget blev",
        "nb": "og det at en den til er som på de med han av for ikke der var meg seg men et har om "
        "vi jeg hadde hun nå over da fra du ut sin dem oss opp hva kan skal også etter mye ble",
        "fi": "ja on ei se että oli hän mutta kun niin tai ovat myös jos mitä minä sinä olen vain "
        "kuin joka tämä sen ole sitä voi hyvin nyt jo vielä kanssa mukaan sekä",
        "pl": "i w na z że do nie jest się to o jak za po co od dla ale czy tak oraz ma być przez "
        "są tego tym może było już tylko jego bardzo gdy też który która które przed przy",
        "cs": "a v na se je že to s z do i o ne pro jako ale za by k jsou od po jak co byl tak už "
        "který která které nebo jeho však také při není aby bylo",
        "tr": "ve bir bu da de için ile çok ne gibi daha ama var olarak kadar sonra ben o değil "
        "her mi en ki olan oldu şey diye veya yok ya nasıl iyi",
        "ro": "și în de la a cu pe că nu este o un din pentru care mai sau să se au fost ca dar "
        "sunt ce prin după între acest această lui ei fi",
    }.items()
}
"""Frequent short words; also what a summary leaves out of its counting."""

_TYPICAL: dict[str, str] = {
    "en": r"ing\b|tion\b|ght\b|\bwh|ould\b|'s\b",
    "de": r"ß|ung\b|sch|keit\b|lich\b|tz|chen\b",
    "fr": r"[œêçèù]|eux\b|aux\b|\b[ldnjqs]['’]|ment\b|tion\b",
    "es": r"[ñ¿¡]|ción\b|dad\b|[íó]a\b",
    "it": r"zione\b|[ùòì]\b|tà\b|gli|\bdell['’]",
    "pt": r"[ãõ]|ção\b|ções\b|lh|nh",
    "nl": r"ij|aa|oe|sch|\bge\w+d\b",
    "sv": r"[åäö]|ck|ligt\b",
    "da": r"[æø]|hed\b|lig\b",
    "nb": r"[æø]|het\b|lig\b",
    "fi": r"ää|yy|ssa\b|ssä\b|kk|lla\b",
    "pl": r"[łśżźćńąę]|cz|sz|rz|ów\b",
    "cs": r"[řěůž]|ých\b|ní\b",
    "tr": r"[ğış]|lar\b|ler\b|yor\b",
    "ro": r"[țșăţş]|ul\b|lor\b",
}
_TYPICAL_RE = {language: re.compile(pattern) for language, pattern in _TYPICAL.items()}
_SHARED = Counter(word for words in COMMON.values() for word in words)
_WORD = re.compile(r"[^\W\d_]+")

_SCRIPTS: tuple[tuple[str, str], ...] = (
    ("kana", "\u3040-\u30ff"),
    ("han", "\u3400-\u4dbf\u4e00-\u9fff"),
    ("hangul", "\uac00-\ud7af\u1100-\u11ff"),
    ("cyrillic", "\u0400-\u04ff"),
    ("greek", "\u0370-\u03ff\u1f00-\u1fff"),
    ("arabic", "\u0600-\u06ff\u0750-\u077f"),
    ("hebrew", "\u0590-\u05ff"),
    ("devanagari", "\u0900-\u097f"),
    ("thai", "\u0e00-\u0e7f"),
    ("latin", "A-Za-z\u00c0-\u024f\u1e00-\u1eff"),
)
_SCRIPT_RE = tuple((name, re.compile(f"[{letters}]")) for name, letters in _SCRIPTS)
_ONE_LANGUAGE = {"hangul": "ko", "greek": "el", "hebrew": "he", "devanagari": "hi", "thai": "th"}


def language(text: str) -> str:
    """The ISO 639-1 code of the language most of the text is in, or "" when it cannot be told."""
    sample = text[:SAMPLE]
    counts = {name: len(letters.findall(sample)) for name, letters in _SCRIPT_RE}
    # One character of these says as much as three letters of an alphabet.
    weighed = {n: c * (3 if n in ("kana", "han", "hangul") else 1) for n, c in counts.items()}
    script = max(weighed, key=lambda name: weighed[name])
    if not counts[script]:
        return ""
    if script in ("han", "kana"):
        return "ja" if counts["kana"] * 12 > counts["han"] else "zh"
    if script in _ONE_LANGUAGE:
        return _ONE_LANGUAGE[script]
    if script == "cyrillic":
        return _cyrillic(sample.lower())
    if script == "arabic":
        return "fa" if re.search("[پچژگ]", sample) else "ar"
    return _latin(sample.lower())


def _cyrillic(sample: str) -> str:
    if re.search("[іїєґ]", sample):
        return "uk" if not re.search("[ыэў]", sample) else "be"
    if re.search("[ыэё]", sample):
        return "ru"
    if re.search("[јљњћђџ]", sample):
        return "sr"
    bulgarian = len(re.findall(r"\b(?:на|е|се|за|от|да|че|са|си)\b", sample))
    return "bg" if sample.count("ъ") > 1 and bulgarian > 2 else "ru"


def _latin(sample: str) -> str:
    words = _WORD.findall(sample)
    votes = dict.fromkeys(COMMON, 0.0)
    for word, count in Counter(words).items():
        if shared := _SHARED.get(word):
            for one, common in COMMON.items():
                if word in common:
                    votes[one] += count / shared
    for one, typical in _TYPICAL_RE.items():
        votes[one] += 0.25 * len(typical.findall(sample))
    best, second = sorted(votes, key=lambda one: votes[one], reverse=True)[:2]
    enough = max(0.6, 0.04 * len(words))
    if votes[best] < enough or votes[best] < 1.15 * votes[second]:
        return ""
    return best
