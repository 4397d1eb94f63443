"""custom:{reverse_newline, european_capitals_sort, date_format_list} of IFBench: lists of known things in order.

Each returns why not, or "". Departures from the official code:
1. reverse_newline: each line from Zimbabwe on is a country of Africa, and all 54 members of the United Nations are
   there, numbered or not, in any common English name, places that are disputed too; officially any 52 lines in order
   pass. Accents, marks, brackets and the article do not count in the order.
2. european_capitals_sort: Kyiv (50.45° north) is one, between Brussels and Prague; the official list leaves it out.
   Common other names and a full stop at the end pass too.
3. date_format_list: days of the calendar in the years in which he fought, with those of six undisputed battles among
   them; officially one date of his lifetime is a list of all battles, and the 29th of any February a day.
"""

from __future__ import annotations

import re
from datetime import date
from itertools import pairwise

from training.domains.instruction_checks.ifbench.tokens import lines, unaccented

COUNTRIES = frozenset(re.split(r",\s+", """
    zimbabwe, zambia, uganda, tunisia, togo, tanzania, sudan, south sudan, south africa, somalia, sierra leone,
    seychelles, senegal, sao tome and principe, rwanda, nigeria, niger, namibia, mozambique, morocco, mauritius,
    mauritania, mali, malawi, madagascar, libya, liberia, lesotho, kenya, guinea bissau, guinea, ghana, gambia, gabon,
    ethiopia, eswatini, eritrea, equatorial guinea, egypt, djibouti, dr congo, cote d ivoire, congo, comoros, chad,
    central african republic, cape verde, cameroon, burundi, burkina faso, botswana, benin, angola, algeria
""".strip()))
"""The members of the United Nations, as `_letters` writes them."""
_OTHER_NAMES = {
    "ivory coast": "cote d ivoire", "cabo verde": "cape verde", "swaziland": "eswatini", "sao tome principe":
    "sao tome and principe", "united republic of tanzania": "tanzania", "democratic republic of congo": "dr congo",
}
DISPUTED = frozenset(("western sahara", "sahrawi arab democratic republic", "sahrawi republic", "somaliland"))
"""May be listed or not."""

CAPITALS = tuple("""
    reykjavik helsinki oslo tallinn stockholm riga moscow copenhagen vilnius minsk dublin berlin amsterdam warsaw london
    brussels kyiv prague luxembourg paris vienna bratislava budapest vaduz chisinau bern ljubljana zagreb
""".split())
"""North of 45°, from north to south."""
_OTHER_CAPITALS = {"kiev": "kyiv", "luxembourg city": "luxembourg", "berne": "bern", "kishinev": "chisinau"}

BATTLES = {
    "1800-06-14": "Marengo", "1805-12-02": "Austerlitz", "1806-10-14": "Jena", "1807-06-14": "Friedland",
    "1812-09-07": "Borodino", "1815-06-18": "Waterloo",
}
"""Battles of one day that no list of Napoleon's leaves out."""
YEARS = range(1793, 1816)
"""From Toulon to Waterloo."""


def reverse_newline(text: str) -> str:
    """The countries of Africa from z to a, each on a line (departure 1)."""
    found = [(line.strip(), *_country(line)) for line in lines(text)]
    start = next((place for place, (_, country, _) in enumerate(found) if country == "zimbabwe"), len(found))
    listed = found[start:]
    for line, country, _ in listed:
        if country not in COUNTRIES | DISPUTED:
            return f"{line[:20]!r} is no country of Africa"
    for (_, _, left), (line, _, right) in pairwise(listed):
        if right >= left:
            return f"{line[:20]!r} is not in reverse order"
    missing = sorted(COUNTRIES.difference(country for _, country, _ in listed))
    return f"missing {', '.join(missing[:3])}" if missing else ""


def _country(line: str) -> tuple[str, str]:
    """The country that a line names, as in `COUNTRIES`, and what it is sorted by."""
    whole = _letters(line)
    if "congo" in whole.split():
        democratic = {"democratic", "dr", "drc", "d", "kinshasa"} & set(whole.split())
        return ("dr congo" if democratic else "congo"), whole
    name = _letters(re.split(r"[(\[,:;–—]| - ", line, maxsplit=1)[0])
    return _OTHER_NAMES.get(name, name), name


def _letters(text: str) -> str:
    """The words of letters, without accents and the article before them."""
    return " ".join(re.findall(r"[a-z]+", unaccented(text))).removeprefix("the ")


def european_capitals_sort(text: str) -> str:
    """`CAPITALS` in order, parted by commas (departure 2)."""
    found = [" ".join(unaccented(name).split()) for name in text.strip().removesuffix(".").split(",")]
    found = [_OTHER_CAPITALS.get(name, name) for name in found]
    for place, (capital, name) in enumerate(zip(CAPITALS, found, strict=False), 1):
        if name != capital:
            return f"capital {place} is {name[:20]!r}, not {capital.capitalize()}"
    return "" if len(found) == len(CAPITALS) else f"{len(found)} capitals, not {len(CAPITALS)}"


def date_format_list(text: str) -> str:
    """Dates of Napoleon's battles as YYYY-MM-DD, parted by commas (departure 3)."""
    found = [entry.strip() for entry in text.split(",")]
    for entry in found:
        if not _in_his_wars(entry):
            return f"{entry[:20]!r} is no day from {YEARS[0]} to {YEARS[-1]} as YYYY-MM-DD"
    missing = [battle for day, battle in BATTLES.items() if day not in found]
    return f"missing {', '.join(missing)}" if missing else ""


def _in_his_wars(entry: str) -> bool:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", entry):
        return False
    try:
        return date.fromisoformat(entry).year in YEARS
    except ValueError:
        return False
