"""Commands for what people have a right to: their data told, and their data dropped."""

from __future__ import annotations

import json

import click

from syncd.cli.terminal import EXIT_USAGE, as_json, at_desk, show


@click.command()
@click.argument("orders", nargs=-1, metavar="[ORDER...]")
@click.option("--store", default="", help="Without ORDER: everything of this store.")
@as_json
@click.pass_context
def redact(context: click.Context, orders: tuple[str, ...], store: str, is_json: bool) -> None:
    """Drop all that tells of a person from ORDER, for good. Says what ShipStation still holds.

    Example: syncd redact '#1001' '#1007'
    """
    from syncd.operate.privacy import redact_by_hand, redacted_text

    if bool(orders) == bool(store):
        click.echo("Name the orders, or the store with --store; not both.", err=True)
        context.exit(EXIT_USAGE)
    show(at_desk(context, lambda desk: redact_by_hand(desk, orders, store)), is_json, redacted_text)


@click.command(name="data-request")
@click.argument("orders", nargs=-1, metavar="[ORDER...]")
@click.option("--request", "number", type=int, help="The answer to this request of Shopify's.")
@as_json
@click.pass_context
def data_request(context: click.Context, orders: tuple[str, ...], number: int | None, is_json: bool) -> None:
    """Tell all that is remembered of a customer's ORDERs, as JSON; without ORDER, which requests Shopify sent.

    Example: syncd data-request '#1001' '#1007' > answer.json
    """
    from syncd.operate.privacy import answer_of, requests_text, tell_data, told_requests

    if orders:
        answer = at_desk(context, lambda desk: tell_data(desk, orders))
        click.echo(json.dumps(answer, ensure_ascii=False, indent=2))
    elif number is not None:
        click.echo(json.dumps(at_desk(context, lambda desk: answer_of(desk, number)), ensure_ascii=False, indent=2))
    else:
        show(at_desk(context, told_requests), is_json, requests_text)
