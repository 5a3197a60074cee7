"""Shopify's postal address -> ShipStation's, and what is missing in it.

ShipStation documents no lengths (V1, read 2026-11), wants a name and exactly two letters of country.
"""

from __future__ import annotations

import re

from mappings.scripts import is_foreign_text
from mappings.shipstation_shapes import Address
from mappings.shopify_shapes import MailingAddress
from mappings.text import clean_text

LONGEST_LINE = 50
"""What most carriers print of one street line. Longer ones flow on into street2 and street3, between words."""

LAST_RESORT_NAME = "Customer"

_CITY_STATES = {
    "SG": "Singapore",
    "HK": "Hong Kong",
    "MO": "Macao",
    "MC": "Monaco",
    "GI": "Gibraltar",
    "VA": "Vatican City",
}

_POSTAL_CODE_OPTIONAL = frozenset(
    "AE AG AN AO AW BF BI BJ BO BS BW BZ CD CF CG CI CK CM CW DJ DM ER FJ GD GH GM GN GQ GY HK HN IE JM KI KM KN KP LB LC LY"
    " ML MO MR MW NR NU PA QA RW SB SC SL SO SR ST SX SY TD TF TG TK TL TO TT TV UG VC VU YE ZW".split()
)
"""Countries without postal codes, or where many good addresses have none. IE: the Eircode is not compulsory."""

_PO_BOX = re.compile(
    r"\b(?:p\.?\s*o\.?\s*b(?:ox)?|post(?:al)?\s*(?:office\s*)?box|post\s*office\s*box|postfach|packstation|apartado(?:\s*postal)?"
    r"|case\s*postale|bo[iî]te\s*postale|casilla(?:\s*postal)?|caixa\s*postal|casella\s*postale|postbus|locked\s*bag)\b"
    r"[\s.:#]*(?:no\.?\s*)?[a-z]?\d"
    r"|^\s*(?:bp|cp|box)\s*\.?\s*#?\s*\d+\s*$",
    re.IGNORECASE,
)
"""A number must follow: a street may well be called after a post office."""

_MILITARY_PROVINCES = frozenset({"AA", "AE", "AP"})
_MILITARY_CITIES = frozenset({"APO", "FPO", "DPO"})
_BRITISH_FORCES = re.compile(r"\bBFPO\s*\d|^\s*BF1\s*\d", re.IGNORECASE)


def is_po_box(address: MailingAddress | None) -> bool:
    """Most couriers do not deliver there. Also locked bags and parcel lockers."""
    lines = (address["address1"], address["address2"]) if address else ()
    return any(_PO_BOX.search(clean_text(line)) for line in lines)


def is_military(address: MailingAddress | None) -> bool:
    """Overseas military or diplomatic mail of the United States (APO, FPO, DPO) or of Britain (BFPO): customs forms, few carriers."""
    if address is None:
        return False
    country = (address["countryCodeV2"] or "").upper()
    if country == "US":
        in_region = (address["provinceCode"] or "").upper() in _MILITARY_PROVINCES
        return in_region or clean_text(address["city"]).upper().replace(".", "") in _MILITARY_CITIES
    lines = (address["address1"], address["address2"], address["city"], address["zip"])
    return country == "GB" and any(_BRITISH_FORCES.search(clean_text(line)) for line in lines)


def is_non_roman(address: Address) -> bool:
    """Whether what would be printed holds letters of another script: most carriers' labels know Latin letters only."""
    parts = (address.get("name"), address.get("company"), address.get("street1"), address.get("street2"))
    return any(is_foreign_text(part) for part in (*parts, address.get("city"), address.get("state")))


def shipstation_address(address: MailingAddress | None, phone: str | None = None) -> Address:
    """`phone` (the order's) stands in for an address without one. Nothing is cut: what does not fit stays in street3."""
    if address is None:
        return {"name": LAST_RESORT_NAME}
    country = clean_text(address["countryCodeV2"]).upper()
    streets = street_lines(clean_text(address["address1"]), clean_text(address["address2"]))
    return {
        "name": _name(address),
        "company": clean_text(address["company"]) or None,
        "street1": streets[0],
        "street2": streets[1],
        "street3": streets[2],
        "city": clean_text(address["city"]) or _CITY_STATES.get(country),
        "state": clean_text(address["provinceCode"]) or clean_text(address["province"]) or None,
        "postalCode": clean_text(address["zip"]) or None,
        "country": country or None,
        "phone": clean_text(address["phone"]) or clean_text(phone) or None,
    }


def missing_parts(address: Address) -> tuple[str, ...]:
    """Names of the fields without which no label can be made; empty when the address will do."""
    country = address.get("country") or ""
    missing = [field for field, value in _needed(address) if not value]
    if len(country) != 2 or not (country.isascii() and country.isalpha()):
        missing.append("country")
    elif country not in _POSTAL_CODE_OPTIONAL and not address.get("postalCode"):
        missing.append("postalCode")
    return tuple(missing)


def street_lines(*parts: str) -> tuple[str | None, str | None, str | None]:
    """Three lines. Each part keeps its own lines while that fits; otherwise all words flow on, the last line takes the rest."""
    lines = [line for part in parts for line in _wrapped(part)]
    if len(lines) > 3:
        first, second, *rest = _wrapped(" ".join(part for part in parts if part))
        lines = [first, second, " ".join(rest)]
    padded = [*(line or None for line in lines), None, None, None]
    return padded[0], padded[1], padded[2]


def _needed(address: Address) -> list[tuple[str, str | None]]:
    return [("name", address.get("name")), ("street1", address.get("street1")), ("city", address.get("city"))]


def _name(address: MailingAddress) -> str:
    both = f"{address['firstName'] or ''} {address['lastName'] or ''}"
    candidates = (clean_text(text) for text in (address["name"], both, address["company"], LAST_RESORT_NAME))
    return next(name for name in candidates if name)


def _wrapped(text: str) -> list[str]:
    """Lines of at most `LONGEST_LINE`, broken between words; a single longer word stays whole."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= LONGEST_LINE:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
