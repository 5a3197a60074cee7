"""Commands about stock: compare, write, freeze and thaw."""

from __future__ import annotations

import click

from syncd.cli.terminal import EXIT_DIFFERENCE, as_json, at_desk, show

stores_argument = click.argument("stores", nargs=-1, metavar="[STORE...]")


@click.group()
def stock() -> None:
    """Keep the stock of ShipStation and Shopify the same, for each location by its declared owner."""


@stock.command()
@stores_argument
@as_json
@click.pass_context
def diff(context: click.Context, stores: tuple[str, ...], is_json: bool) -> None:
    """Compare both sides now, by exact SKU. Writes nothing. Exit code 1 on any difference.

    Example: syncd stock diff main
    """
    from syncd.operate.stock import is_different, stock_differences, stock_text

    answer = at_desk(context, lambda desk: stock_differences(desk, stores))
    show(answer, is_json, stock_text)
    context.exit(EXIT_DIFFERENCE if is_different(answer) else 0)


@stock.command()
@stores_argument
@as_json
@click.pass_context
def push(context: click.Context, stores: tuple[str, ...], is_json: bool) -> None:
    """Write what differs now. From the first push on the daemon does so by itself.

    Example: syncd stock diff main, then: syncd stock push main
    """
    from syncd.operate.stock import push_stock, stock_text

    show(at_desk(context, lambda desk: push_stock(desk, stores)), is_json, stock_text)


@stock.command()
@stores_argument
@click.option("--hours", type=click.FloatRange(min=0, min_open=True), help="Thaws by itself after so many hours.")
@click.pass_context
def freeze(context: click.Context, stores: tuple[str, ...], hours: float | None) -> None:
    """Write no stock for now, such as at the peak of a sale. Differences are still reported.

    Example: syncd stock freeze main --hours 6
    """
    from syncd.operate.stock import freeze_stores

    for line in at_desk(context, lambda desk: freeze_stores(desk, stores, hours)):
        click.echo(line)


@stock.command()
@stores_argument
@click.pass_context
def thaw(context: click.Context, stores: tuple[str, ...]) -> None:
    """Let stock be written again."""
    from syncd.operate.stock import thaw_stores

    for line in at_desk(context, lambda desk: thaw_stores(desk, stores)):
        click.echo(line)


@stock.command()
@click.argument("sku")
@as_json
@click.pass_context
def history(context: click.Context, sku: str, is_json: bool) -> None:
    """Tell what was written of the stock of SKU, when, and what came of it.

    Example: syncd stock history MUG-01-BL
    """
    from syncd.operate.stock_history import history_text, stock_history

    show(at_desk(context, lambda desk: stock_history(desk, sku)), is_json, history_text)
