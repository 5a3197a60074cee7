"""What must hold at rest, and which marked orders a person really has to look at: that follows from what befell each of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mappings.causes import Cause
from syncd.sandbox.account import Account, draw_account
from syncd.simulation.day import ON_V2, Day
from syncd.simulation.people import TYPED
from syncd.simulation.watch import Watch

PAYS_BACK = frozenset({"refund", "give_back", "arrive"})
"""What came back is wanted no more, whatever becomes of the label that it once left with."""
EDITS = PAYS_BACK | {
    "change_quantity", "move_house", "hold", "hold_some", "exchange", "release", "move", "cancel", "pay",
}  # fmt: skip
LABELS = frozenset({"label", "label_one_unit", "mark_shipped", "ship_all"})
PARTED = frozenset({"label_one_unit", "ship_all"}) if ON_V2 else frozenset()
"""Where a label stands for its whole order, a part is split off for each parcel."""
THERE = PARTED | {
    "split",
    "merge",
    "type_address",
    "cancel_there",
    "hold_there",
    "release_there",
    "void",
    "mark_shipped",
}
ANYTIME: frozenset[str] = frozenset()

JUSTIFIED: Mapping[Cause, tuple[frozenset[str], ...]] = {
    Cause.LOCATION_NOT_MAPPED: (ANYTIME,),
    Cause.ADDRESS_INCOMPLETE: (ANYTIME,),
    Cause.MISSING_WEIGHT: (ANYTIME,),
    Cause.NON_ROMAN_ADDRESS: (ANYTIME,),
    Cause.CUSTOMS_INCOMPLETE: (ANYTIME,),
    Cause.EDITED_AFTER_LABEL: (EDITS, LABELS),
    Cause.CANCELLED_AFTER_LABEL: (PAYS_BACK | {"cancel", "change_quantity"}, LABELS),
    Cause.CHANGED_ON_BOTH_SIDES: (EDITS | THERE, THERE),
    Cause.OVERSHIPPED: (EDITS | THERE, LABELS),
    Cause.MERGED_PARENT_UNKNOWN: (frozenset({"merge"}),),
    Cause.LINES_UNKNOWN: (frozenset({"mark_shipped"}),),
    Cause.UNITS_CHANGED_THERE: (frozenset({"split", "merge"}),),
    Cause.DOUBLED_THERE: (frozenset({"split", "merge", "cancel_there", "void"}),),
    Cause.REJECTED_BY_SHIPSTATION: (frozenset({"poisoned", "refused", "cancel_there", "merge"}),),
    Cause.REJECTED_BY_SHOPIFY: (frozenset({"hold", "move", "refund", "cancel", "change_quantity"}), LABELS),
}
"""Cause -> one of each group must have befallen the order. A cause that is missing here is never right at rest."""

BY_A_MERGE: Mapping[Cause, tuple[frozenset[str], ...]] = {
    # A part that was merged into another sale's order counts as one more consignment after a gap in our memory (seed 200021).
    Cause.EDITED_AFTER_LABEL: (frozenset({"split"}), frozenset({"merge"}), LABELS),
    # What is merged between our look and our write leaves with the survivor's label for all that we know (seed 160109).
    Cause.CANCELLED_AFTER_LABEL: (frozenset({"cancel"}), frozenset({"merge"})),
}
"""Another way in which these may be right."""

AS_TYPED: Mapping[Cause, tuple[frozenset[str], ...]] = {
    # Of an order that was merged while its first answer was outstanding nobody can tell who wrote its address (seed 380128).
    Cause.EDITED_AFTER_LABEL: (frozenset({"type_address"}), frozenset({"merge", "split"}), LABELS),
}
"""And a third."""

OF_THE_GOODS = frozenset(
    {
        Cause.LOCATION_NOT_MAPPED, Cause.ADDRESS_INCOMPLETE, Cause.MISSING_WEIGHT,
        Cause.NON_ROMAN_ADDRESS, Cause.CUSTOMS_INCOMPLETE,
    }
)  # fmt: skip
"""They follow from how the order was sold."""


async def judge_at_rest(day: Day, watch: Watch) -> tuple[Account, list[str]]:
    """The account, and a sentence for everything that is not as it should be."""
    told = await day.told()
    account = draw_account(day.shopify.state(), day.shipstation.state(), told.values())
    parked = {str(one["order"]): one for one in told.values() if is_told_to_a_person(one)}
    partly_paid = {one.name for one in day.sold().values() if one.financial_status == "PARTIALLY_PAID"}
    problems = [f"lost: {one}" for one in account.missing]
    problems += [f"stuck: {one}" for one in account.unexplained]
    problems += [f"doubled: {one}" for one in account.doubled if name_of(one) not in parked.keys() | partly_paid]
    problems += [f"not told: {one}" for one in account.not_told if name_of(one) not in parked]
    problems += [f"mails: {one}" for one in account.mails_wrong if name_of(one) not in parked]
    waiting = {order_id(one) for one in parked.values()}
    problems += [line for one, lines in watch.doubled_unseen.items() if one not in waiting for line in lines]
    problems += list(_unjustified(told.values(), watch))
    problems += list(_wrong(day, told, watch))
    return account, problems


def _unjustified(told: Iterable[Mapping[str, Any]], watch: Watch) -> Iterable[str]:
    for one in told:
        if one["state"] != "parked":
            continue
        befallen = watch.befallen[order_id(one)].keys()
        cause = Cause(one["cause"])
        if cause is Cause.DOUBLED_THERE and order_id(one) in watch.doubled_unseen:
            continue
        ways = [table[cause] for table in (JUSTIFIED, BY_A_MERGE, AS_TYPED) if cause in table]
        if not any(all(group & befallen for group in groups if group) for groups in ways):
            yield f"parked: {one['order']} ({order_id(one)}) as {one['cause']} ({one['detail']}) after {sorted(befallen) or 'nothing'}"


def _wrong(day: Day, told: Mapping[int, Mapping[str, Any]], watch: Watch) -> Iterable[str]:
    """Open ShipStation orders whose address or items are not what the shop wants by now."""
    orders = day.sold()
    for there in day.shipstation.account.orders.values():
        if not there.is_open or there.gone or there.parent_id or there.is_merged_or_split:
            continue
        if len(parts := there.key.split("-")) != 4 or int(parts[1]) not in orders:
            continue
        order, verdict = orders[int(parts[1])], told.get(int(parts[1]))
        if verdict is None or verdict["state"] not in ("in_shipstation", "partly_shipped"):
            continue
        street = (there.content.details.get("shipTo") or {}).get("street1")
        wanted = order.shipping_address.address1 if order.shipping_address else None
        if wanted and street != wanted and not str(street).startswith(TYPED) and there.status != "on_hold":
            yield f"wrong: {order.name} goes to {street!r}, the customer wants {wanted!r} ({verdict['cause']})"


def is_told_to_a_person(told: Mapping[str, Any]) -> bool:
    """Parked, or a package left although Shopify holds its goods, which the hold's detail says."""
    return told["state"] == "parked" or (told["state"] == "held" and "package" in told["detail"])


def order_id(told: Mapping[str, Any]) -> int:
    return int(told["ref"].rpartition("/")[2])


def name_of(problem: str) -> str:
    return problem.partition(":")[0].partition(" (")[0]
