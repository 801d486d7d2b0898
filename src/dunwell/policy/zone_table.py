"""Which time zones a country and its states have: tzdata's own tables plus what they leave out.

Read once from the `tzdata` package, so the answer does not depend on the machine.
"""

import importlib.resources
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

# zone.tab orders a country's zones from east to west or by area, so its first row is usually but not
# always where most people live. These are the countries where it is not.
_MOST_POPULOUS = {
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "CA": "America/Toronto",
    "RU": "Europe/Moscow",
    "UA": "Europe/Kyiv",
    "UZ": "Asia/Tashkent",
}


def _spread(zones: Mapping[str, str]) -> dict[str, str]:
    return {state: zone for zone, states in zones.items() for state in states.split(",")}


# A state that spans two zones gets the one most of its people live in.
_STATES: dict[str, dict[str, str]] = {
    "US": _spread(
        {
            "America/New_York": "CT,DC,DE,FL,GA,MA,MD,ME,NC,NH,NJ,NY,OH,PA,RI,SC,VA,VT,WV",
            "America/Detroit": "MI",
            "America/Indiana/Indianapolis": "IN",
            "America/Kentucky/Louisville": "KY",
            "America/Chicago": "AL,AR,IA,IL,KS,LA,MN,MO,MS,ND,NE,OK,SD,TN,TX,WI",
            "America/Denver": "CO,MT,NM,UT,WY",
            "America/Boise": "ID",
            "America/Phoenix": "AZ",
            "America/Los_Angeles": "CA,NV,OR,WA",
            "America/Anchorage": "AK",
            "Pacific/Honolulu": "HI",
            "America/Puerto_Rico": "PR",
            "America/St_Thomas": "VI",
            "Pacific/Guam": "GU",
            "Pacific/Saipan": "MP",
            "Pacific/Pago_Pago": "AS",
        }
    ),
    "CA": _spread(
        {
            "America/St_Johns": "NL",
            "America/Halifax": "NS,PE",
            "America/Moncton": "NB",
            "America/Toronto": "ON,QC",
            "America/Iqaluit": "NU",
            "America/Winnipeg": "MB",
            "America/Regina": "SK",
            "America/Edmonton": "AB",
            "America/Yellowknife": "NT",
            "America/Vancouver": "BC",
            "America/Whitehorse": "YT",
        }
    ),
    "AU": _spread(
        {
            "Australia/Sydney": "ACT,NSW",
            "Australia/Melbourne": "VIC",
            "Australia/Brisbane": "QLD",
            "Australia/Hobart": "TAS",
            "Australia/Adelaide": "SA",
            "Australia/Darwin": "NT",
            "Australia/Perth": "WA",
        }
    ),
    "BR": _spread(
        {
            "America/Sao_Paulo": "DF,ES,GO,MG,PR,RJ,RS,SC,SP",
            "America/Fortaleza": "CE,MA,PB,PI,RN",
            "America/Recife": "PE",
            "America/Maceio": "AL,SE",
            "America/Bahia": "BA",
            "America/Belem": "AP,PA",
            "America/Araguaina": "TO",
            "America/Campo_Grande": "MS",
            "America/Cuiaba": "MT",
            "America/Manaus": "AM",
            "America/Porto_Velho": "RO",
            "America/Boa_Vista": "RR",
            "America/Rio_Branco": "AC",
        }
    ),
    "MX": _spread(
        {
            "America/Mexico_City": "AGU,CAM,CHP,CMX,COA,COL,DUR,GRO,GUA,HID,JAL,MEX,MIC"
            ",MOR,NLE,OAX,PUE,QUE,SLP,TAB,TAM,TLA,VER,YUC,ZAC",
            "America/Cancun": "ROO",
            "America/Chihuahua": "CHH",
            "America/Hermosillo": "SON",
            "America/Mazatlan": "BCS,NAY,SIN",
            "America/Tijuana": "BCN",
        }
    ),
    "ES": _spread({"Atlantic/Canary": "CN,GC,TF", "Africa/Ceuta": "CE,ML"}),
    "PT": _spread({"Atlantic/Azores": "20", "Atlantic/Madeira": "30"}),
}


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Return every zone name tzdata knows, such as `Europe/Berlin`."""
    return frozenset((importlib.resources.files("tzdata") / "zones").read_text("utf-8").split())


@lru_cache(maxsize=1)
def _zones_by_country() -> dict[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = {}
    text = (importlib.resources.files("tzdata") / "zoneinfo" / "zone.tab").read_text("utf-8")
    for line in text.splitlines():
        if not line.startswith("#"):
            country, _, zone, *_ = line.split("\t")
            table[country] = (*table.get(country, ()), zone)
    return table


def countries() -> frozenset[str]:
    """Return the ISO 3166 codes of all countries somebody lives in."""
    return frozenset(_zones_by_country())


@lru_cache(maxsize=256)
def has_several_clocks(country: str) -> bool:
    """Say whether clocks differ within a known country, in winter or in summer."""
    zones = [ZoneInfo(name) for name in _zones_by_country()[country]]
    moments = datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 7, 15, tzinfo=UTC)
    return any(len({moment.astimezone(zone).utcoffset() for zone in zones}) > 1 for moment in moments)


def main_zone(country: str) -> str:
    """Return the zone most people of a known country live in."""
    return _MOST_POPULOUS.get(country) or _zones_by_country()[country][0]


def zone_of_state(country: str, state: str) -> str | None:
    """Return the zone of a state by its ISO 3166-2 code without the country; None when not listed."""
    return _STATES.get(country, {}).get(state)


def states_with_zones(country: str) -> frozenset[str]:
    """Return the codes of the states this table lists for a country."""
    return frozenset(_STATES.get(country, ()))
