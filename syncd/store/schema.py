"""The tables, and the only row types. Documents are text that nobody here reads."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, LargeBinary, MetaData, Table, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from syncd.store.columns import RowNumber, UtcTime

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""Batch migrations on SQLite cannot drop what has no name."""

IS_WAITING = "marked > settled AND marked > parked"
IS_PARKED = "marked > settled AND marked <= parked"
IS_IN_SHIPSTATION = "standing = 'open'"
IS_OPEN = "outcome IN ('intended', 'unknown')"
IS_TO_BE_ASKED = "ask_at IS NOT NULL"
HAS_UNTOLD_NEWS = "heard > settled"
IS_UNSENT = "outcome = 'waiting'"
IS_UNTOLD = "fulfillment_gid IS NULL AND NOT voided"
IS_ON_ITS_WAY = "received_at IS NULL AND NOT voided AND outcome = ''"
"""Queries repeat these words exactly: neither engine sees that a parameter implies the predicate of a partial index."""


class Row(SQLModel):
    metadata = MetaData(naming_convention=NAMES)


def partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


class Mark(Row, table=True):
    """Look again at `subject` in `flow`. Due while `marked` is above `settled` and `parked`, and no time below is ahead.

    The marker writes the first group of columns, the worker the second; each mark adds one to `marked`, and settling copies
    the claimed count, so that a mark during the work is never lost.
    """

    __tablename__ = "marks"
    __table_args__ = (
        # the claim and the summary; the two times are in it so that a deferred row is passed over without a visit
        partial("ix_marks_waiting", "flow", "lane", "marked_at", "retry_at", "lease_until", where=IS_WAITING),
        # the list of parked marks
        partial("ix_marks_parked", "flow", "subject", where=IS_PARKED),
        {
            # a hot table of few rows: dead ones at the head of the index slow every claim
            "postgresql_with": {"autovacuum_vacuum_scale_factor": 0.01, "autovacuum_vacuum_cost_delay": 0},
        },
    )

    flow: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    marked: int = Field(default=1, sa_type=BigInteger)
    marked_at: datetime = Field(sa_type=UtcTime)
    """The first mark since settled; ahead of now when nothing is to be done before that time."""
    hint_at: datetime = Field(sa_type=UtcTime)
    lane: int

    settled: int = Field(default=0, sa_type=BigInteger)
    claimed: int = Field(default=0, sa_type=BigInteger)
    """What `marked` was when the present lease was taken."""
    parked: int = Field(default=0, sa_type=BigInteger)
    """The count it was given up at: a newer mark wakes it."""
    retry_at: datetime | None = Field(default=None, sa_type=UtcTime)
    attempts: int = 0
    lease_token: str | None = None
    lease_until: datetime | None = Field(default=None, sa_type=UtcTime)
    error_code: str | None = None
    error_text: str | None = None


class Delivery(Row, table=True):
    """A webhook as it came, until it is read. Rows are only appended and forgotten, and there is no index beside their numbers: each
    one would be written, somewhere else, before the sender gets an answer."""

    __tablename__ = "deliveries"

    id: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    store: str
    topic: str
    webhook_id: str
    received_at: datetime = Field(sa_type=UtcTime)
    body: bytes = Field(sa_type=LargeBinary)


class ReadDelivery(Row, table=True):
    """A webhook that was read: a repeat is recognised by it."""

    __tablename__ = "read_deliveries"
    __table_args__ = (UniqueConstraint("store", "webhook_id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    store: str
    webhook_id: str
    topic: str
    read_at: datetime = Field(sa_type=UtcTime)
    problem: str | None = None
    """Why it could not be read."""


class OrderRow(Row, table=True):
    """The one state of one Shopify order, and its cause."""

    __tablename__ = "orders"
    __table_args__ = (Index("ix_orders_state", "state"), Index("ix_orders_name", "name"))

    store: str = Field(primary_key=True)
    order_id: int = Field(primary_key=True, sa_type=BigInteger)
    name: str
    state: str
    cause: str
    detail: str = ""
    trouble: str | None = None
    """Why a package of it cannot be told to Shopify; while set it decides the state."""
    trouble_detail: str | None = None
    finding: str | None = None
    """What the sweep found wrong and cannot make right; while set it decides the state, after `trouble`."""
    finding_detail: str | None = None
    since: datetime = Field(sa_type=UtcTime)
    """When the present state and cause began."""
    seen_at: datetime = Field(sa_type=UtcTime)
    shopify_updated_at: datetime | None = Field(default=None, sa_type=UtcTime)
    routing_updated_at: datetime | None = Field(default=None, sa_type=UtcTime)
    """The newest of its fulfillment orders, as we last saw them."""
    closed_at: datetime | None = Field(default=None, sa_type=UtcTime)
    released_at: datetime | None = Field(default=None, sa_type=UtcTime)
    """When a person said that it may go in spite of doubts."""
    take: str | None = None
    """Whose values shall stand where both sides changed a field: shopify or shipstation, until it was carried out."""
    judged: str | None = None
    """Names of what others say against it, joined by commas: a release waives no more than was said by then."""
    waived: str | None = None
    """Those of them that were said when a person released it."""


class ConsignmentRow(Row, table=True):
    """Which ShipStation order stands for which part of a Shopify order. `applied` is the document it last accepted."""

    __tablename__ = "consignments"
    __table_args__ = (
        UniqueConstraint("store", "order_id", "location_id", "split_group", "n"),
        Index("ix_consignments_shipstation_order_id", "shipstation_order_id"),
        partial("ix_consignments_open", "created_at", where=IS_IN_SHIPSTATION),  # open_consignments
    )

    order_key: str = Field(primary_key=True)
    store: str
    order_id: int = Field(sa_type=BigInteger)
    location_id: int = Field(sa_type=BigInteger)
    split_group: str = ""
    n: int
    standing: str
    shipstation_order_id: int | None = Field(default=None, sa_type=BigInteger)
    applied: str | None = Field(default=None, sa_type=Text)
    pushed_at: datetime | None = Field(default=None, sa_type=UtcTime)
    choice: str | None = Field(default=None, sa_type=Text)
    """JSON: how its carrier and service were chosen, where a rule wants that by rates."""
    seen_status: str | None = None
    """What the last sweep saw of it in ShipStation, here and in the three below; `gone` when it was not there any more."""
    seen_differs: str | None = None
    """Names of our fields that somebody changed there, joined by commas."""
    seen_modified_at: datetime | None = Field(default=None, sa_type=UtcTime)
    seen_at: datetime | None = Field(default=None, sa_type=UtcTime)
    created_at: datetime = Field(sa_type=UtcTime)
    updated_at: datetime = Field(sa_type=UtcTime)


class PackageRow(Row, table=True):
    """One parcel of ShipStation, or the part of it that belongs to this Shopify order."""

    __tablename__ = "packages"
    __table_args__ = (
        Index("ix_packages_order", "store", "order_id"),
        # one Shopify fulfillment stands for one package
        partial("uq_packages_fulfillment_gid", "fulfillment_gid", where="fulfillment_gid IS NOT NULL", unique=True),
        partial("ix_packages_untold", "order_key", where=IS_UNTOLD),  # keys_in_shipstation
    )

    package_key: str = Field(primary_key=True)
    store: str = Field(primary_key=True)
    order_id: int = Field(primary_key=True, sa_type=BigInteger)
    order_key: str | None = None
    voided: bool = False
    voided_at: datetime | None = Field(default=None, sa_type=UtcTime)
    """When it was first seen void."""
    tracking_number: str | None = None
    more_numbers: str | None = None
    """JSON list: of the other packages of its label."""
    carrier_code: str | None = None
    service_code: str | None = None
    ship_date: str | None = None
    lines: str | None = Field(default=None, sa_type=Text)
    fulfillment_gid: str | None = None
    told: str | None = Field(default=None, sa_type=Text)
    """What of the lines its fulfillment holds; empty for all of them. Of a voided one whose fulfillment is cancelled: nothing."""
    created_at: datetime = Field(sa_type=UtcTime)
    updated_at: datetime = Field(sa_type=UtcTime)
    seen_at: datetime = Field(sa_type=UtcTime)


class ReturnRow(Row, table=True):
    """One return label of ShipStation, or the part of it that belongs to this Shopify order. `lines` as in packages. Amounts are
    decimal text in `currency`."""

    __tablename__ = "returns"
    __table_args__ = (
        Index("ix_returns_order", "store", "order_id"),
        partial("ix_returns_not_received", "asked_at", where=IS_ON_ITS_WAY),  # returns_on_their_way
    )

    return_key: str = Field(primary_key=True)
    store: str = Field(primary_key=True)
    order_id: int = Field(primary_key=True, sa_type=BigInteger)
    voided: bool = False
    tracking_number: str | None = None
    carrier_code: str | None = None
    service_code: str | None = None
    lines: str | None = Field(default=None, sa_type=Text)
    is_told: bool = False
    """Shopify's order carries our note and tag."""
    return_gid: str | None = None
    is_labelled: bool = False
    received_at: datetime | None = Field(default=None, sa_type=UtcTime)
    received_by: str | None = None
    """carrier or person."""
    asked_at: datetime = Field(sa_type=UtcTime)
    """When the carrier was last asked whether it arrived."""
    suggested: str | None = None
    currency: str | None = None
    approved: str | None = None
    """Up to which amount a person agreed to the refund."""
    refund_gid: str | None = None
    outcome: str = ""
    detail: str = ""
    """Why it does not go on by itself: a key of the waits in `mappings.plan_returns`."""
    refusals: int = 0
    created_at: datetime = Field(sa_type=UtcTime)
    updated_at: datetime = Field(sa_type=UtcTime)
    outbound_key: str | None = None
    """The package that it was made for, where that is told."""


class JourneyRow(Row, table=True):
    """What the carrier tells of one label that left. `news` is JSON; `heard` counts how often it changed, `settled` copies what
    Shopify was told of, so that news during the telling are never lost."""

    __tablename__ = "journeys"
    __table_args__ = (
        partial("ix_journeys_asked", "ask_at", where=IS_TO_BE_ASKED),  # due_asks
        partial("ix_journeys_untold", "heard_at", where=HAS_UNTOLD_NEWS),  # untold_packages
        Index("ix_journeys_begun_at", "begun_at"),  # prune_journeys
    )

    package_key: str = Field(primary_key=True)
    begun_at: datetime = Field(sa_type=UtcTime)
    ask_at: datetime | None = Field(default=None, sa_type=UtcTime)
    """Empty once it is over, as is `ended_at` until then."""
    ended_at: datetime | None = Field(default=None, sa_type=UtcTime)
    heard_at: datetime | None = Field(default=None, sa_type=UtcTime)
    heard: int = Field(default=0, sa_type=BigInteger)
    settled: int = Field(default=0, sa_type=BigInteger)
    tell_at: datetime | None = Field(default=None, sa_type=UtcTime)
    news: str | None = Field(default=None, sa_type=Text)


class JournalEntry(Row, table=True):
    """One step: intended before the call, closed after it. `facts` holds names of fields and counts, never personal data.

    `outcome` is intended, confirmed, refused, unknown or abandoned; noted for what is no step, such as a change of state.
    """

    __tablename__ = "journal"
    __table_args__ = (
        partial("ix_journal_open", "store", "order_id", where=IS_OPEN),  # open_entries
        Index("ix_journal_order", "store", "order_id", "id"),  # history
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    batch_id: str
    flow: str
    store: str
    order_id: int = Field(sa_type=BigInteger)
    step: str
    key: str
    opened_at: datetime = Field(sa_type=UtcTime)
    outcome: str
    closed_at: datetime | None = Field(default=None, sa_type=UtcTime)
    code: str | None = None
    text: str | None = None
    facts: str | None = Field(default=None, sa_type=Text)
    duration_ms: int | None = None


class PrivacyRequest(Row, table=True):
    """What a customer or a shop asked for under privacy law. `orders` is a JSON list of Shopify order ids; empty for all."""

    __tablename__ = "privacy_requests"

    id: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    kind: str
    store: str
    customer_id: int | None = Field(default=None, sa_type=BigInteger)
    orders: str = Field(sa_type=Text)
    received_at: datetime = Field(sa_type=UtcTime)
    done_at: datetime | None = Field(default=None, sa_type=UtcTime)
    answer: str | None = Field(default=None, sa_type=Text)


class RedactedOrder(Row, table=True):
    """A tombstone: no document of this order is ever kept again, whatever comes late."""

    __tablename__ = "redacted_orders"

    store: str = Field(primary_key=True)
    order_id: int = Field(primary_key=True, sa_type=BigInteger)
    redacted_at: datetime = Field(sa_type=UtcTime)


class Cursor(Row, table=True):
    """How far a feed has read, by the vendor's clock."""

    __tablename__ = "cursors"

    name: str = Field(primary_key=True)
    watermark: datetime | None = Field(default=None, sa_type=UtcTime)
    position: str | None = None
    updated_at: datetime = Field(sa_type=UtcTime)


class Lease(Row, table=True):
    """Who alone may do a duty, and when it was begun for the last time that it came to its end. `fence` grows with every change
    of hands and never shrinks."""

    __tablename__ = "leases"

    name: str = Field(primary_key=True)
    token: str | None = None
    until: datetime | None = Field(default=None, sa_type=UtcTime)
    fence: int = Field(default=1, sa_type=BigInteger)
    done_at: datetime | None = Field(default=None, sa_type=UtcTime)


class Budget(Row, table=True):
    """What an account was sent lately, and why it is not called at present. `grants` is JSON: which calls count until when."""

    __tablename__ = "budgets"

    account: str = Field(primary_key=True)
    grants: str = Field(sa_type=Text)
    blocked_until: datetime | None = Field(default=None, sa_type=UtcTime)
    paused_code: str | None = None
    paused_text: str | None = None
    paused_since: datetime | None = Field(default=None, sa_type=UtcTime)
    paused_until: datetime | None = Field(default=None, sa_type=UtcTime)
    updated_at: datetime = Field(sa_type=UtcTime)


class Brake(Row, table=True):
    """Cancellations of a flow that were stopped because they were too many at once, until a person lets them through."""

    __tablename__ = "brakes"

    flow: str = Field(primary_key=True)
    pulled_at: datetime | None = Field(default=None, sa_type=UtcTime)
    reason: str = ""
    released_until: datetime | None = Field(default=None, sa_type=UtcTime)


class KeyUse(Row, table=True):
    """Which key pairs of ShipStation were used lately, by any replica. `key_id` is a digest: no key is kept."""

    __tablename__ = "key_uses"

    key_id: str = Field(primary_key=True)
    ends_in: str
    used_since: datetime | None = Field(default=None, sa_type=UtcTime)
    last_used_at: datetime | None = Field(default=None, sa_type=UtcTime)
    refused_at: datetime | None = Field(default=None, sa_type=UtcTime)


class OutboundMessage(Row, table=True):
    """What one help desk is told. `endpoint` names it without its address, `about` is the same for the same event, `outcome` is
    waiting, sent or given_up."""

    __tablename__ = "outbound_messages"
    __table_args__ = (
        UniqueConstraint("endpoint", "about"),
        partial("ix_outbound_messages_unsent", "next_at", where=IS_UNSENT),  # due_messages
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    endpoint: str
    about: str
    webhook_id: str
    event: str
    body: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=UtcTime)
    next_at: datetime = Field(sa_type=UtcTime)
    attempts: int = 0
    outcome: str
    code: str | None = None


class StockControl(Row, table=True):
    """What a person decided about the stock of one store, and what the last look at it showed: `report` is JSON with SKUs and
    counts."""

    __tablename__ = "stock_controls"

    store: str = Field(primary_key=True)
    released_at: datetime | None = Field(default=None, sa_type=UtcTime)
    """Since when differences are written without being asked, as long as `released_as` is what the settings say."""
    released_as: str | None = Field(default=None, sa_type=Text)
    frozen_at: datetime | None = Field(default=None, sa_type=UtcTime)
    frozen_until: datetime | None = Field(default=None, sa_type=UtcTime)
    """Empty while frozen: until somebody thaws it."""
    looked_at: datetime | None = Field(default=None, sa_type=UtcTime)
    report: str | None = Field(default=None, sa_type=Text)


class CatalogLook(Row, table=True):
    """What the last look at the articles of one store showed: `report` is JSON with SKUs and counts."""

    __tablename__ = "catalog_looks"

    store: str = Field(primary_key=True)
    looked_at: datetime = Field(sa_type=UtcTime)
    report: str = Field(sa_type=Text)


class ProductLink(Row, table=True):
    """Which article of which store has a ShipStation product, whatever its SKU. `written` is the digest of the last wish that
    ShipStation has had."""

    __tablename__ = "product_links"
    __table_args__ = (UniqueConstraint("store", "item_id"),)

    product_id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    store: str
    item_id: int = Field(sa_type=BigInteger)
    written: str | None = None


class Alarm(Row, table=True):
    """What a person should know of and no order tells. It stands until `until`, unless it is raised again."""

    __tablename__ = "alarms"

    name: str = Field(primary_key=True)
    text: str
    since: datetime = Field(sa_type=UtcTime)
    until: datetime = Field(sa_type=UtcTime)


def table_of(row: type[Row]) -> Table:
    """For Core statements: the unit of work of the ORM costs fifteen times as much per row."""
    return row.metadata.tables[str(row.__tablename__)]
