"""Converts between units, exactly and without the network: ``10 km in miles``, ``72 F to C``.

Own table: each unit is a factor (and for temperatures an offset) to the base unit of its quantity,
as a fraction, from the definitions of the SI brochure and NIST Handbook 44. Cups, pints, gallons
and fluid ounces are those of the United States unless ``imperial`` or ``UK`` is said; tonnes are
metric; KB is 1000 bytes and KiB 1024. Case decides only where it must (``Mb`` and ``MB``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from loom_desktop.errors import NotUnderstood, Unavailable
from loom_desktop.text.answer import Answer
from loom_desktop.text.number import NUMBER, read_number, write_number

LONGEST = 200


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit: what it measures and how it becomes the base unit."""

    quantity: str
    name: str
    """As it is written after a number."""
    factor: Fraction
    offset: Fraction = Fraction(0)
    """Added before the factor is applied: only temperatures have one."""
    inverse: bool = False
    """Litres per 100 km grow when miles per gallon shrink."""

    def to_base(self, value: Fraction) -> Fraction:
        """In the base unit of the quantity."""
        if self.inverse:
            return self.factor / value
        return (value + self.offset) * self.factor

    def from_base(self, value: Fraction) -> Fraction:
        """From the base unit of the quantity."""
        if self.inverse:
            return self.factor / value
        return value / self.factor - self.offset


# quantity: one unit per line: name | factor to the base unit | other names, separated by commas.
# Names stand in singular; an English plural "s" is understood. "+" continues the line above.
_TABLE: dict[str, str] = {
    "a length": """
        m|1|metre,meter,metro,mètre,метр,метра,метров,м
        km|1000|kilometre,kilometer,kilómetro,kilometro,chilometro,chilometri,kilomètre,км,
          + километр,километров,kms
        cm|0.01|centimetre,centimeter,zentimeter,centímetro,centimètre,centimetro,см
        mm|0.001|millimetre,millimeter,milímetro,millimètre,мм
        dm|0.1|decimetre,decimeter,dezimeter
        µm|0.000001|um,μm,micrometre,micrometer,micron,mikrometer
        nm|0.000000001|nanometre,nanometer
        miles|1609.344|mile,mi,meile,meilen,milla,milles,mille,miglio,miglia,миля,миль,мили
        yards|0.9144|yard,yd,yarda
        feet|0.3048|foot,ft,fuß,fuss,pied,pie,piede,piedi,фут,футов,',′
        inches|0.0254|inch,in,zoll,pouce,pulgada,pollice,pollici,дюйм,дюймов,",″
        nautical miles|1852|nautical mile,nmi,seemeile,seemeilen,mille marin,milles marins,
          + milla náutica
        light years|9460730472580800|light year,light-year,lightyear,ly,lichtjahr,lichtjahre
        AU|149597870700|au,astronomical unit
        parsecs|30856775814913673|parsec,pc
        furlongs|201.168|furlong
        fathoms|1.8288|fathom
    """,
    "a mass": """
        kg|1|kilogram,kilogramme,kilogramm,kilo,kilogramo,chilo,chili,chilogrammo,кг,килограмм
        g|0.001|gram,gramme,gramm,gramo,grammo,grammi,грамм,граммов,г,gr
        mg|0.000001|milligram,milligramm,milligramme,miligramo,мг
        µg|0.000000001|ug,μg,microgram,mcg,mikrogramm
        t|1000|tonne,metric ton,tonelada,tonnellata,тонна,тонн,тонны
        pounds|0.45359237|pound,lb,lbs,pfund,livre,libra,libbra,фунт,фунтов,#
        ounces|0.028349523125|ounce,oz,unze,unzen,once,onza,oncia,унция
        stone|6.35029318|st,stones
        US tons|907.18474|us ton,short ton,ton
        long tons|1016.0469088|long ton,imperial ton
        carats|0.0002|carat,ct,karat
        grains|0.00006479891|grain
        Zentner|50|zentner
    """,
    "a volume": """
        l|1|litre,liter,litro,litri,литр,литров,литра,л
        ml|0.001|millilitre,milliliter,mililitro,millilitri,мл,cc
        cl|0.01|centilitre,centiliter,zentiliter,centilitro
        dl|0.1|decilitre,deciliter,deziliter
        m³|1000|m3,cubic metre,cubic meter,kubikmeter,mètre cube,metro cúbico,cbm
        cm³|0.001|cm3,cubic centimetre,cubic centimeter,kubikzentimeter
        cups|0.2365882365|cup,tasse,tassen,taza,tazza,tazze,чашка
        tablespoons|0.01478676478125|tablespoon,tbsp,esslöffel,el,cuillère à soupe,
          + cuillères à soupe,cucharada
        teaspoons|0.00492892159375|teaspoon,tsp,teelöffel,tl,cuillère à café,cuillères à café,
          + cucharadita
        fluid ounces|0.0295735295625|fluid ounce,fl oz,fl. oz,floz,us fl oz
        pints|0.473176473|pint,pt,us pint
        quarts|0.946352946|quart,qt
        gallons|3.785411784|gallon,gal,us gallon,gallone,gallonen,galón,galones
        imperial pints|0.56826125|imperial pint,uk pint,british pint
        imperial gallons|4.54609|imperial gallon,uk gallon,british gallon
        imperial fluid ounces|0.0284130625|imperial fluid ounce,uk fl oz,imperial fl oz
        cubic feet|28.316846592|cubic foot,ft3,ft³,cu ft
        cubic inches|0.016387064|cubic inch,in3,in³,cu in
        barrels|158.987294928|barrel,bbl
    """,
    "an area": """
        m²|1|m2,sqm,qm,sq m,square metre,square meter,quadratmeter,mètre carré,mètres carrés,
          + metro cuadrado,metros cuadrados,м2
        km²|1000000|km2,sq km,square kilometre,square kilometer,quadratkilometer,kilomètre carré
        cm²|0.0001|cm2,sq cm,square centimetre,square centimeter,quadratzentimeter
        mm²|0.000001|mm2,square millimetre,square millimeter
        hectares|10000|hectare,ha,hektar,hectárea,ettaro,ettari,гектар
        a|100|are,ar
        acres|4046.8564224|acre,morgen
        square feet|0.09290304|square foot,sq ft,sqft,ft2,ft²,quadratfuß
        square inches|0.00064516|square inch,sq in,in2,in²
        square yards|0.83612736|square yard,sq yd,yd2,yd²
        square miles|2589988.110336|square mile,sq mi,mi2,mi²,quadratmeile,quadratmeilen
    """,
    "a time": """
        s|1|second,sec,sekunde,sekunden,sek,seconde,segundo,secondo,secondi,секунда,секунд,сек
        ms|0.001|millisecond,millisekunde,millisekunden
        µs|0.000001|us,μs,microsecond
        ns|0.000000001|nanosecond
        minutes|60|minute,min,minuten,minuto,minuti,минута,минут,минуты,мин
        hours|3600|hour,h,hr,stunde,stunden,std,heure,hora,ora,ore,час,часов,часа,ч
        days|86400|day,d,tag,tage,tagen,jour,día,dia,giorno,giorni,день,дней,дня
        weeks|604800|week,wk,woche,wochen,semaine,semana,settimana,settimane,неделя,недель
        months|2629746|month,monat,monate,monaten,mois,mes,meses,mese,mesi,месяц,месяцев
        years|31556952|year,yr,jahr,jahre,jahren,an,année,año,anno,anni,год,лет
        decades|315569520|decade,jahrzehnt
        centuries|3155695200|century,jahrhundert,siècle,siglo
        fortnights|1209600|fortnight
    """,
    "a speed": """
        m/s|1|mps,metres per second,meters per second,metre per second,meter per second,
          + meter pro sekunde,м/с
        km/h|5/18|kmh,kph,kmph,kilometres per hour,kilometers per hour,stundenkilometer,
          + kilometer pro stunde,км/ч
        mph|0.44704|mi/h,miles per hour,mile per hour,meilen pro stunde
        knots|463/900|knot,kn,kt,kts,knoten,nœud,nudo
        ft/s|0.3048|fps,feet per second
    """,
    "an amount of data": """
        bytes|8|byte,B,octet,o,Б
        bits|1|bit,b
        kB|8000|KB,kb,kilobyte,ko,КБ
        MB|8000000|mb,megabyte,mo,МБ
        GB|8000000000|gb,gigabyte,go,ГБ
        TB|8000000000000|tb,terabyte,to,ТБ
        PB|8000000000000000|pb,petabyte
        KiB|8192|kib,kibibyte
        MiB|8388608|mib,mebibyte
        GiB|8589934592|gib,gibibyte
        TiB|8796093022208|tib,tebibyte
        PiB|9007199254740992|pib,pebibyte
        kbit|1000|kb,Kb,kilobit,kbits
        Mbit|1000000|Mb,megabit,mbit,mbits
        Gbit|1000000000|Gb,gigabit,gbit,gbits
        Tbit|1000000000000|Tb,terabit,tbit
    """,
    "a data rate": """
        bit/s|1|bps,bits per second
        kbit/s|1000|kbps,kb/s
        Mbit/s|1000000|Mbps,mbps,Mb/s,mbit/s,megabits per second
        Gbit/s|1000000000|Gbps,gbps,Gb/s,gbit/s,gigabits per second
        kB/s|8000|KB/s,kilobytes per second
        MB/s|8000000|MBps,mb/s,megabytes per second
        GB/s|8000000000|GBps,gb/s,gigabytes per second
        MiB/s|8388608|mib/s
    """,
    "an energy": """
        J|1|joule
        kJ|1000|kilojoule
        MJ|1000000|megajoule
        cal|4.184|calorie,kalorie,kalorien,caloría
        kcal|4184|kilocalorie,kilokalorie,kilokalorien,kilocaloría,food calorie,Cal
        Wh|3600|watt hour,watt-hour,wattstunde,wattstunden
        kWh|3600000|kilowatt hour,kilowatt-hour,kilowattstunde,kilowattstunden,kwh
        MWh|3600000000|megawatt hour,mwh
        BTU|1055.05585262|btu,british thermal unit
        eV|0.0000000000000000001602176634|ev,electronvolt
        foot-pounds|1.3558179483314004|foot-pound,foot pound,ft lb,ft-lb
    """,
    "a power": """
        W|1|watt
        kW|1000|kilowatt,kw
        MW|1000000|megawatt
        GW|1000000000|gigawatt,gw
        hp|745.69987158227022|horsepower
        PS|735.49875|ps,pferdestärke,pferdestärken,ch,cv,metric horsepower
    """,
    "a pressure": """
        Pa|1|pascal
        hPa|100|hpa,hectopascal,hektopascal
        kPa|1000|kpa,kilopascal
        MPa|1000000|mpa,megapascal
        bar|100000|bars
        mbar|100|millibar
        atm|101325|atmosphere,atmosphäre,atmosphären
        psi|6894.757293168361|pounds per square inch,pound per square inch
        mmHg|133.322387415|mmhg,torr
        inHg|3386.389|inhg,inches of mercury
    """,
    "an angle": """
        degrees|1|degree,deg,°,grad,degré,grado,gradi,градус
        radians|180/3.14159265358979323846264338327950288|radian,rad,radianti
        gradians|0.9|gradian,gon
        turns|360|turn,revolution
        arcminutes|1/60|arcminute,arcmin
        arcseconds|1/3600|arcsecond,arcsec
    """,
    "a frequency": """
        Hz|1|hz,hertz
        kHz|1000|khz,kilohertz
        MHz|1000000|mhz,megahertz
        GHz|1000000000|ghz,gigahertz
        rpm|1/60|revolutions per minute,u/min
    """,
}


def _units() -> tuple[dict[str, list[Unit]], dict[str, list[Unit]]]:
    """By exact name, and by name in small letters; some names have more than one meaning."""
    units: list[tuple[Unit, list[str]]] = []
    for quantity, lines in _TABLE.items():
        for line in re.sub(r"\n\s*\+ ", "", lines).split("\n"):
            if line.strip():
                name, factor, others = line.strip().split("|")
                top, _, bottom = factor.partition("/")
                unit = Unit(quantity, name, Fraction(top) / Fraction(bottom or 1))
                units.append((unit, [name, *others.split(",")]))
    zero, fahrenheit = Fraction("273.15"), Fraction("459.67")
    for unit, others in (
        (Unit("a temperature", "°C", Fraction(1), zero),
         "C,celsius,centigrade,grad celsius,℃,degrés,цельсия"),
        (Unit("a temperature", "°F", Fraction(5, 9), fahrenheit), "F,fahrenheit,℉,фаренгейта"),
        (Unit("a temperature", "K", Fraction(1)), "kelvin,kelvins,°K"),
        (Unit("a temperature", "°R", Fraction(5, 9)), "rankine"),
        (Unit("a fuel economy", "l/100 km", Fraction(100), inverse=True),
         "l/100km,litres per 100 km,liters per 100 km,liter pro 100 km,litres aux 100 km"),
        (Unit("a fuel economy", "km/l", Fraction(1)), "kilometres per litre,kilometers per liter"),
        (Unit("a fuel economy", "mpg", Fraction("1.609344") / Fraction("3.785411784")),
         "miles per gallon,us mpg"),
        (Unit("a fuel economy", "imperial mpg", Fraction("1.609344") / Fraction("4.54609")),
         "uk mpg"),
    ):  # fmt: skip
        units.append((unit, [unit.name, *others.split(",")]))
    exact: dict[str, list[Unit]] = {}
    loose: dict[str, list[Unit]] = {}
    for unit, names in units:
        for name in names:
            exact.setdefault(name, []).append(unit)
            loose.setdefault(name.lower(), []).append(unit)
            if len(name) > 3 and name.isalpha() and not name.endswith("s"):
                loose.setdefault(name.lower() + "s", []).append(unit)
            if len(name) > 3 and name[-1] == "r":
                loose.setdefault(name.lower() + "n", []).append(unit)  # "in Kilometern"
    return exact, loose


_EXACT, _LOOSE = _units()
_ALSO_WORDS = frozenset(
    [
        "a",
        "an",
        "are",
        "as",
        "b",
        "d",
        "day",
        "days",
        "go",
        "h",
        "in",
        "ko",
        "l",
        "m",
        "mo",
        "morning",
        "o",
        "once",
        "ore",
        "pie",
        "pied",
        "s",
        "second",
        "t",
        "to",
        "turn",
        "week",
        "weeks",
        "month",
        "months",
        "year",
        "years",
        "an",
        "ans",
        "mes",
        "dia",
    ]
)
"""After these a mismatch is rather a sentence than a question about units."""
_SMALLER = {"feet": "inches", "pounds": "ounces", "stone": "pounds", "hours": "minutes",
            "minutes": "s", "m": "cm", "days": "hours", "kg": "g"}  # fmt: skip
"""What a bare number after this unit counts: ``5 ft 11``."""

_MONEY = re.compile(
    r"(?i)^(?:[€$£¥₹₽₩]|(?:us|canadian|australian|hong kong|singapore|new zealand)? ?dollars?|"
    r"euros?|"
    r"(?:british )?pounds?(?: sterling)?|sterling|yen|yuan|renminbi|rupees?|rubles?|roubles?|"
    r"francs?|"
    r"(?:swiss )?francs?|schweizer franken|franken|kron(?:er|or|a|e)|pesos?|won|zloty|złoty|lira|"
    r"bitcoins?|btc|eth|usd|eur|gbp|jpy|chf|cny|inr|rub|cad|aud|nzd|sek|nok|dkk|pln|czk|huf|try|"
    r"brl|"
    r"mxn|zar|krw|sgd|hkd|рублей|рубля|евро|долларов)$"
)
_ASKED = re.compile(
    r"(?i)^\s*(?:(?:please|bitte|hey|and|und)\s+)*(?:(?:convert|what(?:'s|’s| is| are)|"
    r"how (?:much|many) (?:is|are)|"
    r"how (?:hot|cold|long|far|heavy|fast|tall|big) is|change|express|wie ?viel (?:ist|sind)|"
    r"was (?:ist|sind)|"
    r"rechne|wandle|combien (?:font|fait)|convertis|convertir|convierte|cu[aá]nto (?:es|son)|"
    r"quanto (?:fa|fanno|è)|"
    r"сколько будет|переведи)\s+)?"
)
_HOW_MANY = re.compile(
    r"(?i)^\s*(?:how (?:many|much)|wie ?viele?|combien d[e'’]|cu[aá]nt[oa]s|quant[ie]|"
    r"сколько)\s*(?P<to>.+?)\s+"
    r"(?:are (?:there )?in|is in|is|are|in an?|in|sind(?: in)?|ist|hat|dans|il y a dans|hay en|"
    r"son|ci sono in|в)\s+"
    r"(?P<from>.+)$"
)
_INTO = re.compile(
    r"(?i)(?<=\s)(?:in to|into|in|to|as|zu|nach|en|vers|a|à|dans|em|na|в|=|->|→|is how many|"
    r"(?:is|are) (?:that )?in|sind|um)(?=\s)|=|->|→"
)
_PART = re.compile(rf"\s*(?P<number>{NUMBER})\s*(?P<unit>(?:[^\d]|(?<=[a-z])[23](?![\d.,]))*)")
_ARTICLE = re.compile(r"(?i)^(?:a|an|one|ein|eine|einem|einer|une?|uno|una)\s+(?=[^\W\d])")
_HALF = re.compile(r"(?i)^(?:half (?:a|an)|½|ein halbe[rs]?|un demi|medi[oa])\s+")


def convert(text: str) -> Answer | None:
    """The answer, or None when the text asks for no conversion.

    Raises NotUnderstood when the two units measure different things or the value is impossible,
    and Unavailable for currencies, whose rates need the network.
    """
    if len(text) > LONGEST or not text.strip():
        return None
    plain = " ".join(text.replace("’", "'").split()).rstrip(" ?!.？")
    asked = _ASKED.sub("", plain, count=1)
    if how := _HOW_MANY.match(plain):
        found = _try(how["from"], how["to"])
        if found is not None:
            return found
    for into in reversed([*_INTO.finditer(asked)]):
        found = _try(asked[: into.start()], asked[into.end() :])
        if found is None and into.group().strip().lower() == "in":  # 10 in cm: inches
            found = _try(asked[: into.end()], asked[into.end() :])
        if found is not None:
            return found
    return None


def _try(source: str, target: str) -> Answer | None:
    source, target = source.strip(" ,"), target.strip(" ,")
    if _money(source, target):
        raise Unavailable(
            "Exchange rates change every day, so a currency needs the network.",
            hint="Ask a model that may use the network, or give the rate: 25 * 1.08.",
        )
    quantities = _parts(source)
    goals = _lookup(target)
    if not quantities or not goals:
        return None
    for choice in goals:
        units = [_same(candidates, choice.quantity) for _, candidates in quantities]
        if all(units):
            break
    else:
        if target.lower() in _ALSO_WORDS or not re.search(r"\d", source):
            return None  # 20 minutes to go
        first, goal = quantities[0][1][0], goals[0]
        raise NotUnderstood(
            f"{first.name} is {first.quantity} and {goal.name} is {goal.quantity}.",
            hint="Both units must measure the same thing, like 10 km in miles.",
        )
    chosen = [unit for unit in units if unit is not None]
    sign = -1 if quantities[0][0] < 0 else 1
    base = Fraction(0)
    for place, ((value, _), unit) in enumerate(zip(quantities, chosen, strict=True)):
        if unit.inverse and value == 0:
            raise NotUnderstood("Zero cannot be converted there.", hint="Give a number above zero.")
        base += unit.to_base(value * (sign if place else 1))
    if choice.quantity == "a temperature" and base < 0:
        raise NotUnderstood(
            "Nothing is colder than absolute zero, -273.15 °C.", hint="Check the number."
        )
    if choice.inverse and base == 0:
        raise NotUnderstood("Zero cannot be converted there.", hint="Give a number above zero.")
    result = choice.from_base(base)
    written, exact = write_number(result)
    if not exact or len(written.lstrip("-0.").replace(".", "")) > 10:
        written, exact = _rounded(result, choice.quantity)
    shown = " ".join(
        f"{write_number(value)[0]}{_gap(unit.name)}{_counted(unit.name, value)}"
        for (value, _), unit in zip(quantities, chosen, strict=True)
    )
    sign_word = "=" if exact else "≈"
    named = _counted(choice.name, result)
    return Answer(f"{shown} {sign_word} {written}{_gap(choice.name)}{named}", written)


def _parts(source: str) -> list[tuple[Fraction, list[Unit]]]:
    """Numbers with their possible units: ``5 ft 11 in`` are two. Empty when it is none."""
    minus = re.match(r"(?i)\s*(?:[-−–]|minus )\s*(?=[\d.])", source)
    source = source[minus.end() :] if minus else source
    source = _HALF.sub("0.5 ", source)
    source = _ARTICLE.sub("1 ", source)
    source = re.sub(r"(?i)(?<=[a-z'\"])(?:\s*,\s*|\s+(?:and|und|et|y)\s+)(?=\d)", " ", source)
    found: list[tuple[Fraction, list[Unit]]] = []
    at = 0
    while at < len(source):
        match = _PART.match(source, at)
        if match is None or len(found) == 4:
            return []
        try:
            value = read_number(match["number"])
        except ValueError:
            return []
        name = match["unit"].strip(" ,")
        if match["unit"].endswith("/") or re.match(r".*/\s*$", match["unit"]):
            wider = re.compile(r"\s*([^\d]*/\s*100 ?km)").match(source, match.end("number"))
            if wider is None:
                return []
            name = wider[1].replace(" ", "").replace("/100km", "/100km")
            at = wider.end()
        else:
            at = match.end()
        units = _lookup(name) if name else []
        if not name and found:
            smaller = _SMALLER.get(found[-1][1][0].name)
            units = _EXACT.get(smaller, []) if smaller else []
        if not units:
            return []
        found.append((value, units))
    if minus and found:
        found[0] = (-found[0][0], found[0][1])
    if len(found) > 1 and any(
        unit.offset or unit.inverse for _, units in found for unit in units[:1]
    ):
        return []
    return found


_NO_MATTER = re.compile(
    r"(?i)^(?:the\s|an?\s|of\s|degrees? (?=[cfk]\b|celsius|fahrenheit)|°\s*(?=[cfk]\b)|"
    r"(?:degrés?|grados?|gradi|grad) (?=[cf]))\s*"
)


def _lookup(name: str) -> list[Unit]:
    """What the name may mean, the likeliest first."""
    name = _NO_MATTER.sub("", name.strip(" ."))
    found = [*_EXACT.get(name, []), *_LOOSE.get(name.lower(), [])]
    if not found and name.lower() in ("degrees", "degree"):
        found = _EXACT["°C"]
    return list(dict.fromkeys(found))


def _same(candidates: list[Unit], quantity: str) -> Unit | None:
    return next((unit for unit in candidates if unit.quantity == quantity), None)


def _money(source: str, target: str) -> bool:
    amount = re.sub(NUMBER, "", source).strip(" ,")
    amount = re.sub(r"(?i)^(?:an?|one|ein(?:en)?|un)\s+", "", amount)
    if not _MONEY.match(amount) or not _MONEY.match(target.strip()):
        return False
    return not (_lookup(amount) and _lookup(target))


def _rounded(value: Fraction, quantity: str) -> tuple[str, bool]:
    """Six significant digits; temperatures to a hundredth, because nobody means more."""
    if quantity == "a temperature":
        rounded = Fraction(round(value * 100), 100)
        return write_number(rounded)[0], rounded == value
    whole = len(str(abs(int(value))))
    written, exact = write_number(value, digits=max(6, min(whole, 12)))
    if exact and len(written.replace(".", "").strip("-0")) > 12 and value.denominator != 1:
        places = max(0, 6 - (whole if abs(value) >= 1 else 0))
        rounded = Fraction(round(value * 10**places), 10**places)
        return write_number(rounded)[0], rounded == value
    return written, exact


def _gap(name: str) -> str:
    return "" if name in ("'", '"') else " "


_SINGULAR = {
    "feet": "foot", "inches": "inch", "centuries": "century", "cubic feet": "cubic foot",
    "square feet": "square foot", "cubic inches": "cubic inch", "square inches": "square inch",
}  # fmt: skip


def _counted(name: str, value: Fraction) -> str:
    if abs(value) != 1:
        return name
    if name in _SINGULAR:
        return _SINGULAR[name]
    return name[:-1] if len(name) > 3 and name.endswith("s") and name.islower() else name
