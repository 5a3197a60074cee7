"""Whatever people and apps do to an order, no unit of the sandbox's Shopify appears or vanishes."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from random import Random

import pytest

from tests.sandbox.shopify_caller import Caller, Document, gid, line_body, live

LOCATIONS = (82734627, 82734628)


class Turmoil:
    """One order to which anything may happen. `returned` and `refunded` count units by line."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.caller = Caller(seed=seed)
        mix = {"split_line": 0.3, "two_locations": 0.3, "mixed_digital": 0.2}
        self.order_id = self.caller.sell(mix=mix, seed=seed)[0]
        self.returned: Counter[int] = Counter()

    @property
    def order(self) -> Document:
        return self.caller.order(self.order_id)

    def act(self) -> None:
        acts = (
            self.fulfill,
            self.fulfill,
            self.cancel_fulfillment,
            self.hold,
            self.release,
            self.move,
            self.refund,
            self.edit,
        )
        with suppress(ValueError):  # refused by the rules
            self.rng.choice(acts)()
        self.caller.wait(5)

    def fulfill(self) -> None:
        open_ones = [entry for entry in live(self.order) if entry["status"] in ("OPEN", "IN_PROGRESS")]
        if not open_ones:
            return
        target = self.rng.choice(open_ones)
        entry: Document = {"fulfillmentOrderId": gid("FulfillmentOrder", target["id"])}
        part = self.rng.choice(target["lines"])
        if self.rng.random() < 0.7 and part["remaining"]:
            units = self.rng.randint(1, part["remaining"])
            entry["fulfillmentOrderLineItems"] = [
                {"id": gid("FulfillmentOrderLineItem", part["id"]), "quantity": units}
            ]
        assert self.caller.create(lineItemsByFulfillmentOrder=[entry])["userErrors"] == []

    def cancel_fulfillment(self) -> None:
        if self.order["fulfillments"]:
            done = self.rng.choice(self.order["fulfillments"])
            self.caller.data(
                "mutation C($id: ID!) { fulfillmentCancel(id: $id) { userErrors { message } } }",
                id=gid("Fulfillment", done["id"]),
            )

    def hold(self) -> None:
        line = self.rng.choice(self.order["lines"])["id"]
        lines = {line: 1} if self.rng.random() < 0.5 else None
        self.caller.world.control("hold", {"order": self.order_id, "lines": lines})

    def release(self) -> None:
        self.caller.world.control("release", {"order": self.order_id})

    def move(self) -> None:
        target = self.rng.choice(live(self.order) or [{"id": 0}])["id"]
        lines = {self.rng.choice(self.order["lines"])["id"]: 1} if self.rng.random() < 0.5 else None
        arguments = {"location_id": self.rng.choice(LOCATIONS), "fulfillment_order_id": target, "lines": lines}
        self.caller.world.control("move_fulfillment_order", {"order": self.order_id, **arguments})

    def refund(self) -> None:
        line = self.rng.choice(self.order["lines"])["id"]
        kind = self.rng.choice(("CANCEL", "RETURN"))
        self.caller.world.control("refund", {"order": self.order_id, "lines": {line: 1}, "restock_type": kind})
        self.returned[line] += kind == "RETURN"

    def edit(self) -> None:
        line = self.rng.choice(self.order["lines"])
        changes: Document = {"quantities": {line["id"]: self.rng.randint(0, line["currentQuantity"] + 1)}}
        if self.rng.random() < 0.3:
            changes = {"add": [line_body(self.rng.randint(1, 3))]}
        self.caller.world.control("edit", {"order": self.order_id, **changes})


@pytest.mark.parametrize("seed", range(25))
def test_units_are_conserved(seed: int) -> None:
    turmoil = Turmoil(seed)
    for _ in range(30):
        before = {line["id"]: line["quantity"] for line in turmoil.order["lines"]}
        turmoil.act()
        order = turmoil.order
        open_units: Counter[int] = Counter()
        for entry in live(order):
            assert entry["lines"], "an open fulfillment order without lines"
            for part in entry["lines"]:
                assert 0 <= part["remaining"] <= part["total"]
                open_units[part["lineId"]] += part["remaining"]
        for line in order["lines"]:
            assert line["quantity"] >= before.get(line["id"], 0), "the ordered quantity shrank"
            assert line["remaining"] == open_units[line["id"]] <= line["currentQuantity"]
            still_out = line["fulfilled"] + line["remaining"] - line["currentQuantity"]
            assert 0 <= still_out <= turmoil.returned[line["id"]]
