"""What carriers tell of the packages that left: the tracking of V2, event by event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from syncd.sandbox.shipstation.account import Account
from syncd.sandbox.shipstation.records import Shipment
from syncd.sandbox.shipstation.refusals import NotFound

StatusCode = Literal["UN", "AC", "IT", "DE", "EX", "AT", "NY", "SP"]

WORDS: dict[str, str] = {
    "UN": "Unknown",
    "AC": "Accepted",
    "IT": "In Transit",
    "DE": "Delivered",
    "EX": "Exception",
    "AT": "Delivery Attempt",
    "NY": "Not Yet In System",
    "SP": "Delivered To Collection Location",
}
"""The vendor's descriptions. AC, AT, EX and SP are customary, not documented."""


@dataclass(frozen=True)
class Scan:
    """`detail_code` such as OUT_FOR_DELIVERY; `carrier_words` are what the carrier itself says."""

    at: datetime
    status_code: StatusCode
    detail_code: str | None
    carrier_words: str
    city: str
    state: str


@dataclass(frozen=True)
class Journey:
    scans: tuple[Scan, ...] = ()
    estimated_on: date | None = None

    @property
    def status_code(self) -> StatusCode:
        return self.scans[-1].status_code if self.scans else "NY"

    @property
    def delivered_at(self) -> datetime | None:
        return next((scan.at for scan in self.scans if scan.status_code == "DE"), None)


class Carriage:
    """`told` is called with the package after each scan."""

    def __init__(self, account: Account, told: Callable[[Shipment], None]) -> None:
        self._account = account
        self._told = told
        self._journeys: dict[int, Journey] = {}

    def journey(self, shipment_id: int) -> Journey:
        return self._journeys.get(shipment_id, Journey())

    def delivered(self) -> list[int]:
        """Shipment ids."""
        return [shipment_id for shipment_id, journey in self._journeys.items() if journey.delivered_at]

    def scan(
        self,
        shipment_id: int,
        status_code: StatusCode,
        detail_code: str | None = None,
        carrier_words: str = "",
        city: str = "Austin",
        state: str = "TX",
        estimated_on: date | None = None,
    ) -> None:
        """The carrier scans a package. Voided labels are never scanned."""
        shipment = self._account.shipments.get(shipment_id)
        if shipment is None or shipment.voided_at is not None:
            raise NotFound(f"There is no package {shipment_id} on its way.")
        before = self.journey(shipment_id)
        words = carrier_words or WORDS[status_code]
        fresh = Scan(self._account.now(), status_code, detail_code, words, city, state)
        self._journeys[shipment_id] = replace(
            before, scans=(*before.scans, fresh), estimated_on=estimated_on or before.estimated_on
        )
        self._told(shipment)
