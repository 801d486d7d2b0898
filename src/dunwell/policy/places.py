"""States and provinces as people write them, read into one code."""

import unicodedata
from functools import lru_cache

import holidays

from dunwell.policy.zone_table import states_with_zones

# Names the holidays library does not have: states with a clock of their own, and English names.
_MORE_NAMES = {
    "MX": {
        "Baja California": "BCN",
        "BC": "BCN",
        "Baja California Sur": "BCS",
        "Chihuahua": "CHH",
        "Nayarit": "NAY",
        "Quintana Roo": "ROO",
        "Sinaloa": "SIN",
        "Sonora": "SON",
        "Ciudad de México": "CMX",
        "CDMX": "CMX",
        "Jalisco": "JAL",
        "Nuevo León": "NLE",
    },
    "ES": {"Las Palmas": "GC", "Santa Cruz de Tenerife": "TF", "Canary Islands": "CN"},
    "DE": {"Bavaria": "BY", "Lower Saxony": "NI", "Saxony": "SN", "Thuringia": "TH", "Hesse": "HE"},
}


def state_code(country: str, state: str) -> str | None:
    """Read a state of a known country: a code (`NY`, `US-NY`) or a name (`New York`); None if unknown.

    Case and accents do not matter. The code is the one the holidays library and the zone table use.
    """
    names = _names(country)
    folded = _fold(state)
    return names.get(folded) or names.get(folded.removeprefix(f"{country.casefold()}-"))


def _fold(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(letter for letter in parts if not unicodedata.combining(letter))


@lru_cache(maxsize=256)
def _names(country: str) -> dict[str, str]:
    names = {_fold(name): code for name, code in _MORE_NAMES.get(country, {}).items()}
    names.update((_fold(code), code) for code in states_with_zones(country))
    if country in holidays.list_supported_countries(include_aliases=False):
        entity = holidays.country_holidays(country)
        for code, aliases in entity.get_subdivision_aliases().items():
            names.update((_fold(name), code) for name in aliases)
        names.update((_fold(code), code) for code in entity.subdivisions)
    return names
