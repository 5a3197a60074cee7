"""Mutants of the way back: what leaves the warehouse and how Shopify is told."""

from __future__ import annotations

from mappings import packages, plan_shipments, recognised, voided
from syncd.shopify import nodes, writes
from syncd.shopify.client import ShopifyClient
from tests.simulation.mutants.planting import Edit, Mutant

CANDIDATES = "for one in candidates:"

FULFILLMENTS = (
    Mutant(
        "not_read_back",
        "a fulfillment whose answer was lost is sent again without looking for it",
        (Edit(recognised.existing, CANDIDATES, "for one in () if package.intended_at else candidates:"),),
        needs=("timeout_after",),
        orders=100,
        seed=1333,
    ),
    Mutant(
        "read_back_too_early",
        "a fulfillment whose answer was lost is looked for at once, while it may still arrive",
        (Edit(voided.in_doubt_until, "return settled if now < settled else None", "return None"),),
        test="tests/mappings/test_plan_shipments.py::test_a_write_without_an_answer_is_given_time_and_keeps_its_units",
    ),
    Mutant(
        "not_adopted",
        "a fulfillment that is there already is not recognised unless we have just tried to make it",
        (Edit(recognised.existing, CANDIDATES, "for one in candidates if package.intended_at else ():"),),
        test="tests/stories/test_packages.py::test_a_fulfillment_made_by_hand_for_the_very_package_is_recognised",
    ),
    Mutant(
        "sent_again_at_once",
        "a mutation without an answer is repeated by the client",
        (
            Edit(
                ShopifyClient.mutate,
                "answer = await self._call(document, variables, urgent, is_write=True, leaves_before=leaves_before)",
                "try:\n"
                "        answer = await self._call(document, variables, urgent, is_write=True, leaves_before=leaves_before)\n"
                "    except UncertainError:\n"
                "        answer = await self._call(document, variables, urgent, is_write=True, leaves_before=leaves_before)",
            ),
        ),
        needs=("timeout_after",),
        orders=100,
        seed=22369,
    ),
    Mutant(
        "lines_omitted",
        "a fulfillment names no lines: Shopify takes all that is left",
        (
            Edit(
                writes._input,
                '"fulfillmentOrderLineItems": [{"id": line_gid, "quantity": units} for line_gid, units in lines.items()],',
                "",
            ),
        ),
    ),
    Mutant(
        "unknown_lines_taken_for_none",
        "a package of which ShipStation tells no lines is empty",
        (
            Edit(packages.packages_of_fulfillment, "lines=None,", "lines={},"),
            Edit(packages._parts, "_package(shipment, key, None)", "_package(shipment, key, Counter())"),
        ),
        test="tests/mappings/test_packages.py::test_lines_of_each_order",
    ),
    Mutant(
        "null_rows_dropped",
        "rows of an order that Shopify shows as null are left out",
        (
            Edit(
                nodes._whole,
                'if any(node is None for node in nodes):\n        raise _IncompleteError("a row is missing")',
                "nodes = [node for node in nodes if node is not None]",
            ),
        ),
        test="tests/flows/test_holes.py::test_an_order_with_a_line_that_is_shown_as_null_in_passing_is_sent_whole",
    ),
    Mutant(
        "second_mail",
        "a new label for the same goods is announced once more",
        (
            Edit(
                plan_shipments._relabelled,
                "notify_customer=_mails_anew(profile, package, orphan.package)",
                "notify_customer=True",
            ),
        ),
        orders=100,
        seed=1078,
    ),
)  # fmt: skip
