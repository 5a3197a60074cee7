"""Commands about everything at once: counts, recounts, what needs a person, and what keeps the daemon from working."""

from __future__ import annotations

import asyncio

import click

from syncd.cli.terminal import EXIT_DIFFERENCE, as_json, at_desk, settings_of, show


@click.command()
@as_json
@click.option("--orders", is_flag=True, help="List every order with its state instead of counting them.")
@click.pass_context
def status(context: click.Context, is_json: bool, orders: bool) -> None:
    """How many orders are in which state, what waits, and what the APIs still allow.

    Example: syncd status --json
    """
    from syncd.operate.status import list_orders, orders_text, read_status, status_text

    if orders:
        show(at_desk(context, lambda desk: list_orders(desk.db)), is_json, orders_text)
    else:
        show(
            at_desk(context, lambda desk: read_status(desk.db, desk.clock, desk.settings, desk.inbox)),
            is_json,
            status_text,
        )


@click.command()
@as_json
@click.pass_context
def parked(context: click.Context, is_json: bool) -> None:
    """List the orders that need a person, with cause and cure. Exit code 1 when there are any."""
    from syncd.operate.status import orders_text, parked_orders

    found = at_desk(context, lambda desk: parked_orders(desk.db))
    show(found, is_json, orders_text)
    context.exit(EXIT_DIFFERENCE if found else 0)


@click.command()
@as_json
@click.option(
    "--since",
    default="",
    metavar="WHEN",
    help="Orders made since: 2026-11-20, 2026-11-20T08:00:00Z, 36h or 7d (default).",
)
@click.pass_context
def verify(context: click.Context, is_json: bool, since: str) -> None:
    """Recount both sides by lists and print the account. Writes nothing. Exit code 1 on any difference.

    Example: syncd verify --since 2d
    """
    from syncd.operate.verify import account_text, recount

    account = at_desk(context, lambda desk: recount(desk, since))
    show(account, is_json, account_text)
    context.exit(EXIT_DIFFERENCE if account["differences"] else 0)


@click.command()
@as_json
@click.pass_context
def sweep(context: click.Context, is_json: bool) -> None:
    """Look at both sides in full now, as the daemon does every hour, and mark what no event told of. Always safe.

    Example: syncd sweep
    """
    from syncd.operate.sweeping import sweep_by_hand, sweep_text

    show(at_desk(context, sweep_by_hand), is_json, sweep_text)


@click.group(invoke_without_command=True)
@as_json
@click.pass_context
def brake(context: click.Context, is_json: bool) -> None:
    """Show whether cancellations were stopped because they were too many at once. Exit code 1 when they were.

    Example: syncd brake, then: syncd brake release
    """
    from syncd.operate.brakes import brake_text, read_brake

    if context.invoked_subcommand is None:
        found = at_desk(context, read_brake)
        show(found, is_json, brake_text)
        context.exit(EXIT_DIFFERENCE if found["pulled_at"] else 0)


@brake.command("release")
@click.pass_context
def release_the_brake(context: click.Context) -> None:
    """Let the stopped cancellations through, and all others of the next 15 minutes."""
    from syncd.operate.brakes import release_stopped

    click.echo(f"{at_desk(context, release_stopped)} orders are looked at again within a few seconds.")


@click.command()
@as_json
@click.pass_context
def keys(context: click.Context, is_json: bool) -> None:
    """Show which ShipStation key pair is in use, since when, when it expires, and which one may be deleted.

    Example: syncd keys --json
    """
    from syncd.operate.keys import keys_text, read_keys

    show(at_desk(context, read_keys), is_json, keys_text)


@click.command()
@as_json
@click.pass_context
def doctor(context: click.Context, is_json: bool) -> None:
    """Check settings, database, both logins, scopes, store and warehouse ids and webhooks. Exit code 1 on a fault."""
    from syncd.operate.doctor import checks_text, run_checks

    settings = settings_of(context)
    checks = asyncio.run(run_checks(settings))
    show(checks, is_json, checks_text)
    context.exit(EXIT_DIFFERENCE if any(check["result"] == "fault" for check in checks) else 0)
