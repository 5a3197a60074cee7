"""News of deliveries: what carriers scan, and what Shopify shows of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from mappings.news import SHOPIFY_STATUS
from syncd.sandbox.shipstation.carriage import StatusCode
from syncd.sandbox.shipstation.records import Shipment
from syncd.simulation.day import Day
from syncd.simulation.people import pick
from syncd.simulation.sidelines.sideline import Deed, Sideline

UNKNOWN_CARRIER = {"stamps_com": {"company": "Acme Couriers", "url": "https://acme.test/{number}"}}
"""One that Shopify does not follow."""
WAY: tuple[StatusCode, ...] = ("AC", "IT", "AT", "IT", "DE")
STEP_S, LONGEST_S = 120.0, 2 * 3600.0


class Journeys(Sideline):
    def __init__(self, day: Day) -> None:
        self.deeds: Mapping[str, Deed] = {"scan": self.scan}
        self._day = day

    async def settle(self) -> None:
        """As if the hours were over after which a carrier is asked again, about those first that it was asked about longest ago."""
        ends = self._day.clock.monotonic() + LONGEST_S
        while await self.judge() and self._day.clock.monotonic() < ends:
            self._day.execute("UPDATE journeys SET ask_at = coalesce(heard_at, begun_at) WHERE ask_at IS NOT NULL")
            await self._day.passes(STEP_S)

    async def judge(self) -> list[str]:
        """Each change is shown once, in order, of each package that Shopify knows under its own number."""
        return list(self._differences())

    def broken(self) -> list[str]:
        """Nothing is told twice."""
        problems = []
        for order in self._day.sold().values():
            for one in order.fulfillments:
                for event, count in Counter((event.status, event.happened_at) for event in one.events).items():
                    if count > 1:
                        problems.append(f"news: {one.name} was told {count} times of {event[0]}")
        return problems

    def _differences(self) -> Iterator[str]:
        shown, labels = self._shown(), self._day.shipstation.account.shipments.values()
        void = [event for label in labels if label.voided_at for event in expected(self._day, label)]
        for package in self._packages():
            events, wanted = shown.get(package.tracking_number, []), expected(self._day, package)
            if len(events) != 1:
                continue
            wanted = _after([event for event in events[0] if event in void and event not in wanted], wanted)
            if events[0] != wanted:
                yield f"news: {package.tracking_number} is shown as {events[0]} instead of {wanted}"

    def _shown(self) -> dict[str, list[list[list[str]]]]:
        """Tracking number -> the events of each live fulfillment that has it first."""
        found: dict[str, list[list[list[str]]]] = {}
        for shop in self._day.shopify.state()["shops"].values():
            for order in shop["orders"]:
                for one in order["fulfillments"]:
                    if one["status"] == "SUCCESS" and one["tracking"]:
                        found.setdefault(one["tracking"][0]["number"], []).append(one["events"])
        return found

    def _packages(self) -> list[Shipment]:
        """Those of carriers that Shopify does not follow, and whose number nobody else has."""
        live = [
            one for one in self._day.shipstation.account.shipments.values() if not one.is_return and not one.voided_at
        ]
        return [one for one in live if one.carrier_code in UNKNOWN_CARRIER]

    def scan(self, number: int) -> None:
        """The carrier, on whose way each package goes from scan to scan."""
        package = pick([one for one in self._packages() if self._next(one)], number)
        self._day.shipstation.carriage.scan(package.shipment_id, self._next(package))  # type: ignore[arg-type]

    def _next(self, package: Shipment) -> StatusCode | None:
        """Never twice in one second, of which nobody could tell two scans with the same words apart."""
        scans = self._day.shipstation.carriage.journey(package.shipment_id).scans
        now = self._day.clock.now().replace(microsecond=0)
        is_just_scanned = bool(scans) and scans[-1].at.replace(microsecond=0) == now
        return WAY[len(scans)] if len(scans) < len(WAY) and not is_just_scanned else None


def expected(day: Day, package: Shipment) -> list[list[str]]:
    """Each change of status of the carrier's, with its time, as Shopify must show it."""
    rows: list[list[str]] = []
    for one in day.shipstation.carriage.journey(package.shipment_id).scans:
        status = "OUT_FOR_DELIVERY" if one.detail_code else SHOPIFY_STATUS[one.status_code]
        if not rows or rows[-1][0] != status:
            rows.append([status, one.at.isoformat(timespec="seconds").replace("+00:00", "Z")])
    return rows


def _after(past: list[list[str]], wanted: list[list[str]]) -> list[list[str]]:
    """`past` is what was told of a voided label, whose fulfillment this package took over: that cannot be taken back."""
    is_same = past and wanted and past[-1][0] == wanted[0][0]
    return past + (wanted[1:] if is_same else wanted)
