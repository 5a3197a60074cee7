"""Made-up rates: dearer with weight, speed and distance, the same for the same parcel."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from zlib import crc32

from syncd.sandbox.shipstation.catalog import CARRIERS, Carrier
from syncd.sandbox.shipstation.options import ShipStationOptions
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


@dataclass(frozen=True)
class Parcel:
    country: str
    postal_code: str
    weight_oz: Decimal | None


def parcel_of(order: Order) -> Parcel:
    ship_to = order.content.details["shipTo"] or {}
    weight = ounces(order.content.details["weight"])
    return Parcel(ship_to.get("country") or "", f"{ship_to.get('postalCode')}"[:5], weight)


def rates_of(parcel: Parcel, provider_ids: Iterable[int], options: ShipStationOptions) -> list[Rate]:
    """Every service of the carriers asked for that goes where the parcel goes."""
    wanted, dearer = set(provider_ids), dict(options.surcharge_cents)
    return [
        _rate(carrier, code, name, parcel, dearer.get(code, 0))
        for carrier in CARRIERS
        if carrier.provider_id in wanted and carrier.code not in options.no_rates_from
        for code, name, is_international in carrier.services
        if is_international == (parcel.country != "US")
    ]


def _rate(carrier: Carrier, code: str, name: str, parcel: Parcel, surcharge_cents: int) -> Rate:
    is_fast, weight_oz = any(word in code for word in FAST), parcel.weight_oz
    days = 2 if is_fast else 5
    if weight_oz is None or weight_oz <= 0:
        return Rate(carrier, code, name, Decimal(0), days, "A shipment package must have a weight.")
    if weight_oz > HEAVIEST_OZ.get(code, Decimal(2400)):
        return Rate(carrier, code, name, Decimal(0), days, f"The weight exceeds the maximum of {name}.")
    cents = 380 + crc32(f"{code} {parcel.postal_code}".encode()) % 240 + int(weight_oz) * (11 if is_fast else 6)
    return Rate(carrier, code, name, Decimal(cents + (420 if is_fast else 0) + surcharge_cents) / 100, days)
