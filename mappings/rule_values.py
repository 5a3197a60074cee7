"""What may stand behind a key of a rule: each reader takes a TOML value and gives ours, or a ValueError that says what it wants."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from mappings.rates import ANY_PACKAGE, RateWish, Service
from mappings.weights import GRAMS_PER_UNIT

_UNITS = {"g": "GRAMS", "kg": "KILOGRAMS", "oz": "OUNCES", "lb": "POUNDS"}
_WEIGHT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(g|kg|oz|lb)")
_RATE_PARTS = ("choose", "among", "within_days", "package", "fallback")
LONGEST_CUSTOM_FIELD = 100
"""Of ShipStation's custom fields; longer text is cut there without a word."""


class PartError(ValueError):
    """`part`: the key within a table that is wrong."""

    def __init__(self, part: str, text: str) -> None:
        super().__init__(text)
        self.part = part


def texts(value: Any) -> tuple[str, ...]:
    """One text, or a list of which any will do. Capitals never matter, so all are kept small."""
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(one, str) and one.strip() for one in listed):
        raise ValueError('wants a text or a list of texts, such as ["a", "b"]')
    return tuple(one.strip().casefold() for one in listed)


def countries(value: Any) -> tuple[str, ...]:
    codes = texts(value)
    if any(len(code) != 2 or not code.isascii() or not code.isalpha() for code in codes):
        raise ValueError('wants two-letter country codes, such as ["US", "CA"]')
    return codes


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("wants true or false")
    return value


def count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("wants a whole number")
    return value


def amount(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise ValueError("wants an amount in the shop's currency, such as 99.50")
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal(-1)
    if not number.is_finite() or number < 0:
        raise ValueError("wants an amount in the shop's currency, such as 99.50")
    return number


def weight_grams(value: Any) -> Decimal:
    """A bare number is grams."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool) and value >= 0:
        return Decimal(value)
    found = _WEIGHT.fullmatch(value.strip().lower()) if isinstance(value, str) else None
    if not found:
        raise ValueError('wants grams, or a text with a unit, such as "2.5 kg", "12 oz" or "5 lb"')
    return Decimal(found[1]) * GRAMS_PER_UNIT[_UNITS[found[2]]]


def metafields(value: Any) -> tuple[str, ...]:
    """`namespace.key`, alone or with `=value`. Shopify is asked for the name, so its capitals stay."""
    texts(value)
    names = tuple(one.strip() for one in (value if isinstance(value, list) else [value]))
    if any(not re.fullmatch(r"[^.=\s]+\.[^.=\s]+(=.*)?", name, re.DOTALL) for name in names):
        raise ValueError('wants namespace.key or namespace.key=value, such as "shipping.class=bulky"')
    return names


def code(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("wants a code of your ShipStation account; `syncd doctor` lists them")
    return value.strip()


def confirmation(value: Any) -> str:
    kinds = ("none", "delivery", "signature", "adult_signature", "direct_signature")
    if value not in kinds:
        raise ValueError(f"wants one of {', '.join(kinds)}")
    return str(value)


def insurance(value: Any) -> str:
    kinds = ("carrier", "shipsurance", "provider", "xcover", "parcelguard", "none")
    if value not in kinds:
        raise ValueError(f"wants one of {', '.join(kinds)}")
    return str(value)


def identity(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise ValueError("wants an id of ShipStation, a whole number")
    return value


def identities(value: Any) -> tuple[int, ...]:
    listed = value if isinstance(value, list) else [value]
    if not listed:
        raise ValueError("wants an id of ShipStation or a list of them")
    return tuple(dict.fromkeys(identity(one) for one in listed))


def line(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_CUSTOM_FIELD:
        raise ValueError(f"wants a text of at most {LONGEST_CUSTOM_FIELD} characters")
    return value.strip()


def hold(value: Any) -> Decimal | bool:
    """True: until a person releases; otherwise days."""
    if value is True:
        return True
    if isinstance(value, int | Decimal) and not isinstance(value, bool) and 0 < value <= 366:
        return Decimal(value)
    raise ValueError("wants true (until `syncd release ORDER`) or a number of days")


def group(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[a-z0-9_-]{1,30}", value):
        raise ValueError("wants a name for the part, of small letters, digits, - or _")
    return value


def rate(value: Any) -> RateWish:
    if not isinstance(value, dict):
        raise ValueError('wants a table, such as { choose = "cheapest" }')
    for part in value:
        if part not in _RATE_PARTS:
            raise PartError(part, f"has no part {part}. Known: {', '.join(_RATE_PARTS)}")
    if value.get("choose") not in ("cheapest", "fastest"):
        raise PartError("choose", 'wants choose = "cheapest" or choose = "fastest"')
    days = value.get("within_days")
    if days is not None and (isinstance(days, bool) or not isinstance(days, int) or not 0 < days <= 90):
        raise PartError("within_days", "wants within_days as a whole number of days, 1 to 90")
    return RateWish(
        value["choose"],
        _among(value["among"]) if "among" in value else (),
        days,
        _part("package", value["package"]) if "package" in value else ANY_PACKAGE,
        _fallback(value["fallback"]) if "fallback" in value else None,
    )


def _among(value: Any) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(one, str) and re.fullmatch(r"[^/\s]+(/[^/\s]+)?", one) for one in listed):
        raise PartError(
            "among",
            'wants among as carriers of your ShipStation account, or carrier/service: ["ups", "fedex/fedex_ground"]',
        )
    return tuple(dict.fromkeys(listed))


def _fallback(value: Any) -> Service:
    if not isinstance(value, dict) or set(value) != {"carrier", "service"}:
        raise PartError(
            "fallback",
            'wants fallback as a table such as { carrier = "ups", service = "ups_ground" }, with both of them',
        )
    return Service(_part("carrier", value["carrier"]), _part("service", value["service"]))


def _part(name: str, value: Any) -> str:
    try:
        return code(value)
    except ValueError as error:
        raise PartError(
            name, f"wants {name} as a code of your ShipStation account; `syncd doctor` lists them"
        ) from error
