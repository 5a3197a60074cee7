"""Stories of addresses that are hard to print and goods that cross a border."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mappings.rules_file import rules_of_file
from syncd.simulation.day import Day, Fates, settings_of, store_settings
from syncd.simulation.written import pushed
from tests.stories.bodies import goods, sale

BOTH = pytest.mark.parametrize("engine", ["sqlite", "postgres"], indirect=True)

MILITARY = {"address1": "PSC 802 Box 74", "city": "APO", "province_code": "AE", "zip": "09499"}
OTTAWA = {"city": "Ottawa", "province": "Ontario", "province_code": "ON", "zip": "K1A 0B1", "country_code": "CA"}
LONG = "Building Seventeen of the Old Shipyard, third courtyard on the left behind the water tower"

RULES = """
[rules_settings]
mode = "all"

[[rules]]
name = "post office box"
when = { po_box = true }
then = { carrier = "stamps_com", service = "usps_priority_mail" }

[[rules]]
name = "military"
when = { military = true }
then = { carrier = "stamps_com", service = "usps_priority_mail", custom_field2 = "military" }
"""


def with_store(**store: Any) -> Fates:
    settings = settings_of(stores={"main": store_settings(**store)})
    return Fates(settings=settings.model_copy(update={"rules": rules_of_file(RULES, "rules.toml")}))


async def sent(day: Day, *bodies: dict[str, Any]) -> list[dict[str, Any]]:
    """What went to ShipStation for each of these orders, which both sides then agree about to the unit."""
    order_ids = [day.shopify.people.import_order(body) for body in bodies]
    await day.rest()
    await day.assert_clean()
    by_id = {one["orderKey"].split("-")[1]: one for one in pushed(day.calls("createorders"))}
    return [by_id[str(order_id)] for order_id in order_ids]


@pytest.mark.parametrize("fates", [with_store()], ids=["rules"])
@BOTH
async def test_addresses_come_out_printable_and_flagged_for_rules(day: Day, fates: Fates) -> None:
    dirty, long, box, military = await sent(
        day,
        sale(to={"first_name": "Zo\u00eb\u0007 \U0001f600", "address1": "118\u200b Linden\tAvenue", "address2": "Apt 5\u0000"}),
        sale(to={"address1": LONG}),
        sale(to={"address1": "P.O. Box 12"}),
        sale(to=MILITARY),
    )  # fmt: skip
    assert (dirty["shipTo"]["name"], dirty["shipTo"]["street1"]) == ("Zo\u00eb Stone", "118 Linden Avenue")
    assert dirty["shipTo"]["street2"] == "Apt 5"
    lines = [long["shipTo"][f"street{n}"] for n in (1, 2, 3) if long["shipTo"][f"street{n}"]]
    assert (" ".join(lines), max(map(len, lines)) <= 50) == (LONG, True)
    assert [one.get("serviceCode") for one in (dirty, long, box, military)] == [None, None, *["usps_priority_mail"] * 2]
    assert military["advancedOptions"]["customField2"] == "military"


ADA = {"first_name": "\u0410\u0434\u0430", "last_name": "\u041a\u0430\u043c\u0435\u043d\u044c"}


@pytest.mark.parametrize("fates", [with_store(non_roman="transliterate")], ids=["transliterate"])
async def test_another_script_is_written_in_latin_letters_and_kept_in_the_notes(day: Day, fates: Fates) -> None:
    (made,) = await sent(day, sale(to=ADA))
    assert made["shipTo"]["name"] == "Ada Kamen'"
    assert made["internalNotes"] == "Address as written: \u0410\u0434\u0430 \u041a\u0430\u043c\u0435\u043d\u044c, \u0410\u0434\u0430, \u041a\u0430\u043c\u0435\u043d\u044c"  # fmt: skip
    (told,) = (await day.told()).values()
    assert "address transliterated" in told["detail"]


async def test_an_address_that_lacks_a_part_waits_for_it(day: Day) -> None:
    order_id = day.shopify.people.import_order(sale(to={"city": "", "zip": ""}))
    await day.rest()
    assert (await day.cause(order_id), day.there(order_id)) == ("address_incomplete", [])
    assert "without city, postalCode" in (await day.told())[order_id]["detail"]
    day.shopify.people.edit(order_id, address={"city": "Brooklyn", "zip": "11229"})
    await day.rest()
    assert (await day.assert_clean()).states == {"in_shipstation": 1}


CODES: dict[str, Any] = {"harmonized_system_code": "691110", "country_code_of_origin": "PT"}
TAX_ID = [{"name": "Tax number of the recipient", "value": "CA-123"}]


@BOTH
async def test_customs_papers_have_the_destination_s_code_a_value_and_what_the_recipient_pays(day: Day) -> None:
    mug = goods("MUG-1", 2, country_harmonized_system_codes={"CA": "6911100020"}, **CODES)
    gift = goods("GIFT", price="12.00", discount_allocations=[{"amount": "12.00"}], **CODES)
    free = goods("FREE", price="0.00", **CODES)
    (made,) = await sent(day, sale(mug, gift, free, to=OTTAWA, note_attributes=TAX_ID))
    papers = made["internationalOptions"]["customsItems"]
    assert [one["harmonizedTariffCode"] for one in papers] == ["6911100020", "691110", "691110"]
    assert [Decimal(str(one["value"])) for one in papers] == [Decimal("18.50"), Decimal("12.00"), Decimal("1.00")]
    assert {one["countryOfOrigin"] for one in papers} == {"PT"}
    assert "Tax number of the recipient: CA-123" in made["internalNotes"]


async def test_a_new_tariff_code_of_the_destination_reaches_an_order_that_lies_there(day: Day) -> None:
    (made,) = await sent(day, sale(goods(**CODES), to=OTTAWA))
    order_id = int(made["orderKey"].split("-")[1])
    day.shopify.people.declare(order_id, "691110", "PT", by_country={"CA": "6911109999", "MX": "69111001"})
    day.shopify.people.edit(order_id, note="declared anew")
    await day.rest()
    (item,) = pushed(day.calls("createorders"))[-1]["internationalOptions"]["customsItems"]
    assert item["harmonizedTariffCode"] == "6911109999"
    await day.assert_clean()


WEIGHTS = {"send": None, "250": 500.0}


@pytest.mark.parametrize(
    ("fates", "grams"),
    [pytest.param(with_store(missing_weight=policy), grams, id=policy) for policy, grams in WEIGHTS.items()],
)
async def test_goods_without_weight_go_as_the_store_wants(day: Day, fates: Fates, grams: float | None) -> None:
    (made,) = await sent(day, sale(goods(quantity=2, grams=0)))
    assert ((made.get("weight") or {}).get("value") or None) == grams  # a package of V2 always has one
    (told,) = (await day.told()).values()
    assert ("1 items without weight" in told["detail"]) == (grams is None)


@pytest.mark.parametrize("fates", [with_store(missing_weight="hold")], ids=["hold"])
async def test_goods_without_weight_wait_where_the_store_wants_that(day: Day, fates: Fates) -> None:
    order_id = day.shopify.people.import_order(sale(goods(grams=0)))
    await day.rest()
    assert (await day.cause(order_id), day.there(order_id)) == ("missing_weight", [])
