"""Commands about goods that come back, and the money for them. Named `return` and `refunds`."""

from __future__ import annotations

import click

from syncd.cli.terminal import as_json, at_desk, show


@click.group(name="return")
def returns() -> None:
    """Send goods back and say that they arrived. What then happens is the policy in [stores.<name>.returns]."""


@returns.command()
@click.argument("order")
@click.option("--package", help="Which package, by key or tracking number, where the order has several.")
@click.option("--again", is_flag=True, help="Although the order has a return label already.")
@as_json
@click.pass_context
def label(context: click.Context, order: str, package: str | None, again: bool, is_json: bool) -> None:
    """Buy a return label for a package of ORDER. It costs what the carrier takes.

    Example: syncd return label '#1001'
    """
    from syncd.operate.returns import make_label

    def text(answer: dict[str, str]) -> str:
        return f"{answer['ref']}: return label {answer['tracking_number']}, to print at {answer['label']}"

    show(at_desk(context, lambda desk: make_label(desk, order, package, again)), is_json, text)


@returns.command()
@click.argument("order")
@click.option("--return", "return_key", help="Which return, where several are on their way.")
@click.pass_context
def receive(context: click.Context, order: str, return_key: str | None) -> None:
    """Say that the goods of ORDER have come back and are in good order.

    Example: syncd return receive '#1001'
    """
    from syncd.operate.returns import receive_return

    for line in at_desk(context, lambda desk: receive_return(desk, order, return_key)):
        click.echo(line)


@click.group()
def refunds() -> None:
    """See what is to be paid back for goods that arrived, and agree to it or decline it."""


@refunds.command(name="list")
@as_json
@click.pass_context
def list_refunds(context: click.Context, is_json: bool) -> None:
    """List what arrived and is not paid back yet, with the reason. Changes nothing.

    Example: syncd refunds list
    """
    from syncd.operate.returns import refunds_text, waiting_refunds

    show(at_desk(context, waiting_refunds), is_json, refunds_text)


@refunds.command(name="approve")
@click.argument("orders", nargs=-1, required=True, metavar="ORDER|RETURN...")
@click.pass_context
def approve_refund(context: click.Context, orders: tuple[str, ...]) -> None:
    """Agree to the refunds as `syncd refunds list` shows them; nothing above is ever paid.

    Example: syncd refunds approve '#1001'
    """
    from syncd.operate.returns import approve_refunds

    for line in at_desk(context, lambda desk: approve_refunds(desk, orders)):
        click.echo(line)


@refunds.command(name="decline")
@click.argument("orders", nargs=-1, required=True, metavar="ORDER|RETURN...")
@click.pass_context
def decline_refund(context: click.Context, orders: tuple[str, ...]) -> None:
    """Say that nothing (more) is paid back for what `syncd refunds list` shows: it leaves the list for good.

    Example: syncd refunds decline '#1001'
    """
    from syncd.operate.returns import decline_refunds

    for line in at_desk(context, lambda desk: decline_refunds(desk, orders)):
        click.echo(line)
