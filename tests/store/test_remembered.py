"""What is remembered of orders, consignments and packages, and what never overwrites what."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from syncd.ports import Db
from syncd.store.consignments import (
    ConsignmentUpdate,
    NewConsignment,
    consignments_by_key,
    consignments_by_shipstation_id,
    consignments_of,
    forget_documents,
    record_consignments,
    stores_of_orders,
    take_order_keys,
)
from syncd.store.orders import (
    all_orders,
    order_rows,
    orders_by_name,
    record_orders,
    record_troubles,
    state_counts,
    troubles_of,
)
from syncd.store.packages import SeenPackage, adopt_fulfillment, packages_of, record_packages
from syncd.store.schema import OrderRow
from syncd.store.versions import SeenVersion, seen_versions

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
ORDER = ("main", 6_000_000_000_001)
PACKAGE = SeenPackage(
    "s1", *ORDER, False, "1Z", "ups", "ups_ground", "2026-11-21", "main-6000000000001-7-1", '{"5": 2}'
)


def consignment(key: str = "main-6000000000001-7-1", n: int = 1, order_id: int = ORDER[1]) -> NewConsignment:
    return NewConsignment(key, "main", order_id, 7, "", n, "intended")


def order(state: str = "queued", cause: str = "queued", when: datetime = NOW, **changes: object) -> OrderRow:
    row = OrderRow(store="main", order_id=ORDER[1], name="#1001", state=state, cause=cause, since=when, seen_at=when)
    for name, value in changes.items():
        setattr(row, name, value)
    return row


async def known_order(db: Db) -> OrderRow:
    found = (await db.run(order_rows(*ORDER))).order
    assert found is not None
    return found


# consignments


async def test_a_key_once_taken_keeps_what_was_learned_since(db: Db) -> None:
    await db.run(take_order_keys([consignment()], NOW))
    learned = ConsignmentUpdate("main-6000000000001-7-1", "open", 77, '{"a":1}', LATER)
    await db.run(record_consignments([learned], LATER))
    await db.run(take_order_keys([consignment(), consignment("main-6000000000001-7-2", n=2)], NOW))
    first, second = (await db.run(consignments_of([ORDER])))[ORDER]
    assert (first.standing, first.shipstation_order_id, first.applied, first.pushed_at) == (
        "open",
        77,
        '{"a":1}',
        LATER,
    )
    assert (first.created_at, first.updated_at) == (NOW, LATER)
    assert (second.standing, second.shipstation_order_id, second.applied) == ("intended", None, None)


async def test_a_second_key_for_the_same_goods_is_refused(db: Db) -> None:
    await db.run(take_order_keys([consignment()], NOW))
    with pytest.raises(IntegrityError):
        await db.run(take_order_keys([consignment("another-key")], NOW))


async def test_what_is_not_said_of_a_consignment_stays(db: Db) -> None:
    await db.run(take_order_keys([consignment()], NOW))
    key = "main-6000000000001-7-1"
    await db.run(record_consignments([ConsignmentUpdate(key, "open", 77, "{}", NOW)], NOW))
    await db.run(record_consignments([ConsignmentUpdate(key, "shipped"), ConsignmentUpdate("unknown", "open")], LATER))
    known = await db.run(consignments_by_key([key, "unknown"]))
    assert list(known) == [key]
    row = known[key]
    assert (row.standing, row.shipstation_order_id, row.applied) == ("shipped", 77, "{}")


async def test_merged_orders_share_one_shipstation_order(db: Db) -> None:
    await db.run(take_order_keys([consignment("a", order_id=1), consignment("b", order_id=2)], NOW))
    await db.run(record_consignments([ConsignmentUpdate(key, "open", 77) for key in "ab"], NOW))
    found = await db.run(consignments_by_shipstation_id([77, 78]))
    assert {number: [row.order_key for row in rows] for number, rows in found.items()} == {77: ["a", "b"]}
    assert await db.run(stores_of_orders(["main"], [1, 2, 3])) == {1: "main", 2: "main"}


async def test_every_order_asked_for_is_in_the_answer(db: Db) -> None:
    await db.run(take_order_keys([consignment()], NOW))
    wanted = [ORDER, ("other", ORDER[1]), ("main", 9)]
    assert {ref: len(rows) for ref, rows in (await db.run(consignments_of(wanted))).items()} == {
        ORDER: 1,
        ("other", ORDER[1]): 0,
        ("main", 9): 0,
    }
    assert await db.run(packages_of([("main", 9)])) == {("main", 9): []}
    assert await db.run(consignments_of([])) == {}


# packages


async def test_only_new_and_changed_packages_are_news(db: Db) -> None:
    assert await db.run(record_packages([PACKAGE], NOW)) == [ORDER]
    assert await db.run(record_packages([PACKAGE], LATER)) == []
    (row,) = (await db.run(packages_of([ORDER])))[ORDER]
    assert (row.updated_at, row.seen_at) == (NOW, LATER)
    assert await db.run(record_packages([replace(PACKAGE, voided=True)], LATER)) == [ORDER]
    (row,) = (await db.run(packages_of([ORDER])))[ORDER]
    assert (row.voided, row.created_at, row.updated_at) == (True, NOW, LATER)


async def test_what_a_shorter_answer_leaves_out_stays_known(db: Db) -> None:
    await db.run(record_packages([PACKAGE], NOW))
    assert await db.run(record_packages([replace(PACKAGE, lines=None, order_key=None)], LATER)) == []
    (row,) = (await db.run(packages_of([ORDER])))[ORDER]
    assert (row.lines, row.order_key) == (PACKAGE.lines, PACKAGE.order_key)


async def test_one_package_may_hold_goods_of_two_orders_and_be_listed_twice(db: Db) -> None:
    other = replace(PACKAGE, order_id=2)
    assert await db.run(record_packages([PACKAGE, other, PACKAGE], NOW)) == [("main", 2), ORDER]


async def test_shipstation_never_overwrites_which_fulfillment_stands_for_a_package(db: Db) -> None:
    await db.run(record_packages([PACKAGE], NOW))
    assert await db.run(adopt_fulfillment("s1", *ORDER, "gid://shopify/Fulfillment/1"))
    await db.run(record_packages([replace(PACKAGE, tracking_number="2Z")], LATER))
    (row,) = (await db.run(packages_of([ORDER])))[ORDER]
    assert (row.tracking_number, row.fulfillment_gid) == ("2Z", "gid://shopify/Fulfillment/1")


async def test_one_fulfillment_stands_for_one_package(db: Db) -> None:
    await db.run(record_packages([PACKAGE, replace(PACKAGE, package_key="s2")], NOW))
    assert await db.run(adopt_fulfillment("s1", *ORDER, "gid/1"))
    assert await db.run(adopt_fulfillment("s1", *ORDER, "gid/1"))
    assert not await db.run(adopt_fulfillment("s2", *ORDER, "gid/1"))
    assert not await db.run(adopt_fulfillment("s3", *ORDER, "gid/3"))
    assert await db.run(adopt_fulfillment("s1", *ORDER, None))
    assert await db.run(adopt_fulfillment("s2", *ORDER, "gid/1"))


async def test_a_voided_package_gives_its_fulfillment_up_to_another_of_its_order(db: Db) -> None:
    voided = replace(PACKAGE, voided=True)
    await db.run(record_packages([PACKAGE, replace(PACKAGE, package_key="s2")], NOW))
    assert await db.run(adopt_fulfillment("s1", *ORDER, "gid/1", '{"1": 1}'))
    await db.run(record_packages([voided], NOW))
    await db.run(record_packages([replace(voided, tracking_number="other")], LATER))
    assert await db.run(adopt_fulfillment("s2", *ORDER, "gid/1"))
    rows = {row.package_key: row for row in (await db.run(packages_of([ORDER])))[ORDER]}
    assert [(rows[key].fulfillment_gid, rows[key].voided_at) for key in ("s1", "s2")] == [(None, NOW), ("gid/1", None)]


async def test_a_page_of_packages_larger_than_one_statement_is_kept_whole(db: Db) -> None:
    many = [replace(PACKAGE, package_key=f"s{number}", order_id=number) for number in range(2_500)]
    assert len(await db.run(record_packages(many, NOW))) == 2_500


# orders


async def test_a_state_begins_when_it_or_its_cause_changes(db: Db) -> None:
    await db.run(record_orders([order()]))
    await db.run(record_orders([order(when=LATER, detail="again")]))
    row = await known_order(db)
    assert (row.since, row.seen_at, row.detail) == (NOW, LATER, "again")
    await db.run(record_orders([order("held", "fraud_review", LATER)]))
    assert (await known_order(db)).since == LATER


async def test_an_order_stays_closed_from_the_first_time_until_reopened(db: Db) -> None:
    await db.run(record_orders([order("shipped", "shipped", closed_at=NOW)]))
    await db.run(record_orders([order("shipped", "shipped", LATER, closed_at=LATER)]))
    assert (await known_order(db)).closed_at == NOW
    await db.run(record_orders([order("queued", "queued", LATER)]))
    assert (await known_order(db)).closed_at is None


async def test_what_could_not_be_read_keeps_its_name_and_version(db: Db) -> None:
    await db.run(record_orders([order(shopify_updated_at=NOW, routing_updated_at=NOW)]))
    await db.run(record_orders([order("parked", "bug", LATER, name="")]))
    row = await known_order(db)
    assert (row.name, row.shopify_updated_at, row.state) == ("#1001", NOW, "parked")
    assert await db.run(seen_versions([ORDER, ("main", 9)])) == {ORDER: SeenVersion(NOW, NOW, LATER)}


async def test_the_two_flows_do_not_overwrite_each_others_verdicts(db: Db) -> None:
    await db.run(record_troubles([order("parked", "overshipped", trouble="overshipped", trouble_detail="2 of 1")]))
    await db.run(record_orders([order("shipped", "shipped", LATER)]))
    assert await db.run(troubles_of([ORDER, ("main", 9)])) == {ORDER: (("overshipped", "2 of 1"), None)}
    assert (await known_order(db)).state == "shipped"
    await db.run(record_troubles([order("parked", "overshipped", trouble=None)]))
    assert await db.run(troubles_of([ORDER])) == {}
    assert (await known_order(db)).state == "shipped"


async def test_orders_are_counted_and_found_by_state_and_name(db: Db) -> None:
    await db.run(record_orders([order(), order("held", "fraud_review", order_id=2), order(order_id=3, name="#1")]))
    assert await db.run(state_counts()) == [("main", "held", "fraud_review", 1), ("main", "queued", "queued", 2)]
    assert [row.order_id for row in await db.run(orders_by_name("#1001"))] == [2, ORDER[1]]
    assert [row.order_id for row in await db.run(all_orders("held"))] == [2]
    assert (await db.run(order_rows("main", 99))).order is None


async def test_documents_of_closed_orders_are_forgotten_ids_are_not(db: Db) -> None:
    await db.run(take_order_keys([consignment(), consignment("open-order", order_id=2)], NOW))
    updates = [ConsignmentUpdate(key, "shipped", 77, "{}") for key in ("main-6000000000001-7-1", "open-order")]
    await db.run(record_consignments(updates, NOW))
    await db.run(record_orders([order("shipped", "shipped", closed_at=NOW), order(order_id=2)]))
    assert await db.run(forget_documents(NOW)) == 0
    assert await db.run(forget_documents(LATER)) == 1
    assert await db.run(forget_documents(LATER)) == 0
    known = await db.run(consignments_by_key(["main-6000000000001-7-1", "open-order"]))
    assert {key: (row.applied, row.shipstation_order_id) for key, row in known.items()} == {
        "main-6000000000001-7-1": (None, 77),
        "open-order": ("{}", 77),
    }
