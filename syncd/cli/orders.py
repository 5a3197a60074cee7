"""Commands about single orders: the reason of each, and the ways to move it on."""

from __future__ import annotations

import click

from syncd.cli.terminal import as_json, at_desk, show


@click.command()
@click.argument("order")
@as_json
@click.pass_context
def plan(context: click.Context, order: str, is_json: bool) -> None:
    """Show what would be done for ORDER now, with every field that differs. Does nothing.

    Example: syncd plan '#1001'
    """
    from syncd.operate.explain import plan_order_now, plan_text

    show(at_desk(context, lambda desk: plan_order_now(desk, order)), is_json, plan_text)


@click.command()
@click.argument("order")
@as_json
@click.option("--offline", is_flag=True, help="Only what we remember: ask neither vendor.")
@click.pass_context
def explain(context: click.Context, order: str, is_json: bool, offline: bool) -> None:
    """Tell the story of ORDER: its state and cause, what was done, both sides as they are now, and the next step.

    Example: syncd explain '#1001'
    """
    from syncd.operate.explain import explain_order
    from syncd.operate.explained import explain_text

    show(at_desk(context, lambda desk: explain_order(desk, order, offline)), is_json, explain_text)


@click.command()
@click.argument("orders", nargs=-1, required=True, metavar="ORDER...")
@click.pass_context
def retry(context: click.Context, orders: tuple[str, ...]) -> None:
    """Try parked or deferred orders again now. The running daemon takes them up within a second.

    Example: syncd retry '#1001' main/6832000000000
    """
    from syncd.operate.wake import retry_orders

    for line in at_desk(context, lambda desk: retry_orders(desk, orders)):
        click.echo(line)


@click.command()
@click.argument("orders", nargs=-1, required=True, metavar="ORDER...")
@click.pass_context
def release(context: click.Context, orders: tuple[str, ...]) -> None:
    """Let orders go that are held for a doubt of ours: fraud review, missing weight, foreign letters, age.

    A fraud verdict or a rule that comes later holds them again.

    Example: syncd release '#1001'
    """
    from syncd.operate.rulings import release_orders

    for line in at_desk(context, lambda desk: release_orders(desk, orders)):
        click.echo(line)


@click.command()
@click.argument("order")
@click.option("--take", type=click.Choice(["shopify", "shipstation"]), required=True, help="Whose values shall stand.")
@click.pass_context
def resolve(context: click.Context, order: str, take: str) -> None:
    """Settle ORDER where both sides changed the same field. `syncd plan ORDER` shows both values.

    Example: syncd resolve '#1001' --take shipstation
    """
    from syncd.operate.rulings import resolve_order

    click.echo(at_desk(context, lambda desk: resolve_order(desk, order, take)))


@click.command()
@click.argument("orders", nargs=-1, required=True, metavar="ORDER...")
@click.pass_context
def mark(context: click.Context, orders: tuple[str, ...]) -> None:
    """Look at orders again, as if a webhook had come: the same path, so it is always safe.

    Example: syncd mark main/6832000000000
    """
    from syncd.operate.wake import mark_orders

    for line in at_desk(context, lambda desk: mark_orders(desk, orders)):
        click.echo(line)
