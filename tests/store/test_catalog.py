"""Whose product is whose, on both engines."""

from __future__ import annotations

from datetime import UTC, datetime

from syncd.ports import Db
from syncd.store.catalog import all_links, catalog_looks, drop_links, keep_links, keep_look, links_of, note_written

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
MUG, CUP = (1, "main", 11, None), (2, "main", 12, "1:abc")


async def test_links_are_kept_found_by_article_and_dropped(db: Db) -> None:
    await db.run(keep_links([MUG, CUP]))
    assert await db.run(links_of("main", [11, 12, 13])) == {11: MUG, 12: CUP}
    assert await db.run(links_of("second", [11])) == {}
    await db.run(keep_links([(1, "main", 13, "1:def")]))
    await db.run(drop_links([2]))
    assert await db.run(all_links()) == [(1, "main", 13, "1:def")]


async def test_a_wish_is_noted_only_where_the_product_is_still_the_articles(db: Db) -> None:
    await db.run(keep_links([MUG, CUP]))
    await db.run(note_written(MUG, "1:new"))
    await db.run(note_written((2, "main", 99, None), "1:new"))
    assert {row[0]: row[3] for row in await db.run(all_links())} == {1: "1:new", 2: "1:abc"}


async def test_the_last_look_of_a_store_is_kept(db: Db) -> None:
    await db.run(keep_look("main", "{}", NOW))
    await db.run(keep_look("main", '{"agreeing": 1}', NOW))
    assert await db.run(catalog_looks()) == {"main": (NOW, '{"agreeing": 1}')}
