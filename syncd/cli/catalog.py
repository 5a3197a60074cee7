"""Commands about the catalogue: compare articles with products, and have the difference written."""

from __future__ import annotations

import click

from syncd.cli.stock import stores_argument
from syncd.cli.terminal import EXIT_DIFFERENCE, as_json, at_desk, show


@click.group()
def catalog() -> None:
    """Keep ShipStation's products as Shopify's articles say: SKU, name, barcode, weight and customs data."""


@catalog.command()
@stores_argument
@as_json
@click.pass_context
def check(context: click.Context, stores: tuple[str, ...], is_json: bool) -> None:
    """Compare both sides now; list SKUs that are missing, doubled or without weight. Exit code 1 on any difference.

    Example: syncd catalog check main
    """
    from syncd.operate.catalog import check_catalog, check_text, is_different

    answer = at_desk(context, lambda desk: check_catalog(desk, stores))
    show(answer, is_json, check_text)
    context.exit(EXIT_DIFFERENCE if is_different(answer) else 0)


@catalog.command()
@stores_argument
@as_json
@click.pass_context
def push(context: click.Context, stores: tuple[str, ...], is_json: bool) -> None:
    """Have the daemon write whatever differs now, also what was refused, or changed in ShipStation since.

    Example: syncd catalog check main, then: syncd catalog push main
    """
    from syncd.operate.catalog import push_catalog, push_text

    show(at_desk(context, lambda desk: push_catalog(desk, stores)), is_json, push_text)
