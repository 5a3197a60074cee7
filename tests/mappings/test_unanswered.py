"""Words that somebody typed into an order while the answer to what we sent was outstanding."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mappings.causes import Cause
from mappings.plans import Consignment, Standing
from mappings.shipstation_shapes import Order
from mappings.unanswered import fingerprints
from tests.mappings.builders import HERE, NOW, address, line, order
from tests.mappings.planned import KEY, WHOLE, planned, sent, shown, upserts

UNCERTAIN = Consignment(KEY, HERE, "", 1, Standing.INTENDED)
ADDRESS: dict[str, Any] = {**upserts(planned(WHOLE))[0].document["shipTo"]}


def unanswered(*sent: Order | None) -> Consignment:
    """After calls that made it, none of which had an answer."""
    told = [fingerprints(document, ()) for document in sent if document]
    return replace(UNCERTAIN, sent_in_doubt={name: frozenset(one[name] for one in told) for name in told[0]})


TYPED = {"internalNotes": "shelf 7", "shipTo": {**ADDRESS, "street1": "Gate 3"}}


@pytest.mark.parametrize("field", sorted(TYPED))
def test_what_the_warehouse_typed_outlives_lost_answers(field: str) -> None:
    [known] = sent(WHOLE)
    there, learned = shown(known, **{field: TYPED[field]}), unanswered(known.applied)
    for _ in range(3):  # answers lost one after the other
        plan = planned(WHOLE, [learned], observed=there)
        [step] = upserts(plan)
        assert step.document.get(field) == TYPED[field]
        assert step.applied.get(field) == (known.applied or {}).get(field)
        assert field not in step.fields
        (recalled,) = plan.recalled
        learned = replace(recalled, standing=Standing.INTENDED, sent_in_doubt=learned.sent_in_doubt)


def test_what_shopify_changed_while_the_answer_was_outstanding_is_no_hand_of_the_warehouse() -> None:
    [known] = sent(WHOLE)
    moved = order([line(7001, 2)], shippingAddress=address(address1="2 New Street"))
    [step] = upserts(planned(moved, [unanswered(known.applied)], observed=shown(known)))
    assert step.document["shipTo"]["street1"] == "2 New Street"
    [first] = upserts(planned(moved))
    both = unanswered(known.applied, first.document)  # of two calls, the later of which may not have arrived
    [step] = upserts(planned(moved, [both], observed=shown(known)))
    assert step.document["shipTo"]["street1"] == "2 New Street"


def test_where_it_left_for_an_address_that_was_typed_nobody_is_asked() -> None:
    [known] = sent(WHOLE)
    there = shown(known, shipTo=TYPED["shipTo"], orderStatus="shipped")
    plan = planned(WHOLE, [unanswered(known.applied)], observed=there)
    assert (plan.cause, plan.steps) == (Cause.IN_SHIPSTATION, ())
    assert [(one.applied or {})["shipTo"] for one in plan.recalled] == [(known.applied or {})["shipTo"]]
    assert planned(WHOLE, [UNCERTAIN], observed=there).cause is Cause.EDITED_AFTER_LABEL


def test_a_read_from_before_the_last_accepted_write_tells_of_no_hand() -> None:
    [known] = sent(WHOLE)
    moved = order([line(7001, 2)], shippingAddress=address(address1="2 New Street"))
    [first] = upserts(planned(moved))
    unsure = replace(
        known,
        standing=Standing.INTENDED,
        fields_in_doubt=frozenset({"shipTo"}),
        sent_in_doubt={"shipTo": frozenset(fingerprints(first.document, ["shipTo"]).values())},
    )
    stale = shown(known, shipTo={**ADDRESS, "street1": "0 Oldest Street"})
    for pushed_at, street in [(NOW, "2 New Street"), (NOW - timedelta(hours=1), "0 Oldest Street")]:
        [step] = upserts(planned(moved, [replace(unsure, pushed_at=pushed_at)], observed=stale))
        assert step.document["shipTo"]["street1"] == street


def test_a_note_outlives_a_lost_answer_of_a_version_that_kept_no_fingerprints() -> None:
    [known] = sent(WHOLE)
    [step] = upserts(planned(WHOLE, [UNCERTAIN], observed=shown(known, internalNotes="shelf 7")))
    assert step.document.get("internalNotes") == "shelf 7"
