"""Rules propose, the warehouse disposes: what is written at creation and on updates, and whose word stands."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any, cast

import pytest

from mappings.carry_over import changed_fields, updated_order
from mappings.orders import shipstation_order
from mappings.ruled_fields import with_rules
from mappings.rules import Verdict
from mappings.shipstation_shapes import Order
from tests.mappings.builders import HERE, ORDER_ID, PROFILE, attribute, line, order

KEY = f"main-{ORDER_ID}-{HERE}-1"
NOTHING: Counter[int] = Counter()


def document(**then: Any) -> Order:
    """Our document under rules that say so."""
    sold = order([line(7001, 2, "12.50")], customAttributes=[attribute("door", "blue")])
    plain = shipstation_order(PROFILE, sold, KEY, HERE, 1, Counter({7001: 2}), NOTHING, "")
    return with_rules(plain, Verdict((), then))


def shown(of: Order, **changes: Any) -> Order:
    """As ShipStation answers: every member there, and an id."""
    silent = {"carrierCode": None, "serviceCode": None, "packageCode": None, "confirmation": "none", "tagIds": None}
    insurance = {"provider": None, "insureShipment": False, "insuredValue": Decimal("0.0")}
    return cast(Order, {**silent, "insuranceOptions": insurance, **of, "orderId": 41, **changes})


def sent(before: Order, now: Order, there: Order) -> dict[str, Any]:
    """The document of the update that changed rules or a changed order lead to."""
    return cast(dict[str, Any], updated_order(there, now, before, changed_fields(now, before)))


def test_what_rules_say_is_in_the_new_order() -> None:
    then = {
        "carrier": "ups",
        "service": "ups_ground",
        "package": "package",
        "confirmation": "signature",
        "insurance": "carrier",
        "warehouse": 502,
        "tags": (2, 1, 2),
        "custom_field1": "one",
        "custom_field2": "two",
        "note": ("first", "second"),
    }
    made = cast(dict[str, Any], document(**then))
    assert (made["carrierCode"], made["serviceCode"], made["packageCode"]) == ("ups", "ups_ground", "package")
    assert made["confirmation"] == "signature"
    assert made["insuranceOptions"] == {"provider": "carrier", "insureShipment": True, "insuredValue": Decimal("25.00")}
    assert made["tagIds"] == [1, 2]
    assert made["internalNotes"] == "door: blue\nfirst\nsecond"
    assert made["advancedOptions"]["warehouseId"] == 502
    assert (made["advancedOptions"]["customField1"], made["advancedOptions"]["customField2"]) == ("one", "two")


def test_without_rules_the_document_says_nothing_of_their_fields() -> None:
    assert not {"carrierCode", "serviceCode", "tagIds", "confirmation", "insuranceOptions"} & document().keys()


def test_a_changed_rule_changes_what_the_warehouse_left_alone() -> None:
    before, now = document(carrier="ups", service="ups_ground"), document(carrier="ups", service="ups_2nd_day_air")
    assert changed_fields(now, before) == ("serviceCode",)
    assert sent(before, now, shown(before))["serviceCode"] == "ups_2nd_day_air"


def test_the_warehouses_own_choice_stands_whatever_the_rules_say_later() -> None:
    before, now = document(carrier="ups", service="ups_ground"), document(carrier="fedex", service="fedex_ground")
    there = shown(before, carrierCode="stamps_com", serviceCode="usps_media_mail")
    update = sent(before, now, there)
    assert (update["carrierCode"], update["serviceCode"]) == ("stamps_com", "usps_media_mail")


def test_a_choice_of_the_warehouse_made_before_any_rule_spoke_stands() -> None:
    update = sent(document(), document(carrier="ups"), shown(document(), carrierCode="fedex"))
    assert update["carrierCode"] == "fedex"


def test_a_rule_that_no_longer_hits_takes_its_value_back() -> None:
    before = document(carrier="ups", service="ups_ground", insurance="carrier", custom_field3="x")
    update = sent(before, document(), shown(before))
    assert update["carrierCode"] is None
    assert update["insuranceOptions"] is None
    assert update["advancedOptions"]["customField3"] is None


@pytest.mark.parametrize(
    ("before", "now", "there", "expected"),
    [
        ((1,), (1, 2), [1], [1, 2]),
        ((1,), (2,), [1, 9], [2, 9]),
        ((1, 2), (2,), [1, 2, 9], [2, 9]),
        ((1,), (1, 2), [9], [2, 9]),
        ((1,), (), [1], []),
    ],
)
def test_tags_of_the_warehouse_stay_beside_those_of_the_rules(
    before: tuple[int, ...], now: tuple[int, ...], there: list[int], expected: list[int]
) -> None:
    """A tag of ours that the warehouse took off does not come back by itself."""
    old, new = document(tags=before), document(tags=now) if now else document()
    assert sent(old, new, shown(old, tagIds=there))["tagIds"] == expected


def test_custom_fields_of_the_warehouse_survive_a_change_of_another() -> None:
    before, now = document(custom_field2="a"), document(custom_field2="b", warehouse=502)
    advanced = {**before["advancedOptions"], "customField2": "by hand", "customField3": "shelf 7"}
    update = sent(before, now, shown(before, advancedOptions=advanced))
    assert update["advancedOptions"]["customField2"] == "by hand"
    assert update["advancedOptions"]["customField3"] == "shelf 7"
    assert update["advancedOptions"]["warehouseId"] == 502


def test_after_a_lost_answer_what_nobody_rules_on_is_left_alone() -> None:
    """What was accepted last is then what ShipStation shows, the warehouse's hand in it included."""
    there = shown(document(), carrierCode="fedex", tagIds=[9], confirmation="signature")
    advanced = {**there["advancedOptions"], "customField2": "shelf 7"}
    there = cast(Order, {**there, "advancedOptions": advanced})
    assert changed_fields(document(), there) == ()
    assert changed_fields(document(tags=(9,)), there) == ()
    now = document(custom_field3="new")
    assert sent(there, now, there)["advancedOptions"]["customField2"] == "shelf 7"


def test_the_vendors_blanks_are_no_change() -> None:
    before = document(confirmation="none", insurance="none")
    assert changed_fields(before, shown(before, confirmation=None)) == ()
