"""What a flow is, and the words between it and the runner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from mappings.causes import Cause
from mappings.plans import Consignment, Package, Plan, Ruling, Step
from mappings.rates import Quoted
from mappings.returns import Return
from syncd.budget import Call

Told = tuple[Cause | None, str]
"""A cause and its detail."""
NOTHING: Told = (None, "")


@dataclass(frozen=True)
class Known:
    """What our own rows say of one order."""

    consignments: tuple[Consignment, ...] = ()
    packages: tuple[Package, ...] = ()
    trouble: Told = NOTHING
    """Why a package cannot be told to Shopify, as the shipments flow found."""
    finding: Told = NOTHING
    """What the sweep found that a person must see."""
    returns: tuple[Return, ...] = ()
    """Goods on their way back: read for the flow of the returns alone."""
    labels_read_at: datetime | None = None
    """All labels that ShipStation had at that moment are known."""
    ruling: Ruling = field(default_factory=Ruling)
    gap_at: datetime | None = None
    """What is older may be in ShipStation without our knowing, until its lists were read anew. None: our memory is whole."""
    is_telling: bool = False
    """Shopify may know of one of its packages without our knowing, and the shipments flow is about to find out."""


@dataclass(frozen=True)
class Unreadable:
    """We could not look. That is never an empty list: the subject is deferred, for `wait_s` where that is known."""

    code: str
    text: str = ""
    wait_s: float | None = None
    counts_attempt: bool = True
    cause: Cause = Cause.UNREADABLE
    """What an order is told by that nobody ever saw."""
    name: str = ""
    """Of the order, where its store showed it: ShipStation tells of some packages by nothing else."""


NOT_SHOWN = "not_shown"
"""What was accepted does not read back as it was sent."""


class Result(StrEnum):
    CONFIRMED = "confirmed"
    REFUSED = "refused"  # the vendor does not want this document
    UNKNOWN = "unknown"  # sent, no usable answer: look for the effect first
    CONFLICT = "conflict"  # the world moved: observe and plan again
    POSTPONED = "postponed"  # never sent: throttled, access lost, no connection


@dataclass(frozen=True)
class Outcome:
    """What became of one step. `far_id` is the vendor's id of what was written."""

    result: Result
    code: str = ""
    text: str = ""
    far_id: str | None = None
    wait_s: float | None = None
    cause: Cause | None = None
    """What a refusal or a lost access means for the order, where that is not the flow's usual cause."""
    is_outage: bool = False
    """Nobody's write succeeded lately: then a doubt says nothing about this order."""

    @property
    def is_of_this_order(self) -> bool:
        """A conflict is a clear answer about this one, whatever becomes of the others."""
        return self.result is Result.CONFLICT or (self.result is Result.UNKNOWN and not self.is_outage)


@dataclass(frozen=True)
class Seen:
    """What is kept of a sighting once its plan is made: a batch may wait for the next window with a hundred of them."""

    name: str
    updated_at: datetime | None
    routing_updated_at: datetime | None
    learned: tuple[Consignment, ...]


@dataclass(frozen=True)
class Sighting:
    """What one look at both vendors showed of one order. `learned`: consignments that ShipStation shows other than remembered."""

    order: Any
    name: str
    updated_at: datetime | None
    shipstation: Mapping[str, Any]
    learned: tuple[Consignment, ...] = ()
    quoted: Quoted = field(default_factory=dict)
    """What carriers would take for its parcels, where a rule chooses by that."""

    def kept(self) -> Seen:
        """`routing_updated_at`: of the newest fulfillment order that it showed."""
        shown = (self.order or {}).get("fulfillmentOrders", {}).get("nodes", ())
        routing_updated_at = max((datetime.fromisoformat(one["updatedAt"]) for one in shown), default=None)
        return Seen(self.name, self.updated_at, routing_updated_at, self.learned)


class Flow(Protocol):
    name: str
    refused: Cause
    """The cause that an order gets when the vendor refuses its document."""
    decides_state: bool
    """Whether this flow's plan says in which state the order is."""
    tells_trouble: bool
    """Whether what this flow cannot do is trouble of the order, and what it did is news for the flow that decides its state."""

    async def observe(self, known: Mapping[str, Known]) -> Mapping[str, Sighting | Unreadable]:
        """Bulk reads of both vendors, one answer for every subject of `known`."""

    def patience_s(self) -> float:
        """How long a batch that is not full waits for company after the last one, so that calls are not spent on few orders."""

    def plan(self, subject: str, known: Known, sighting: Sighting, now: datetime) -> Plan:
        """Pure, total, deterministic."""

    async def turn(self, steps: Sequence[Step]) -> Call | None:
        """Waits until a call with such steps may leave. The call is for `apply`; None where the vendor wants no turns."""

    async def apply(
        self, steps: Sequence[tuple[str, Step]], turn: Call | None, intended_at: datetime, looked_at: datetime
    ) -> Sequence[Outcome]:
        """Bulk writes of (subject, step): one outcome per step, in their order. Never raises for what the vendors do.

        Others look for the effect some time after `intended_at`: what must not be done twice leaves in time or not at all.
        `looked_at`: the steps rest on looks of then or later."""
