"""Goods on their way back: what we know of each return, what the merchant wants done, and the steps for it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

OnLabel = Literal["off", "note", "return"]
RefundPolicy = Literal["off", "suggest", "automatic"]

OWN_LINE = re.compile(r"\[syncd return s[0-9]+\]\s*$")
"""What we add to the note of an order; nothing that the customer or the shop wrote ends like that."""


@dataclass(frozen=True)
class ReturnPolicy:
    """What happens when a return label is seen, and when the goods have arrived. `refund_limit` is in the shop's currency."""

    on_label: OnLabel = "note"
    refund: RefundPolicy = "off"
    refund_limit: Decimal = Decimal(0)
    restocks: bool = True
    tag: str = "return"
    note_on_customer: bool = False
    notify_customer: bool = False

    @property
    def is_on(self) -> bool:
        return self.on_label != "off" or self.refund != "off"


@dataclass(frozen=True)
class Return:
    """One return label, or the part of it that belongs to this Shopify order, as our rows have it.

    `lines`: Shopify line -> units, None when nobody can tell. `outcome` is refunded, elsewhere or declined once nothing is left to do.
    `approved`: up to which amount a person agreed. `refusals`: how often Shopify refused a call with a clear answer.
    """

    return_key: str
    tracking_number: str | None
    carrier_code: str | None
    service_code: str | None
    lines: Mapping[int, int] | None
    outbound_key: str | None = None
    """The package that it was made for, where that is told."""
    outbound_lines: Mapping[int, int] | None = None
    """What that package held of this order."""
    most_lines: Mapping[int, int] | None = None
    """The most that any package of its order held of each line. None where one does not tell."""
    voided: bool = False
    is_told: bool = False
    return_gid: str | None = None
    is_labelled: bool = False
    received_at: datetime | None = None
    suggested: Decimal | None = None
    approved: Decimal | None = None
    detail: str = ""
    outcome: str = ""
    refusals: int = 0
    intended_at: datetime | None = None
    """When something was last about to be done about it without us having seen the answer."""
    in_doubt_since: datetime | None = None
    """From when on the effect of that is to be waited for, where it differs."""

    @property
    def marker(self) -> str:
        """By which we find again in Shopify what we wrote for it."""
        return f"[syncd return {self.return_key}]"


@dataclass(frozen=True)
class ReturnNews:
    """What to remember of a return. None: nothing new."""

    return_key: str
    is_told: bool | None = None
    return_gid: str | None = None
    is_labelled: bool | None = None
    suggested: Decimal | None = None
    currency: str | None = None
    refund_gid: str | None = None
    outcome: str | None = None
    detail: str | None = None
    refused: bool = False
    """A call was refused with a clear answer."""


@dataclass(frozen=True)
class Payment:
    """A part of a refund, to the payment that it came from."""

    parent_gid: str
    gateway: str
    amount: Decimal
    currency: str


@dataclass(frozen=True)
class NoteReturn:
    """A line in the order's note, a tag, and if wished a line in the customer's note. None: it stands there already."""

    return_key: str
    order_gid: str
    tag: str
    note: str | None
    customer_gid: str | None = None
    customer_note: str | None = None

    @property
    def kind(self) -> str:
        return "note_return"

    def news(self, far_id: str | None) -> ReturnNews:
        return ReturnNews(self.return_key, is_told=True, detail="")


@dataclass(frozen=True)
class OpenReturn:
    """`lines`: fulfillment line gid -> units. Not repeatable: found again by `marker` in the note of its reason."""

    return_key: str
    order_gid: str
    lines: Mapping[str, int]
    marker: str

    @property
    def kind(self) -> str:
        return "open_return"

    def news(self, far_id: str | None) -> ReturnNews:
        return ReturnNews(self.return_key, return_gid=far_id, detail="")


@dataclass(frozen=True)
class LabelReturn:
    """The label and its tracking, on the reverse delivery of all that the return holds: a second one is refused."""

    return_key: str
    reverse_gid: str
    number: str | None
    url: str | None
    label_url: str | None
    notify_customer: bool

    @property
    def kind(self) -> str:
        return "label_return"

    def news(self, far_id: str | None) -> ReturnNews:
        return ReturnNews(self.return_key, is_labelled=True, detail="")


@dataclass(frozen=True)
class RefundReturn:
    """Money back for units that are in no Shopify return. `attempt` makes another key after each clear refusal."""

    return_key: str
    order_gid: str
    lines: Mapping[int, int]
    payments: tuple[Payment, ...]
    restocks: bool
    note: str
    attempt: int
    notify_customer: bool

    @property
    def kind(self) -> str:
        return "refund_return"

    @property
    def amount(self) -> Decimal:
        return total(self.payments)

    def news(self, far_id: str | None) -> ReturnNews:
        return ReturnNews(self.return_key, refund_gid=far_id, outcome="refunded", suggested=self.amount, detail="")


@dataclass(frozen=True)
class ProcessedLine:
    """A line of a Shopify return, all of it, and the line of its reverse fulfillment order. `location_gid`: where it is for sale
    again. None: nowhere."""

    gid: str
    reverse_gid: str
    units: int
    location_gid: str | None


@dataclass(frozen=True)
class ProcessReturn:
    """Receipt, restocking and refund of a Shopify return in one go. All units at once, so that a second call is refused."""

    return_key: str
    return_gid: str
    lines: tuple[ProcessedLine, ...]
    payments: tuple[Payment, ...]
    note: str
    notify_customer: bool

    @property
    def kind(self) -> str:
        return "process_return"

    @property
    def amount(self) -> Decimal:
        return total(self.payments)

    def news(self, far_id: str | None) -> ReturnNews:
        """Not over yet: it is closed next, also where a person declined it too late."""
        return ReturnNews(self.return_key, refund_gid=far_id, outcome="", suggested=self.amount, detail="")


@dataclass(frozen=True)
class CloseReturn:
    """Closing twice succeeds."""

    return_key: str
    return_gid: str

    @property
    def kind(self) -> str:
        return "close_return"

    def news(self, far_id: str | None) -> ReturnNews:
        return ReturnNews(self.return_key, outcome="refunded", detail="")


MoneyStep = RefundReturn | ProcessReturn
ReturnStep = NoteReturn | OpenReturn | LabelReturn | MoneyStep | CloseReturn


@dataclass(frozen=True)
class ReturnsPlan:
    steps: tuple[ReturnStep, ...] = ()
    news: tuple[ReturnNews, ...] = ()
    resolved: tuple[str, ...] = ()
    """Keys of calls whose answer was lost and that can no longer happen: what is seen is what there is."""
    wait_s: float | None = None


@dataclass(frozen=True)
class SeenReturn:
    """A return of the shop. `lines`: gid, units, processed units, the reason's note. `numbers`: of its reverse deliveries.
    `has_terms`: it gives other goods in exchange or keeps a fee, so that what its units cost is not what is owed for them."""

    gid: str
    status: str
    lines: tuple[SeenReturnLine, ...]
    reverse_gids: tuple[str, ...]
    numbers: frozenset[str]
    has_terms: bool = False

    @property
    def is_processed(self) -> bool:
        return all(line.processed == line.units for line in self.lines)


@dataclass(frozen=True)
class SeenReturnLine:
    """`line_id`: of the order, also when the fulfillment does not stand any more; 0 where Shopify does not know it. `reverse_gid`:
    of the line of the reverse fulfillment order."""

    gid: str
    fulfillment_line_gid: str
    line_id: int
    reverse_gid: str
    units: int
    processed: int
    refunded: int
    note: str


@dataclass(frozen=True)
class SeenLine:
    """`refundable` counts units that are not refunded yet, `unfulfilled` those that have not left."""

    refundable: int
    unfulfilled: int


@dataclass(frozen=True)
class SentLine:
    """Units of a line in a fulfillment that stands. `location_gid`: from where they left, None where that is gone."""

    gid: str
    line_id: int
    units: int
    location_gid: str | None = None


@dataclass(frozen=True)
class SeenForReturn:
    """One look at an order because of one return. `payments` are what Shopify suggests to pay back for its units. `is_returning`:
    some return of it is requested or open in the shop; `was_returned`: some are, and all of them are over. `paid_for_nothing`: money
    of it went back for no goods that are named."""

    order_gid: str
    note: str
    tags: tuple[str, ...]
    currency: str
    is_foreign: bool
    """Paid in another currency than the shop's."""
    net_payment: Decimal
    refund_notes: Mapping[str, str]
    """Refund gid -> its note."""
    lines: Mapping[int, SeenLine]
    sent: tuple[SentLine, ...] = ()
    returns: tuple[SeenReturn, ...] = ()
    payments: tuple[Payment, ...] = ()
    customer_gid: str | None = None
    customer_note: str = ""
    label_url: str | None = field(default=None)
    is_returning: bool = False
    was_returned: bool = False
    paid_for_nothing: bool = False


def total(payments: tuple[Payment, ...]) -> Decimal:
    return sum((one.amount for one in payments), Decimal(0))


def without_return_notes(note: str | None) -> str:
    """The note as others wrote it: what we add about returns is no news for ShipStation."""
    return "\n".join(line for line in (note or "").splitlines() if not OWN_LINE.search(line))
