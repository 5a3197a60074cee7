"""What the plans are made of: what we know, the steps, and the verdict on one order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from mappings.causes import Cause
from mappings.rates import Choice
from mappings.returns import ReturnNews, ReturnPolicy, ReturnStep
from mappings.rules import Rules
from mappings.scripts import ToLatin
from mappings.shipstation_shapes import Order


@dataclass(frozen=True)
class FraudGate:
    """From which of Shopify's recommendations on an order is held, and how long an unfinished analysis is waited for."""

    hold_on: Literal["cancel", "investigate", "never"] = "cancel"
    wait_s: float = 3600.0


NotifyCustomer = Literal["label", "scan", "never"]
"""When Shopify mails the customer about a package: once its label is bought, once its carrier has it, or never."""


@dataclass(frozen=True)
class Profile:
    """What the merchant set for one store."""

    store: str
    shipstation_store_id: int | None
    order_prefix: str = ""
    warehouses: Mapping[int, int] = field(default_factory=dict)
    """Shopify location id -> ShipStation warehouse id. Empty: every location ships, from ShipStation's default warehouse."""
    start_at: datetime | None = None
    grace_s: float = 0.0
    ship_authorized: bool = False
    ship_pending: bool = False
    """Unpaid ones too: payment terms, cash on delivery."""
    ship_partly_paid: bool = False
    ship_test_orders: bool = False
    ship_zero_value: bool = True
    oldest_days: float | None = None
    """Orders that became due longer ago are excluded. None: age does not matter."""
    fraud: FraudGate = field(default_factory=FraudGate)
    on_hold: Literal["hold", "withdraw"] = "hold"
    """What a hold in Shopify does to goods that ShipStation has: on hold there too, or out of there."""
    on_cancel: Literal["cancel", "hold"] = "cancel"
    void_on_cancel: bool = False
    missing_weight: Literal["send", "hold"] = "send"
    default_grams: Decimal | None = None
    """What a unit weighs of which Shopify knows no weight."""
    non_roman: Literal["send", "hold"] = "send"
    to_latin: ToLatin | None = None
    """How addresses in another script are written in Latin letters. None: they stay as they are."""
    incomplete_customs: Literal["send", "hold"] = "send"
    notify_customer: NotifyCustomer = "label"
    notify_on_relabel: bool = False
    void_grace_s: float = 900.0
    """How long Shopify goes on showing a package whose label was voided, in case its goods get a new label."""
    carriers: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """The merchant's own words for a carrier: code in small letters -> (company, address with {number}, or empty)."""
    rules: Rules = field(default_factory=Rules)
    returns: ReturnPolicy = field(default_factory=ReturnPolicy)


Side = Literal["shopify", "shipstation"]


FACTS = frozenset(
    {
        Cause.ZERO_VALUE,
        Cause.TOO_OLD,
        Cause.MISSING_WEIGHT,
        Cause.NON_ROMAN_ADDRESS,
        Cause.CUSTOMS_INCOMPLETE,
    }
)
"""Doubts that whoever releases an order waives, told or not. What others say of it is waived only if it was said by then."""


@dataclass(frozen=True)
class Ruling:
    """What a person decided about one order. `waived`: doubts in spite of which it may go. `take`: whose values shall stand where
    both sides changed a field."""

    waived: frozenset[Cause] = frozenset()
    take: Side | None = None


class Standing(StrEnum):
    """Where a consignment stands in ShipStation, as far as we know."""

    INTENDED = "intended"  # something was or is about to be sent under its key, and no answer was seen
    OPEN = "open"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Consignment:
    """The units of one order that leave one location together, and the ShipStation order that stands for them.

    `applied` is the document that ShipStation last accepted from us, None while that is unknown. A change or a cancellation
    makes it `INTENDED` as well until the answer is there: ShipStation may then show the old document or the new one.
    """

    order_key: str
    location_id: int
    split_group: str
    n: int
    standing: Standing
    shipstation_order_id: int | None = None
    applied: Order | None = None
    hold_in_doubt: bool = False
    """We may have put it on hold without having seen the answer."""
    cancel_in_doubt: bool = False
    """The same of a cancellation."""
    fields_in_doubt: frozenset[str] | None = None
    """Names of the fields that steps without an answer may have written; None for any."""
    sent_in_doubt: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By field, the fingerprints of what they may have written."""
    choice: Choice | None = None
    """How its carrier and service were chosen, where a rule wants that by rates."""
    pushed_at: datetime | None = None
    """When ShipStation last accepted a document of ours."""


@dataclass(frozen=True)
class Package:
    """One parcel that ShipStation reported, or the part of it that belongs to this Shopify order.

    `package_key` is `s<shipment id>` or `f<fulfillment id>`. `lines` maps Shopify line item id to units, None when ShipStation
    did not say (fulfillments have no lines). `intended_at` is when something was last about to be done about it in Shopify
    without us having seen the answer, `in_doubt_since` from when on its effect is to be waited for, where that differs.
    `voided_at`: when we first saw it void. `told`: what of the lines Shopify accepted, None for all of them; where ShipStation
    did not say, what it was told to hold. `mailed`: of a voided one, that the customer was, or may have been, mailed about its
    fulfillment at a scan.
    """

    package_key: str
    order_key: str | None
    voided: bool
    tracking_number: str | None
    carrier_code: str | None
    service_code: str | None
    lines: Mapping[int, int] | None
    more_numbers: tuple[str, ...] = ()
    """Of the other packages, where one label is for several."""
    fulfillment_gid: str | None = None
    intended_at: datetime | None = None
    in_doubt_since: datetime | None = None
    voided_at: datetime | None = None
    told: Mapping[int, int] | None = None
    mailed: bool = False


@dataclass(frozen=True)
class UpsertOrder:
    """Create, change or cancel one ShipStation order: all three are the same upsert by order key."""

    order_key: str
    location_id: int
    split_group: str
    n: int
    document: Order
    fields: tuple[str, ...]
    """Names of the fields that differ from what was applied; empty for a new order."""
    wanted: Order | None = None
    """Set when `document` also carries what the warehouse changed: the document as Shopify alone would have it."""
    rules: tuple[str, ...] = ()
    """The names of the rules that had a hand in it."""
    choice: Choice | None = None
    """Of carrier and service by their rates, where it was made just now."""
    seen: Order | None = None
    """What ShipStation showed of it when this was decided; None for a new order."""

    @property
    def applied(self) -> Order:
        """What to remember once ShipStation accepted `document`. With the warehouse's changes in it, they would look like
        ours the next time, and be undone."""
        return self.wanted or self.document

    @property
    def kind(self) -> str:
        if self.document["orderStatus"] == "cancelled":
            return "cancel_order"
        if "orderStatus" in self.fields:
            return "hold_order" if self.document["orderStatus"] == "on_hold" else "release_order"
        return "update_order" if self.fields else "create_order"


@dataclass(frozen=True)
class CreateFulfillment:
    """One package -> one Shopify fulfillment. `lines` always lists them: without a list Shopify fulfills everything."""

    package_key: str
    order_gid: str
    lines: Mapping[str, Mapping[str, int]]
    """Fulfillment order gid -> fulfillment order line gid -> units."""
    tracking_number: str | None
    tracking_company: str | None
    tracking_url: str | None
    notify_customer: bool
    more_tracking: tuple[tuple[str, str | None], ...] = ()
    """(number, address) of the other packages of the same label."""
    told: Mapping[int, int] | None = None
    """What Shopify then knows of the package's lines, where it does not accept them all."""

    @property
    def kind(self) -> str:
        return "create_fulfillment"


@dataclass(frozen=True)
class AdoptFulfillment:
    """The fulfillment of this package exists already: remember it, send nothing."""

    package_key: str
    fulfillment_gid: str
    told: Mapping[int, int] | None = None

    @property
    def kind(self) -> str:
        return "adopt_fulfillment"


@dataclass(frozen=True)
class UpdateTracking:
    """The goods of a voided label got a new one: the same fulfillment stands for the new package. Repeating it does no harm."""

    package_key: str
    fulfillment_gid: str
    instead_of: str
    """The package whose label was voided."""
    tracking_number: str | None
    tracking_company: str | None
    tracking_url: str | None
    notify_customer: bool
    more_tracking: tuple[tuple[str, str | None], ...] = ()

    @property
    def kind(self) -> str:
        return "update_tracking"


@dataclass(frozen=True)
class CancelFulfillment:
    """The label of this package was voided and its goods did not leave like that. Cancelling twice succeeds."""

    package_key: str
    fulfillment_gid: str

    @property
    def kind(self) -> str:
        return "cancel_fulfillment"


@dataclass(frozen=True)
class VoidLabel:
    """The order was cancelled after its label was bought, and the merchant wants such labels taken back. Asking twice is harmless."""

    package_key: str
    order_id: int
    """Of Shopify: only a parcel with nothing but its goods is voided."""
    shipstation_order_id: int

    @property
    def shipment_id(self) -> int:
        return int(self.package_key[1:])

    @property
    def kind(self) -> str:
        return "void_label"


FulfillmentStep = CreateFulfillment | AdoptFulfillment | UpdateTracking | CancelFulfillment
Step = VoidLabel | UpsertOrder | FulfillmentStep | ReturnStep


@dataclass(frozen=True)
class Conflict:
    """Both sides changed the same field. The values are for the person who asks, never for logs or rows."""

    order_key: str
    field: str
    shopify: object
    shipstation: object


@dataclass(frozen=True)
class Plan:
    """The verdict on one order: what to do now, in which state that leaves it, and when to look again without being asked."""

    cause: Cause
    steps: tuple[Step, ...] = ()
    detail: str = ""
    """Facts for a person: ids, codes and counts, never names or addresses."""
    look_again_at: datetime | None = None
    resolved: tuple[str, ...] = ()
    """Keys of calls whose answer was lost and of which it is known by now what came of them, without any step."""
    taken_back: tuple[str, ...] = ()
    """Keys of voided packages whose fulfillment Shopify shows as cancelled: of them it counts nothing as gone any more."""
    conflicts: tuple[Conflict, ...] = ()
    recalled: tuple[Consignment, ...] = ()
    """Of which we had no document any more, with what we must have written: to be remembered."""
    returns: tuple[ReturnNews, ...] = ()
    """What was learned of goods on their way back."""
    choices: tuple[tuple[str, Choice], ...] = ()
    """Order keys, and what was chosen for them just now: to be remembered, also where it changes nothing."""
    judged: tuple[Cause, ...] = ()
    """What Shopify's analysis and the merchant's rules say against the order, waived or not: a release waives no more than that."""
