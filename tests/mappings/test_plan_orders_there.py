"""Orders that ShipStation shows otherwise than we left them: closed, split, merged, gone, or written without an answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from mappings.causes import Cause
from mappings.observed import learned_from
from mappings.packed import units_of
from mappings.plan_orders import REREAD_S, needs_shipstation_truth, order_number_stem
from mappings.plans import Consignment, Standing
from mappings.shipstation_shapes import Order
from mappings.shopify_shapes import OrderToShip
from tests.mappings.builders import (
    HERE,
    NOW,
    ORDER_ID,
    PROFILE,
    address,
    line,
    order,
    package,
)
from tests.mappings.planned import KEY, NOTHING_WANTED, WHOLE, planned, sent, shown, upserts


@pytest.mark.parametrize("status", ["shipped", "cancelled", "pending_fulfillment", "rejected_fulfillment", "new_word"])
def test_no_step_touches_what_turns_out_to_be_closed(status: str) -> None:
    [known] = sent(WHOLE)
    edited = order([line(7001, 1)])
    parts: dict[str, Any] = {"items": []} if status == "cancelled" else {}  # none that lives on by itself
    plan = planned(
        edited, [known], observed={KEY: cast(Order, {**cast(Any, shown(known, orderStatus=status)[KEY]), **parts})}
    )
    assert KEY not in [step.order_key for step in upserts(plan)]
    assert plan.cause is (Cause.QUEUED if status == "cancelled" else Cause.EDITED_AFTER_LABEL)


@pytest.mark.parametrize(
    ("of", "cause"),
    [
        pytest.param(
            order([line(7001, 2)], cancelledAt="2026-11-20T17:30:00Z"), Cause.CANCELLED_AFTER_LABEL, id="cancelled"
        ),
        pytest.param(order([line(7001, 1)]), Cause.EDITED_AFTER_LABEL, id="less"),
        pytest.param(
            order([line(7001, 2)], shippingAddress=address(address1="2 New St")), Cause.EDITED_AFTER_LABEL, id="moved"
        ),
        pytest.param(
            order([line(7001, 2)], shippingAddress=address(address1="118 linden avenue")),
            Cause.IN_SHIPSTATION,
            id="case",
        ),
        pytest.param(order([line(7001, 2)], shippingAddress=None), Cause.IN_SHIPSTATION, id="address erased"),
        pytest.param(order([line(7001, 2)], note="New"), Cause.IN_SHIPSTATION, id="only a note"),
    ],
)
def test_changes_after_the_label(of: OrderToShip, cause: Cause) -> None:
    plan = planned(of, sent(WHOLE, Standing.SHIPPED))
    assert (plan.cause, plan.steps) == (cause, ())


def test_a_cancelled_order_with_a_live_package_needs_a_person() -> None:
    cancelled = order([line(7001, 2)], cancelledAt="2026-11-20T17:30:00Z")
    plan = planned(cancelled, sent(WHOLE, Standing.SHIPPED), [package("s1", {7001: 2})])
    assert (plan.cause, plan.detail) == (Cause.CANCELLED_AFTER_LABEL, "package s1: its label is not voided")
    voided = planned(cancelled, sent(WHOLE, Standing.CANCELLED), [package("s1", {7001: 2}, voided=True)])
    assert voided.cause is Cause.CANCELLED


@pytest.mark.parametrize(
    "advanced", [{"mergedOrSplit": True}, {"mergedIds": [42]}, {"parentId": 40}], ids=["flag", "merged", "split child"]
)
@pytest.mark.parametrize(("of", "cause"), NOTHING_WANTED[:2])
def test_split_and_merged_orders_are_left_alone(of: OrderToShip, cause: Cause, advanced: dict[str, object]) -> None:
    [known] = sent(WHOLE)
    plan = planned(of, [known], observed=shown(known, advancedOptions=advanced))
    assert (plan.cause, plan.steps) == (Cause.CHANGED_ON_BOTH_SIDES, ())


@pytest.mark.parametrize(
    "of",
    [order([line(7001, 2)], cancelledAt="2026-11-20T11:00:00Z"), order([line(7001, 2)], note="ring")],
    ids=["cancel", "note"],
)
def test_the_order_of_another_sale_is_never_written(of: OrderToShip) -> None:
    """Ours had been merged into it, and the warehouse took that back: nothing in it is ours any more, and nothing tells of a merge."""
    known = sent(WHOLE)
    neighbour = {"orderKey": "main-6001-81-1", "items": [{"lineItemKey": "6001:8001", "quantity": 1}]}
    plan = planned(of, known, observed=shown(known[0], **neighbour))
    assert (plan.cause, plan.steps) == (Cause.CHANGED_ON_BOTH_SIDES, ())


def test_units_that_the_warehouse_took_out_are_not_put_back() -> None:
    [known] = sent(WHOLE)
    truth = shown(known)
    cast(Any, truth[KEY])["items"][0]["quantity"] = 1
    assert planned(order([line(7001, 2), line(7002)]), [known], observed=truth).cause is Cause.CHANGED_ON_BOTH_SIDES


def test_an_order_that_vanished_is_not_made_anew() -> None:
    [known] = sent(WHOLE)
    for of in (WHOLE, order([line(7001, 1)])):
        plan = planned(of, [known], observed={KEY: None})
        assert (plan.cause, plan.steps) == (Cause.MERGED_PARENT_UNKNOWN, ())


def test_what_was_accepted_a_moment_ago_and_is_not_shown_yet_is_looked_for_again() -> None:
    [known] = [replace(one, pushed_at=NOW) for one in sent(WHOLE)]
    plan = planned(order([line(7001, 1)]), [known], observed={KEY: None})
    assert (plan.cause, plan.steps, plan.look_again_at) == (Cause.UNREADABLE, (), NOW + timedelta(seconds=REREAD_S))


UNCERTAIN = Consignment(KEY, HERE, "", 1, Standing.INTENDED)


def test_a_lost_answer_is_repeated_under_the_same_key() -> None:
    assert needs_shipstation_truth(PROFILE, WHOLE, [UNCERTAIN], [], NOW) == (KEY,)
    assert planned(WHOLE, [UNCERTAIN]).cause is Cause.UNREADABLE
    [step] = upserts(planned(WHOLE, [UNCERTAIN], observed={KEY: None}))
    assert (step.kind, step.order_key) == ("create_order", KEY)


def test_a_lost_answer_to_what_shipped_meanwhile_is_not_repeated() -> None:
    [known] = sent(WHOLE)
    plan = planned(WHOLE, [UNCERTAIN], observed=shown(known, orderStatus="shipped"))
    assert (plan.cause, plan.steps) == (Cause.IN_SHIPSTATION, ())


def test_what_another_order_brought_into_a_merged_one_is_not_taken_for_its_own() -> None:
    [known] = sent(WHOLE)
    merged = shown(known, orderStatus="shipped", advancedOptions={"mergedOrSplit": True, "mergedIds": [40]})
    item = cast(Any, merged[KEY])["items"][0]
    cast(Any, merged[KEY])["items"].append({**item, "orderItemId": 950, "lineItemKey": f"{ORDER_ID - 1}:7005"})
    assert planned(WHOLE, [UNCERTAIN], observed=merged).cause is Cause.IN_SHIPSTATION


def test_a_note_of_the_warehouse_outlives_a_lost_answer_and_a_label_that_was_voided() -> None:
    """Seed 310042."""
    [known] = sent(WHOLE)
    left = learned_from(UNCERTAIN, shown(known, internalNotes="shelf 7", orderStatus="shipped")[KEY])
    assert left.standing is Standing.SHIPPED
    opened = learned_from(left, shown(known, internalNotes="shelf 7")[KEY])
    [step] = upserts(planned(WHOLE, [opened], observed=shown(known, internalNotes="shelf 7")))
    assert (step.document["internalNotes"], "internalNotes" in step.fields) == ("shelf 7", False)


def test_what_arrived_without_an_answer_is_confirmed_by_one_more_upsert() -> None:
    [known] = sent(WHOLE)
    [step] = upserts(planned(WHOLE, [UNCERTAIN], observed={KEY: cast(Order, {**(known.applied or {}), "orderId": 41})}))
    assert (step.kind, step.document.get("orderId"), units_of(step.document)) == ("update_order", 41, {7001: 2})
    assert planned(WHOLE, [replace(known, applied=step.applied)]).steps == ()


def test_after_a_lost_change_what_is_there_counts() -> None:
    """We wrote two units, then one without an answer, and now two are wanted again."""
    [known] = sent(WHOLE)
    doubtful = replace(known, standing=Standing.INTENDED)
    assert needs_shipstation_truth(PROFILE, WHOLE, [doubtful], [], NOW) == (KEY,)
    truth = shown(known)
    cast(Any, truth[KEY])["items"][0]["quantity"] = 1
    [step] = upserts(planned(WHOLE, [doubtful], observed=truth))
    assert (step.kind, units_of(step.document)) == ("update_order", {7001: 2})


def test_a_lost_answer_that_is_no_longer_wanted_takes_the_key_by_a_cancelled_order() -> None:
    cancelled = order([line(7001, 2)], cancelledAt="2026-11-20T17:30:00Z")
    assert needs_shipstation_truth(PROFILE, cancelled, [UNCERTAIN], [], NOW) == (KEY,)
    [step] = upserts(planned(cancelled, [UNCERTAIN], observed={KEY: None}))
    assert (step.kind, step.document["items"]) == ("cancel_order", [])
    [known] = sent(WHOLE)
    [step] = upserts(planned(cancelled, [UNCERTAIN], observed=shown(known)))
    assert (step.kind, units_of(step.document)) == ("cancel_order", {7001: 2})
    late = planned(cancelled, [UNCERTAIN], observed=shown(known, orderStatus="shipped"))
    assert (late.cause, late.steps) == (Cause.CANCELLED_AFTER_LABEL, ())


def test_the_number_by_which_an_uncertain_order_is_found() -> None:
    profile = replace(PROFILE, order_prefix="EU-")
    assert (
        upserts(planned(WHOLE, profile=profile))[0]
        .document["orderNumber"]
        .startswith(order_number_stem(profile, WHOLE))
    )
