"""Made-up rates: dearer with weight, speed and distance, the same for the same parcel."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from zlib import crc32

from syncd.sandbox.shipstation.catalog import CARRIERS, Carrier
from syncd.sandbox.shipstation.records import Order
from syncd.sandbox.shipstation.units import ounces

FAST = ("priority", "2day", "express", "saver")
HEAVIEST_OZ = {"usps_first_class_mail": Decimal(16)}
"""Services that take no heavier parcel."""


@dataclass(frozen=True)
class Rate:
    """`refusal` says why this service cannot carry the parcel."""

    carrier: Carrier
    service_code: str
    service_name: str
    amount: Decimal
    days: int
    refusal: str | None = None


def rates_of(order: Order, provider_ids: Iterable[int]) -> list[Rate]:
    """Every service of the carriers asked for that goes where the parcel goes."""
    wanted = set(provider_ids)
    ship_to = order.content.details["shipTo"] or {}
    abroad = ship_to.get("country") != "US"
    weight = ounces(order.content.details["weight"])
    return [
        _rate(carrier, code, name, weight, f"{ship_to.get('postalCode')}")
        for carrier in CARRIERS
        if carrier.provider_id in wanted
        for code, name, is_international in carrier.services
        if is_international == abroad
    ]


def _rate(carrier: Carrier, code: str, name: str, weight_oz: Decimal | None, postal_code: str) -> Rate:
    is_fast = any(word in code for word in FAST)
    days = 2 if is_fast else 5
    if weight_oz is None or weight_oz <= 0:
        return Rate(carrier, code, name, Decimal(0), days, "A shipment package must have a weight.")
    if weight_oz > HEAVIEST_OZ.get(code, Decimal(2400)):
        return Rate(carrier, code, name, Decimal(0), days, f"The weight exceeds the maximum of {name}.")
    cents = 380 + crc32(f"{code} {postal_code}".encode()) % 240 + int(weight_oz) * (11 if is_fast else 6)
    return Rate(carrier, code, name, Decimal(cents + (420 if is_fast else 0)) / 100, days)
