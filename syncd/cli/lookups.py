"""Commands that only look: where packages are, what labels would cost, what the ShipStation account holds."""

from __future__ import annotations

import click

from syncd.cli.terminal import as_json, at_desk, show

THINGS = ("orders", "shipments", "products", "warehouses", "carriers", "customers", "inventory-locations")


@click.command()
@click.argument("order")
@as_json
@click.pass_context
def track(context: click.Context, order: str, is_json: bool) -> None:
    """Show where the packages of ORDER are: status, carrier's words, dates, what went wrong and what to do.

    Example: syncd track '#1001'
    """
    from syncd.operate.tracking import track_order, tracking_text

    show(at_desk(context, lambda desk: track_order(desk, order)), is_json, tracking_text)


@click.command()
@click.argument("order")
@as_json
@click.pass_context
def rates(context: click.Context, order: str, is_json: bool) -> None:
    """Compare what every service of every carrier would cost for ORDER. Buys nothing.

    Example: syncd rates '#1001'
    """
    from syncd.operate.rates import rates_of_order, rates_text

    show(at_desk(context, lambda desk: rates_of_order(desk, order)), is_json, rates_text)


@click.command()
@click.argument("things", type=click.Choice(THINGS))
@click.argument("text", default="")
@click.option("--limit", default=25, show_default=True, type=click.IntRange(1, 500), help="Rows at most.")
@as_json
@click.pass_context
def shipstation(context: click.Context, things: str, text: str, limit: int, is_json: bool) -> None:
    """List what the ShipStation account holds: THINGS that begin with TEXT, the newest first.

    Example: syncd shipstation orders 1001
    """
    from syncd.operate.lookups import look_up, look_up_text

    show(at_desk(context, lambda desk: look_up(desk, things, text, limit)), is_json, look_up_text)
