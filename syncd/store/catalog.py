"""The catalogue: which article has which ShipStation product, and what the last look at each store showed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, select, update
from sqlmodel import Session

from syncd.store.schema import CatalogLook, ProductLink, table_of
from syncd.store.statements import dialect_of, upsert
from syncd.store.transaction import Work

LINKS = table_of(ProductLink)
COLUMNS = LINKS.c
LOOKS = table_of(CatalogLook)

LinkRow = tuple[int, str, int, str | None]
"""Product id, store, item id, digest of the last wish that ShipStation has had."""
ROW = (COLUMNS.product_id, COLUMNS.store, COLUMNS.item_id, COLUMNS.written)


class Look(NamedTuple):
    looked_at: datetime
    report: str


def all_links() -> Work[list[LinkRow]]:
    statement = select(*ROW)
    return lambda session: [tuple(row) for row in session.connection().execute(statement)]


def links_of(store: str, item_ids: Collection[int]) -> Work[dict[int, LinkRow]]:
    """By item id, those that there are. Index: uq_product_links_store_item_id."""
    statement = select(*ROW).where(COLUMNS.store == store, COLUMNS.item_id.in_(item_ids))
    return lambda session: {row.item_id: tuple(row) for row in session.connection().execute(statement)}


def drop_links(product_ids: Collection[int]) -> Work[None]:
    statement = delete(LINKS).where(COLUMNS.product_id.in_(product_ids))

    def work(session: Session) -> None:
        if product_ids:
            session.connection().execute(statement)

    return work


def keep_links(links: Sequence[LinkRow]) -> Work[None]:
    """Those of the same articles with other products must have been dropped before."""
    rows = [dict(zip(("product_id", "store", "item_id", "written"), one, strict=True)) for one in links]

    def work(session: Session) -> None:
        insert = upsert(dialect_of(session), LINKS)
        new = insert.excluded
        changes = {"store": new.store, "item_id": new.item_id, "written": new.written}
        if rows:
            session.connection().execute(
                insert.on_conflict_do_update(index_elements=[COLUMNS.product_id], set_=changes), rows
            )

    return work


def note_written(link: LinkRow, digest: str) -> Work[None]:
    """ShipStation has had this wish. Nothing where the product is another article's by now."""
    product_id, store, item_id, _ = link
    is_same = (COLUMNS.product_id == product_id, COLUMNS.store == store, COLUMNS.item_id == item_id)
    statement = update(LINKS).where(*is_same).values(written=digest)

    def work(session: Session) -> None:
        session.connection().execute(statement)

    return work


def catalog_looks() -> Work[dict[str, Look]]:
    """By store."""
    statement = select(LOOKS.c.store, LOOKS.c.looked_at, LOOKS.c.report)
    return lambda session: {
        row.store: Look(row.looked_at, row.report) for row in session.connection().execute(statement)
    }


def keep_look(store: str, report: str, now: datetime) -> Work[None]:
    def work(session: Session) -> None:
        values = {"looked_at": now, "report": report}
        insert = upsert(dialect_of(session), LOOKS).values(store=store, **values)
        session.connection().execute(insert.on_conflict_do_update(index_elements=[LOOKS.c.store], set_=values))

    return work
