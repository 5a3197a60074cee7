"""Mutants of the way to ShipStation: keys, batches, changes, cancellations and the arithmetic of units."""

from __future__ import annotations

from mappings import carry_over, consignments, eligibility, keys, order_changes, plan_orders
from syncd.flows import read_back
from syncd.flows.batch import Batches
from syncd.shipstation import writes
from syncd.shipstation.client import ShipStationClient
from tests.simulation.mutants.planting import Edit, Mutant

NO_ID = Edit(read_back.outcome_of_row, "str(row.order_id)", "str(row.order_id) if row.order_id else None")
"""What is believed without its row has no id."""

ORDERS = (
    Mutant(
        "key_per_attempt",
        "a push whose answer was lost is tried again under a new order key",
        (Edit(consignments._Place.__init__, "if c.standing in LIVE)", "if c.standing in LIVE and c.applied)"),),
        needs=("timeout_after",),
    ),
    Mutant(
        "key_without_location",
        "the goods of two locations share one order key",
        (Edit(keys.order_key, 'key = f"{store}-{order_id}-{location_id}-{n}"', 'key = f"{store}-{order_id}-1-{n}"'),),
    ),
    Mutant(
        "html_taken_for_success",
        "a page of a proxy with status 200 means that the whole batch was taken",
        (
            Edit(
                ShipStationClient._result,
                'raise unusable(is_write)("not_json", f"{len(response.body)} bytes that are no JSON")',
                "return None",
            ),
            Edit(
                writes._outcomes,
                'answer.get("results") if isinstance(answer, dict) else None',
                'answer.get("results") if isinstance(answer, dict) else '
                '[{"orderKey": one["orderKey"], "success": True, "orderId": 1} for one in documents]',
            ),
        ),
        needs=("json_html",),
    ),
    Mutant(
        "missing_row_taken_for_success",
        "an order that the answer does not mention was taken",
        (
            Edit(
                writes._outcome,
                'RowOutcome(order_key, error=UncertainError("row_missing", "the answer does not mention it"))',
                "RowOutcome(order_key)",
            ),
            NO_ID,
        ),
        needs=("batch_missing",),
        orders=150,
        seed=21333,
    ),
    Mutant(
        "rows_matched_by_place",
        "the third row of an answer belongs to the third order of the batch",
        (
            Edit(
                writes._outcomes,
                'return {one["orderKey"]: _outcome(one, rows_by_key.get(one["orderKey"], [])) for one in documents}',
                "rows = [row for row in results or [] if isinstance(row, dict)]\n"
                '    return {one["orderKey"]: _outcome(one, rows[at : at + 1]) for at, one in enumerate(documents)}',
            ),
        ),
        needs=("batch_reorder",),
    ),
    Mutant(
        "batch_not_halved",
        "one order that breaks its batch keeps all others back",
        (Edit(writes.Batch._after_failure, "if is_alone or error.code not in POISON:", "if True:"),),
        test="tests/shipstation/test_writes.py::test_a_row_that_breaks_its_call_is_refused_alone",
    ),
    Mutant(
        "sent_at_each_look",
        "an order is sent whenever it is looked at, also when nothing differs",
        (
            Edit(order_changes._changes, "fields := changed_fields(wanted, applied) or", 'fields := changed_fields(wanted, applied) or ("items",) or'),
            Edit(plan_orders._updated, "if update.fields:", "if True:"),
        ),
        orders=100,
        seed=1247,
    ),
    Mutant(
        "split_orders_written",
        "an order that the warehouse split or merged is written as if nothing had happened",
        (
            Edit(
                carry_over.is_regrouped,
                'return bool(advanced.get("mergedOrSplit") or advanced.get("mergedIds") or advanced.get("parentId"))',
                "return False",
            ),
        ),
        test="tests/flows/test_vendor_facts.py::test_a_split_in_shipstation_is_left_alone_and_both_parts_are_told",
    ),
    Mutant(
        "warehouse_overwritten",
        "an update sends our whole document over what the warehouse wrote",
        (Edit(carry_over.updated_order, "{**wanted, **_writable(observed)}", "{**_writable(observed), **wanted}"),),
        test="tests/stories/test_places_and_parts.py::test_what_the_warehouse_set_is_kept_through_every_edit[sqlite]",
    ),
    Mutant(
        "cancelled_on_absence",
        "an order that Shopify does not show is cancelled in ShipStation",
        (
            Edit(Batches._verdict, "if sighting.order is None and (", "if False and ("),
            Edit(
                plan_orders.plan_order,
                "if order is None:\n        return Plan(Cause.NOT_FOUND)",
                "if order is None:\n"
                '        goners = [one for one in consignments if one.applied and one.standing == "open"]\n'
                "        return Plan(Cause.NOT_FOUND, tuple(UpsertOrder(one.order_key, one.location_id, one.split_group, one.n, "
                '{**one.applied, "orderStatus": "cancelled"}, ("orderStatus",)) for one in goners))',
            ),
        ),
        needs=("gql_nullnode",),
        orders=150,
        seed=25765,
    ),
    Mutant(
        "holds_ignored",
        "what Shopify holds is sent",
        (
            Edit(
                eligibility.bar,
                'if status == "ON_HOLD" or fulfillment_order["fulfillmentHolds"]:',
                'if status == "ON_HOLD" or fulfillment_order["fulfillmentHolds"]:\n        return None\n    if False:',
            ),
        ),
        orders=100,
        seed=1054,
    ),
    Mutant(
        "untold_packages_sent_again",
        "units in a package that Shopify does not know yet are placed once more",
        (
            Edit(
                consignments._wanted,
                "wanted[consignment.location_id].subtract(packed.pending.get(consignment.order_key, {}))",
                "pass",
            ),
        ),
        orders=100,
        seed=22313,
    ),
    Mutant(
        "more_than_ordered",
        "an order that changes gets its units on top of those that it has",
        (Edit(consignments._Place._assign, "due = given + stays + kept", "due = given + stays + kept + (has if has != given else type(has)())"),),
        orders=100,
        seed=1078,
    ),
)  # fmt: skip
