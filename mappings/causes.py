"""Every order is in one named state, every state has one cause. The codes are a public interface: they never change meaning."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    WAITING = "waiting"
    EXCLUDED = "excluded"
    HELD = "held"
    QUEUED = "queued"
    IN_SHIPSTATION = "in_shipstation"
    PARTLY_SHIPPED = "partly_shipped"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"
    PARKED = "parked"


class Meaning(NamedTuple):
    """What a person reads: one sentence of fact, one of what to do next."""

    state: State
    sentence: str
    next_step: str


class Cause(StrEnum):
    NOT_ROUTED = "not_routed"
    RISK_PENDING = "risk_pending"
    GRACE_PERIOD = "grace_period"
    SCHEDULED = "scheduled"
    UNPAID = "unpaid"
    AUTHORIZED_ONLY = "authorized_only"
    PARTLY_PAID = "partly_paid"
    NOTHING_TO_SHIP = "nothing_to_ship"
    PICKUP = "pickup"
    OTHER_SERVICE = "other_service"
    TEST_ORDER = "test_order"
    BEFORE_START = "before_start"
    TOO_OLD = "too_old"
    ZERO_VALUE = "zero_value"
    GIFT_CARD = "gift_card"
    NOT_FOUND = "not_found"
    FULFILLMENT_HOLD = "fulfillment_hold"
    FRAUD_REVIEW = "fraud_review"
    EXCLUDED_BY_RULE = "excluded_by_rule"
    HELD_BY_RULE = "held_by_rule"
    CANCELLED_ON_HOLD = "cancelled_on_hold"
    QUEUED = "queued"
    IN_SHIPSTATION = "in_shipstation"
    LABEL_VOIDED = "label_voided"
    PARTLY_SHIPPED = "partly_shipped"
    TELLING_SHOPIFY = "telling_shopify"
    SHIPPED = "shipped"
    FULFILLED_ELSEWHERE = "fulfilled_elsewhere"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"
    LOCATION_NOT_MAPPED = "location_not_mapped"
    ADDRESS_INCOMPLETE = "address_incomplete"
    MISSING_WEIGHT = "missing_weight"
    NON_ROMAN_ADDRESS = "non_roman_address"
    CUSTOMS_INCOMPLETE = "customs_incomplete"
    EDITED_AFTER_LABEL = "edited_after_label"
    CANCELLED_AFTER_LABEL = "cancelled_after_label"
    CHANGED_ON_BOTH_SIDES = "changed_on_both_sides"
    OVERSHIPPED = "overshipped"
    MERGED_PARENT_UNKNOWN = "merged_parent_unknown"
    LINES_UNKNOWN = "lines_unknown"
    UNITS_CHANGED_THERE = "units_changed_there"
    DOUBLED_THERE = "doubled_there"
    BRAKE_PULLED = "brake_pulled"
    REJECTED_BY_SHIPSTATION = "rejected_by_shipstation"
    REJECTED_BY_SHOPIFY = "rejected_by_shopify"
    ACCESS_LOST = "access_lost"
    KEY_REFUSED = "key_refused"
    APP_REFUSED = "app_refused"
    SCOPE_MISSING = "scope_missing"
    FORBIDDEN = "forbidden"
    SHOP_FROZEN = "shop_frozen"
    ACCOUNT_LOCKED = "account_locked"
    CALLS_BLOCKED = "calls_blocked"
    QUERY_REFUSED = "query_refused"
    PLAN_402 = "plan_402"
    UNREADABLE = "unreadable"
    BUG = "bug"


MEANINGS: dict[Cause, Meaning] = {
    Cause.NOT_ROUTED: Meaning(
        State.WAITING,
        "Shopify has not yet said from which location this order ships.",
        "Nothing to do: it is looked at again by itself. After an hour, look for an app or Flow that holds routing back.",
    ),
    Cause.RISK_PENDING: Meaning(
        State.WAITING,
        "Shopify's fraud check of this order has not finished.",
        "Nothing to do: it is looked at again by itself.",
    ),
    Cause.GRACE_PERIOD: Meaning(
        State.WAITING,
        "The order was paid moments ago and waits for the grace period of the settings.",
        "Nothing to do. `sync.grace_s` sets the length.",
    ),
    Cause.SCHEDULED: Meaning(
        State.WAITING,
        "Its goods are scheduled for a later date.",
        "Nothing to do until that date. Fulfil it early in Shopify to send it now.",
    ),
    Cause.UNPAID: Meaning(
        State.EXCLUDED,
        "The order is not paid.",
        "Nothing to do: it goes out by itself once Shopify says it is paid. `ship_pending = true` sends orders on payment terms.",
    ),
    Cause.AUTHORIZED_ONLY: Meaning(
        State.EXCLUDED,
        "The payment is authorized but not captured.",
        "Capture the payment in Shopify, or set `ship_authorized = true` for the store if you capture late.",
    ),
    Cause.PARTLY_PAID: Meaning(
        State.EXCLUDED,
        "Only a part of the order is paid.",
        "Collect the rest in Shopify; it then goes out by itself. `ship_partly_paid = true` does not wait for it.",
    ),
    Cause.NOTHING_TO_SHIP: Meaning(State.EXCLUDED, "No line of the order needs shipping.", "Nothing to do."),
    Cause.PICKUP: Meaning(
        State.EXCLUDED,
        "The goods are picked up, delivered locally or were carried out of the shop.",
        "Nothing to do. Change the delivery method in Shopify if it should be shipped after all.",
    ),
    Cause.OTHER_SERVICE: Meaning(
        State.EXCLUDED,
        "A fulfillment service ships these goods.",
        "Nothing to do. Move the fulfillment order to one of your own locations to ship it yourself.",
    ),
    Cause.TEST_ORDER: Meaning(
        State.EXCLUDED, "It is a test order.", "Nothing to do. `ship_test_orders = true` sends test orders too."
    ),
    Cause.BEFORE_START: Meaning(
        State.EXCLUDED,
        "It was made before the start date of the synchronization.",
        "Ship it the way you did before, or set `sync.start_at` to an earlier date and run `syncd mark` for it.",
    ),
    Cause.TOO_OLD: Meaning(
        State.EXCLUDED,
        "It became due longer ago than `oldest_days` of the store allows.",
        "Nothing to do, or run `syncd release ORDER` to send it all the same.",
    ),
    Cause.ZERO_VALUE: Meaning(
        State.EXCLUDED,
        "It costs nothing, and the store is set not to send such orders.",
        "Nothing to do, or run `syncd release ORDER`. `ship_zero_value = true` sends all of them.",
    ),
    Cause.GIFT_CARD: Meaning(
        State.EXCLUDED, "It holds only gift cards that Shopify delivers itself.", "Nothing to do."
    ),
    Cause.NOT_FOUND: Meaning(
        State.EXCLUDED,
        "Shopify does not show this order to the app.",
        "Was it deleted? Orders older than 60 days need the scope read_all_orders.",
    ),
    Cause.FULFILLMENT_HOLD: Meaning(
        State.HELD,
        "Shopify holds all that is left to ship; what ShipStation had of it is on hold there too.",
        "Release the hold in Shopify; it goes out at once.",
    ),
    Cause.EXCLUDED_BY_RULE: Meaning(
        State.EXCLUDED,
        "One of your rules says that this order is not sent.",
        "Nothing to do. `syncd rules test ORDER` says which rule, and why; change the rule or what it looks at.",
    ),
    Cause.HELD_BY_RULE: Meaning(
        State.HELD,
        "One of your rules holds the order back.",
        "Run `syncd release ORDER` to send it now. `syncd rules test ORDER` says which rule, and why.",
    ),
    Cause.FRAUD_REVIEW: Meaning(
        State.HELD,
        "Shopify's risk analysis advises against shipping before a person has looked.",
        "Decide in Shopify: cancel the order, or run `syncd release ORDER` to ship it.",
    ),
    Cause.CANCELLED_ON_HOLD: Meaning(
        State.HELD,
        "It was cancelled in Shopify and is on hold in ShipStation, as the store's `on_cancel` asks.",
        "Cancel it in ShipStation once the goods are back on the shelf.",
    ),
    Cause.QUEUED: Meaning(State.QUEUED, "It is on its way to ShipStation.", "Nothing to do."),
    Cause.IN_SHIPSTATION: Meaning(
        State.IN_SHIPSTATION, "ShipStation has it and nothing has shipped yet.", "Buy the label in ShipStation."
    ),
    Cause.LABEL_VOIDED: Meaning(
        State.IN_SHIPSTATION,
        "Its label was voided, and Shopify still shows the package in case the goods get a new label.",
        "Buy a new label in ShipStation. Without one Shopify's fulfillment is cancelled after `sync.void_grace_s`.",
    ),
    Cause.PARTLY_SHIPPED: Meaning(
        State.PARTLY_SHIPPED, "Some of its packages left, some goods are still to be shipped.", "Ship the rest."
    ),
    Cause.TELLING_SHOPIFY: Meaning(
        State.PARTLY_SHIPPED,
        "Every unit left, and Shopify does not know every package yet.",
        "Nothing to do: it is told within a minute. If it stays, see `syncd status` for what waits.",
    ),
    Cause.SHIPPED: Meaning(State.SHIPPED, "Every unit left and Shopify knows every package.", "Nothing to do."),
    Cause.FULFILLED_ELSEWHERE: Meaning(State.SHIPPED, "It was fulfilled in Shopify by someone else.", "Nothing to do."),
    Cause.CANCELLED: Meaning(State.CANCELLED, "The order was cancelled on both sides.", "Nothing to do."),
    Cause.REFUNDED: Meaning(
        State.CANCELLED, "Every unit was refunded or removed before it was shipped.", "Nothing to do."
    ),
    Cause.LOCATION_NOT_MAPPED: Meaning(
        State.PARKED,
        "It ships from a Shopify location that no ShipStation warehouse is set for.",
        "Add the location under `[stores.<name>.locations]`, then run `syncd retry ORDER`. `syncd doctor` lists them.",
    ),
    Cause.ADDRESS_INCOMPLETE: Meaning(
        State.PARKED,
        "The shipping address lacks something that ShipStation needs, or the app may not read it.",
        "Complete the address in Shopify. If all orders show this, grant the app access to protected customer data.",
    ),
    Cause.MISSING_WEIGHT: Meaning(
        State.PARKED,
        "Goods in it have no weight in Shopify, and the store is set to hold such orders.",
        "Run `syncd release ORDER` and weigh the parcel, or set `missing_weight` to grams for all such goods.",
    ),
    Cause.NON_ROMAN_ADDRESS: Meaning(
        State.PARKED,
        "The address is not in Latin letters, which most carriers cannot print; the store is set to hold such orders.",
        'Write it in Latin letters in Shopify; it then goes out by itself. Or run `syncd release ORDER`. `non_roman = "transliterate"` does it for all.',
    ),
    Cause.CUSTOMS_INCOMPLETE: Meaning(
        State.PARKED,
        "Goods in it lack tariff code or country of origin, and the store is set to hold such orders.",
        "Add both to the products in Shopify, then run `syncd mark ORDER`. Or run `syncd release ORDER`.",
    ),
    Cause.EDITED_AFTER_LABEL: Meaning(
        State.PARKED,
        "The order was changed in Shopify after its label was bought.",
        "Compare both sides with `syncd explain ORDER` and correct the package or the order by hand.",
    ),
    Cause.CANCELLED_AFTER_LABEL: Meaning(
        State.PARKED,
        "The order was cancelled in Shopify after its label was bought.",
        "Stop the package and void the label in ShipStation, or let it go and tell the customer.",
    ),
    Cause.CHANGED_ON_BOTH_SIDES: Meaning(
        State.PARKED,
        "The same thing was changed in Shopify and in ShipStation; ShipStation's value was left as it is.",
        "`syncd plan ORDER` shows both values; then `syncd resolve ORDER --take shopify` or `--take shipstation`. What the warehouse split or merged is changed there by hand.",
    ),
    Cause.OVERSHIPPED: Meaning(
        State.PARKED,
        "More units left than Shopify has to fulfill.",
        "Look into the package; correct the order in Shopify, then run `syncd retry ORDER`.",
    ),
    Cause.MERGED_PARENT_UNKNOWN: Meaning(
        State.PARKED,
        "ShipStation no longer shows the order, and no order that absorbed it was found.",
        "Look for it in ShipStation; then `syncd retry ORDER`.",
    ),
    Cause.LINES_UNKNOWN: Meaning(
        State.PARKED,
        "A package left and it cannot be told for certain which goods were in it.",
        "Create this fulfillment in Shopify by hand with the tracking number shown by `syncd explain ORDER`.",
    ),
    Cause.UNITS_CHANGED_THERE: Meaning(
        State.PARKED,
        "The quantities in ShipStation were changed there: they are not what Shopify wants any more.",
        "Correct them in ShipStation or edit the order in Shopify; the next sweep, or `syncd sweep`, looks again.",
    ),
    Cause.DOUBLED_THERE: Meaning(
        State.PARKED,
        "ShipStation has a second open order for the same goods that we did not make.",
        "Cancel the order that `syncd explain ORDER` names. Is the shop also connected to ShipStation directly? Then switch that off.",
    ),
    Cause.BRAKE_PULLED: Meaning(
        State.PARKED,
        "It would be cancelled in ShipStation together with many others, and a person has not agreed yet.",
        "Look at `syncd brake`. If so many cancellations are right, run `syncd brake release`.",
    ),
    Cause.REJECTED_BY_SHIPSTATION: Meaning(
        State.PARKED,
        "ShipStation refuses the order.",
        "Read its words in `syncd explain ORDER`, correct the order in Shopify; it is then sent again by itself.",
    ),
    Cause.REJECTED_BY_SHOPIFY: Meaning(
        State.PARKED,
        "Shopify refuses the fulfillment.",
        "Read its words in `syncd explain ORDER`, correct the order in Shopify, then run `syncd retry ORDER`.",
    ),
    Cause.ACCESS_LOST: Meaning(
        State.WAITING,
        "The vendor does not let us in.",
        "Check the store's `access_token`, `shop` and `url`, or `shipstation.v1_url`; `syncd doctor` names which, and what was answered.",
    ),
    Cause.KEY_REFUSED: Meaning(
        State.WAITING,
        "ShipStation accepts none of our API keys: they expired, were deleted, or are wrong.",
        "Generate a V1 key pair in ShipStation (Settings > Account > API Settings), set `shipstation.api_key` and `api_secret`, restart. `syncd keys` shows which were used.",
    ),
    Cause.APP_REFUSED: Meaning(
        State.WAITING,
        "Shopify gives the app no token for this shop: it is not installed there, or client id and secret are not its own.",
        "Install the app on the shop; work resumes by itself. Or correct `client_id` and `client_secret` and restart.",
    ),
    Cause.SCOPE_MISSING: Meaning(
        State.WAITING,
        "The app may not do this in the shop: a scope is missing.",
        "`syncd doctor` lists the missing scopes. Release a version of the app with them and approve it in the shop; work resumes by itself.",
    ),
    Cause.FORBIDDEN: Meaning(
        State.WAITING,
        "The vendor knows us and forbids the call.",
        "ShipStation: see whether the plan or an add-on for the API is missing, and whose keys these are. Shopify: see what the shop's owner changed.",
    ),
    Cause.SHOP_FROZEN: Meaning(
        State.WAITING,
        "The shop is frozen: Shopify waits for a payment.",
        "The shop's owner settles the bill in Shopify (Settings > Billing); work resumes by itself.",
    ),
    Cause.ACCOUNT_LOCKED: Meaning(
        State.WAITING,
        "The vendor has locked the account.",
        "Ask the vendor's support why; work resumes by itself once it is unlocked.",
    ),
    Cause.CALLS_BLOCKED: Meaning(
        State.WAITING,
        "The vendor blocks our calls as suspicious.",
        "Usually it ends by itself. If not: tell the vendor's support the address that this machine calls from.",
    ),
    Cause.QUERY_REFUSED: Meaning(
        State.WAITING,
        "Shopify does not understand our query: its API version and this program do not fit.",
        "Update syncd, or set the store's `api_version` to one that `syncd doctor` accepts.",
    ),
    Cause.PLAN_402: Meaning(
        State.WAITING,
        "The ShipStation plan does not include API access any more.",
        "Upgrade the plan in ShipStation; work resumes by itself. If it asks for new keys, set them and restart.",
    ),
    Cause.UNREADABLE: Meaning(
        State.WAITING, "It could not be read just now.", "Nothing to do: it is looked at again by itself."
    ),
    Cause.BUG: Meaning(
        State.PARKED,
        "The program failed on this order; that is our mistake.",
        "Please report the log line `mark.parked` with its traceback, then run `syncd retry ORDER`.",
    ),
}
"""Each cause belongs to exactly one state; a test checks that none is missing."""


def state_of(cause: Cause) -> State:
    return MEANINGS[cause].state


SOON_OVER = frozenset({Cause.NOT_ROUTED, Cause.RISK_PENDING, Cause.UNREADABLE})
ROUTINE = SOON_OVER | {
    Cause.QUEUED,
    Cause.IN_SHIPSTATION,
    Cause.PARTLY_SHIPPED,
    Cause.TELLING_SHOPIFY,
    Cause.SHIPPED,
}
"""The way of an order to which nothing happens: what we did, and its packages, tell it."""
LONG_S = 300.0


def is_turn(was: Cause | None, cause: Cause, lasted_s: float) -> bool:
    """Whether the story of an order needs to say that its cause changed. `lasted_s`: how long it was so before."""
    if cause is was:
        return False
    is_late = was in SOON_OVER and lasted_s > LONG_S
    return is_late or not (cause in ROUTINE and (was is None or was in ROUTINE))
