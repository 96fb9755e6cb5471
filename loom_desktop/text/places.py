"""The time zone of a place that a person names: ``Tokyo``, ``New York``, ``München``, ``Japan``.

The cities of the time zone database are known by themselves; the table adds other large cities,
names in other languages, and countries that have one zone. Of a country with several zones it
asks for a city rather than guess.
"""

from __future__ import annotations

import unicodedata
from datetime import tzinfo

from loom_desktop.errors import NotUnderstood, Unavailable

# zone: names, separated by commas; an indented line goes on
_TABLE = """
Africa/Cairo: egypt, ägypten, kairo, le caire, el cairo
Africa/Johannesburg: south africa, südafrika, cape town, kapstadt, durban, pretoria
Africa/Lagos: nigeria, abuja
Africa/Nairobi: kenya, kenia
Africa/Casablanca: morocco, marokko, maroc, rabat, marrakesh
America/Argentina/Buenos_Aires: argentina, argentinien, argentine
America/Bogota: colombia, kolumbien, medellín
America/Chicago: houston, dallas, austin, san antonio, new orleans, minneapolis, central time
America/Denver: salt lake city, mountain time, albuquerque
America/Halifax: nova scotia
America/Lima: peru, perú
America/Los_Angeles: la, san francisco, seattle, san diego, las vegas, portland, silicon valley,
  california, kalifornien, pacific time, sacramento
America/Mexico_City: mexico df, ciudad de méxico, mexiko-stadt, guadalajara
America/New_York: nyc, new york city, washington, washington dc, boston, philadelphia, miami,
  atlanta, eastern time, orlando, pittsburgh
America/Sao_Paulo: são paulo, rio de janeiro, rio, brasilia, brasília
America/Santiago: santiago de chile
America/Toronto: ottawa, montreal, montréal, quebec
America/Vancouver: british columbia
America/Phoenix: arizona
America/Anchorage: alaska
Asia/Dubai: uae, united arab emirates, abu dhabi, emirates
Asia/Ho_Chi_Minh: vietnam, saigon, hanoi
Asia/Hong_Kong: hongkong, 香港
Asia/Jakarta: java
Asia/Jerusalem: israel, tel aviv
Asia/Karachi: pakistan, lahore, islamabad
Asia/Kathmandu: nepal
Asia/Kolkata: india, indien, inde, mumbai, bombay, delhi, new delhi, bangalore, bengaluru,
  chennai, hyderabad, calcutta
Asia/Kuala_Lumpur: malaysia
Asia/Manila: philippines, philippinen
Asia/Riyadh: saudi arabia, mecca, jeddah
Asia/Seoul: korea, south korea, südkorea, busan, 서울
Asia/Shanghai: china, beijing, peking, pékin, pekín, shenzhen, guangzhou, wuhan, 北京, 上海, 中国
Asia/Singapore: singapur, singapour
Asia/Taipei: taiwan
Asia/Tashkent: uzbekistan
Asia/Tbilisi: georgia
Asia/Tehran: iran, teheran
Asia/Tokyo: japan, japon, japón, tokio, osaka, kyoto, yokohama, 東京, 日本, 东京, токио
Asia/Bangkok: thailand
Atlantic/Reykjavik: iceland, island, islande
Australia/Melbourne: victoria
Australia/Sydney: canberra
Europe/Amsterdam: netherlands, niederlande, holland, pays-bas, rotterdam, the hague, eindhoven
Europe/Athens: greece, griechenland, athen, athènes, atenas
Europe/Belgrade: serbia, serbien, belgrad
Europe/Berlin: germany, deutschland, allemagne, alemania, germania, munich, münchen, hamburg,
  cologne, köln, frankfurt, stuttgart, leipzig, dresden, düsseldorf, bremen, hannover, nuremberg,
  nürnberg, bonn, берлин
Europe/Brussels: belgium, belgien, belgique, brüssel, bruxelles, bruselas, antwerp
Europe/Bucharest: romania, rumänien, bukarest
Europe/Budapest: hungary, ungarn
Europe/Copenhagen: denmark, dänemark, kopenhagen, copenhague
Europe/Dublin: ireland, irland, irlande
Europe/Helsinki: finland, finnland
Europe/Istanbul: turkey, türkei, türkiye, ankara
Europe/Kyiv: ukraine, kiev, kiew, київ
Europe/Lisbon: portugal, lissabon, lisbonne, lisboa, porto
Europe/London: uk, united kingdom, england, britain, great britain, scotland, edinburgh, glasgow,
  manchester, birmingham, liverpool, londres, londra, großbritannien, лондон, wales, cardiff
Europe/Luxembourg: luxemburg
Europe/Madrid: spain, spanien, espagne, españa, barcelona, valencia, seville, sevilla, bilbao
Europe/Moscow: moskau, moscou, moscú, mosca, москва, saint petersburg, st petersburg
Europe/Oslo: norway, norwegen, bergen
Europe/Paris: france, frankreich, francia, lyon, marseille, toulouse, nice, bordeaux, lille, париж
Europe/Prague: czechia, czech republic, tschechien, prag, praha, brno
Europe/Rome: italy, italien, italie, italia, rom, roma, milan, mailand, milano, naples, napoli,
  turin, florence, venice
Europe/Sofia: bulgaria, bulgarien
Europe/Stockholm: sweden, schweden, gothenburg, malmö
Europe/Vienna: austria, österreich, autriche, wien, vienne, viena, graz, salzburg, innsbruck, linz
Europe/Warsaw: poland, polen, pologne, warschau, varsovie, varsovia, warszawa, kraków, krakow
Europe/Zurich: switzerland, schweiz, suisse, suiza, zürich, geneva, genf, genève, basel, bern,
  lausanne
Pacific/Auckland: new zealand, neuseeland, wellington, christchurch
Pacific/Honolulu: hawaii
UTC: utc, gmt, greenwich, zulu
"""
_SEVERAL = (
    "usa|us|united states|america|vereinigte staaten|états-unis|estados unidos|canada|kanada|"
    "australia|australien|australie|brazil|brasil|brasilien|brésil|russia|russland|russie|rusia|"
    "россия|mexico|mexiko|méxico|mexique|indonesia|indonesien|kazakhstan|kasachstan|congo|"
    "greenland|chile"
)


def zone_of(place: str) -> tuple[str, tzinfo]:
    """The place as it is written, and its zone. Raises NotUnderstood for one that is not known."""
    import zoneinfo

    plain = _plain(place)
    if plain in _SEVERAL_PLAIN:
        raise NotUnderstood(
            f"{place} has more than one time zone.", hint="Name a city there, like New York."
        )
    key = _KNOWN.get(plain) or _in_database(plain)
    if key is None:
        raise NotUnderstood(
            f"The time zone of “{place}” is not known here.",
            hint="Name the country or a large city in the same zone.",
        )
    try:
        zone = zoneinfo.ZoneInfo(key)
    except (zoneinfo.ZoneInfoNotFoundError, OSError):
        raise Unavailable(
            "This computer has no time zone data.", hint="Install the package tzdata."
        ) from None
    return (place.upper() if key == "UTC" else place[0].upper() + place[1:]), zone


def _in_database(plain: str) -> str | None:
    """The zone whose last part is that city."""
    import zoneinfo

    wanted = plain.replace(" ", "_").replace("-", "_")
    found = [
        key
        for key in zoneinfo.available_timezones()
        if not key.startswith(("Etc/", "posix/", "right/", "SystemV/"))
        and wanted in (key.lower(), key.rpartition("/")[2].lower().replace("-", "_"))
    ]
    return min(found, key=lambda key: (key.count("/") == 0, len(key), key), default=None)


def _plain(name: str) -> str:
    """Small letters without accents, and without what follows a comma."""
    name = " ".join(name.partition(",")[0].casefold().replace(".", "").split())
    parts = unicodedata.normalize("NFD", name)
    return "".join(one for one in parts if not unicodedata.combining(one))


_KNOWN = {
    _plain(name): line.partition(": ")[0]
    for line in _TABLE.strip().replace("\n  ", " ").splitlines()
    for name in (
        *line.partition(": ")[2].split(", "),
        line.partition(": ")[0].rpartition("/")[2].replace("_", " "),
    )
}
_SEVERAL_PLAIN = frozenset(map(_plain, _SEVERAL.split("|")))
