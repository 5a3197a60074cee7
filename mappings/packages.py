"""ShipStation's shipments (labels) and fulfillments (marked as shipped) -> the packages of each Shopify order (V1, read 2026-11)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from mappings.keys import line_of, split_order_key
from mappings.packed import Units
from mappings.plans import Package
from mappings.shipstation_shapes import Fulfillment, Shipment, ShipmentItem


def packages_of_shipment(shipment: Shipment, known_key: str | None = None) -> list[tuple[int, Package]]:
    """(order id, package) for each Shopify order with goods in the parcel; several after a merge, all with one package key.

    `known_key`: our order key of the shipment's ShipStation order, for shipments that do not show it themselves. A return
    label and a parcel without anything of ours give none. Where the lines cannot be told they are None.
    """
    return [] if shipment.get("isReturnLabel") else _parts(shipment, known_key)


def returns_of_shipment(shipment: Shipment, known_key: str | None = None) -> list[tuple[int, Package]]:
    """The same for a return label: the goods that it brings back. None for any other label."""
    return _parts(shipment, known_key) if shipment.get("isReturnLabel") else []


def return_package(shipment: Shipment) -> Package:
    """Of a return label that does not say what it brings back."""
    return _package(shipment, None, None)


def _parts(shipment: Shipment, known_key: str | None) -> list[tuple[int, Package]]:
    key = _own_key(shipment.get("orderKey")) or _own_key(known_key)
    lines = _lines(shipment.get("shipmentItems") or [])
    if not lines:
        owner = _order_id(key)
        return [(owner, _package(shipment, key, None))] if owner else []
    return [
        (order_id, _package(shipment, key if _order_id(key) == order_id else None, units))
        for order_id, units in sorted(lines.items())
    ]


def packages_of_fulfillment(
    fulfillment: Fulfillment, order_key: str | None, items: Sequence[ShipmentItem] | None = None
) -> list[tuple[int, Package]]:
    """`order_key` is that of the ShipStation order, found by its id: a fulfillment shows neither key nor lines. `items`: what
    was in it, where somebody looked; an order that was merged holds those of several Shopify orders."""
    key = _own_key(order_key)
    owner = _order_id(key)
    package = Package(
        package_key=f"f{fulfillment['fulfillmentId']}",
        order_key=key,
        voided=_is_voided(fulfillment),
        tracking_number=_number(fulfillment),
        carrier_code=fulfillment.get("carrierCode"),
        service_code=None,
        lines=None,
    )
    if items is None:
        return [(owner, package)] if owner else []
    return [
        (order_id, replace(package, order_key=key if owner == order_id else None, lines=dict(sorted(units.items()))))
        for order_id, units in sorted(_lines(items).items())
    ]


def _package(shipment: Shipment, key: str | None, lines: Units | None) -> Package:
    return Package(
        package_key=f"s{shipment['shipmentId']}",
        order_key=key,
        voided=_is_voided(shipment),
        tracking_number=_number(shipment),
        more_numbers=tuple(shipment.get("moreTrackingNumbers") or ()),
        carrier_code=shipment.get("carrierCode"),
        service_code=shipment.get("serviceCode"),
        lines=dict(sorted(lines.items())) if lines is not None else None,
    )


def _lines(items: Sequence[ShipmentItem]) -> dict[int, Units]:
    """By order id. An item without our key beside others that have it is the warehouse's own (a sample, an insert): every
    item that we sent carries one. If none has it, nothing is certain and the answer is empty."""
    lines: dict[int, Units] = {}
    for item in items:
        line = line_of(item.get("lineItemKey"))
        if line and (units := item.get("quantity") or 0) > 0:
            lines.setdefault(line[0], Counter())[line[1]] += units
    return lines


def _own_key(key: str | None) -> str | None:
    return key if split_order_key(key) else None


def _order_id(key: str | None) -> int | None:
    parts = split_order_key(key)
    return parts[1] if parts else None


def _is_voided(parcel: Shipment | Fulfillment) -> bool:
    return bool(parcel.get("voided")) or parcel.get("voidDate") is not None


def _number(parcel: Shipment | Fulfillment) -> str | None:
    return (parcel.get("trackingNumber") or "").strip() or None
