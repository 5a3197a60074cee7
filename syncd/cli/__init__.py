"""The command line: one small function per command. Whatever is heavy is imported inside the command that needs it."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import click

from syncd import __version__
from syncd.cli.lookups import rates, shipstation, track
from syncd.cli.privacy import data_request, redact
from syncd.cli.terminal import EXIT_USAGE, as_json, at_desk, settings_of, show
from syncd.errors import SyncError

EXIT_DIFFERENCE = 1


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="syncd")
@click.option(
    "--config", type=click.Path(path_type=Path), envvar="SYNCD_CONFIG", help="Settings file; default syncd.toml."
)
@click.pass_context
def main(context: click.Context, config: Path | None) -> None:
    """Keeps Shopify shops and a ShipStation account telling the same story.

    Try it: `syncd demo`. Run it: `syncd doctor`, then `syncd run`. ORDER is `#1001`, an order id, or `store/id`.
    """
    context.obj = config


for command in (track, rates, shipstation, redact, data_request):
    main.add_command(command)


@main.command()
@click.pass_context
def run(context: click.Context) -> None:
    """Run the daemon until SIGTERM. An empty SQLite database is set up first."""
    from syncd.daemon import run_daemon

    settings = settings_of(context)
    try:
        sys.exit(run_daemon(settings))
    except SyncError as error:
        click.echo(f"{error.code}: {error.text}", err=True)
        sys.exit(EXIT_USAGE)


@main.command()
@click.pass_context
def migrate(context: click.Context) -> None:
    """Bring the database's schema to this version. Safe to run twice."""
    from syncd.settings import database_url
    from syncd.store.migrations import migrate as bring_to_head

    try:
        bring_to_head(database_url(context.obj, os.environ))
    except SyncError as error:
        click.echo(f"{error.code}: {error.text}", err=True)
        context.exit(EXIT_USAGE)
    click.echo("The schema is at head.")


@main.command()
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
        show(at_desk(context, lambda desk: read_status(desk.db, desk.clock, desk.settings)), is_json, status_text)


@main.command()
@as_json
@click.pass_context
def keys(context: click.Context, is_json: bool) -> None:
    """Show which ShipStation key pair is in use, since when, when it expires, and which one may be deleted.

    Example: syncd keys --json
    """
    from syncd.operate.keys import keys_text, read_keys

    show(at_desk(context, read_keys), is_json, keys_text)


@main.command()
@click.argument("order")
@as_json
@click.pass_context
def plan(context: click.Context, order: str, is_json: bool) -> None:
    """Show what would be done for ORDER now, with every field that differs. Does nothing.

    Example: syncd plan '#1001'
    """
    from syncd.operate.explain import plan_order_now, plan_text

    show(at_desk(context, lambda desk: plan_order_now(desk, order)), is_json, plan_text)


@main.command()
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


@main.command()
@as_json
@click.pass_context
def parked(context: click.Context, is_json: bool) -> None:
    """List the orders that need a person, with cause and cure. Exit code 1 when there are any."""
    from syncd.operate.status import orders_text, parked_orders

    found = at_desk(context, lambda desk: parked_orders(desk.db))
    show(found, is_json, orders_text)
    context.exit(EXIT_DIFFERENCE if found else 0)


@main.command()
@click.argument("orders", nargs=-1, required=True, metavar="ORDER...")
@click.pass_context
def retry(context: click.Context, orders: tuple[str, ...]) -> None:
    """Try parked or deferred orders again now. The running daemon takes them up within a second.

    Example: syncd retry '#1001' main/6832000000000
    """
    from syncd.operate.wake import retry_orders

    for line in at_desk(context, lambda desk: retry_orders(desk, orders)):
        click.echo(line)


@main.command()
@click.argument("orders", nargs=-1, required=True, metavar="ORDER...")
@click.pass_context
def release(context: click.Context, orders: tuple[str, ...]) -> None:
    """Let orders go that are held for a doubt of ours: fraud review, missing weight, foreign letters, age.

    Example: syncd release '#1001'
    """
    from syncd.operate.rulings import release_orders

    for line in at_desk(context, lambda desk: release_orders(desk, orders)):
        click.echo(line)


@main.command()
@click.argument("order")
@click.option("--take", type=click.Choice(["shopify", "shipstation"]), required=True, help="Whose values shall stand.")
@click.pass_context
def resolve(context: click.Context, order: str, take: str) -> None:
    """Settle ORDER where both sides changed the same field. `syncd plan ORDER` shows both values.

    Example: syncd resolve '#1001' --take shipstation
    """
    from syncd.operate.rulings import resolve_order

    click.echo(at_desk(context, lambda desk: resolve_order(desk, order, take)))


@main.command()
@click.argument("orders", nargs=-1, required=True, metavar="ORDER...")
@click.pass_context
def mark(context: click.Context, orders: tuple[str, ...]) -> None:
    """Look at orders again, as if a webhook had come: the same path, so it is always safe.

    Example: syncd mark main/6832000000000
    """
    from syncd.operate.wake import mark_orders

    for line in at_desk(context, lambda desk: mark_orders(desk, orders)):
        click.echo(line)


@main.command()
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


@main.command()
@as_json
@click.pass_context
def sweep(context: click.Context, is_json: bool) -> None:
    """Look at both sides in full now, as the daemon does every hour, and mark what no event told of. Always safe.

    Example: syncd sweep
    """
    from syncd.operate.sweeping import sweep_by_hand, sweep_text

    show(at_desk(context, sweep_by_hand), is_json, sweep_text)


@main.group(invoke_without_command=True)
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


@main.group()
def rules() -> None:
    """Try the rules of the settings, or a file of rules, on real orders. Nothing is changed."""


@rules.command(name="test")
@click.argument("orders", nargs=-1, required=True, metavar="ORDER...")
@click.option("--file", default="current", show_default=True, help="A file of rules instead of those in the settings.")
@as_json
@click.pass_context
def rules_test(context: click.Context, orders: tuple[str, ...], file: str, is_json: bool) -> None:
    """Tell which rules fire for ORDER, what they decide, and why the others do not.

    Orders are read from Shopify as they are now.

    Example: syncd rules test '#1001' '#1002' --file new-rules.toml
    """
    from syncd.operate.rule_trials import trials_text, try_rules

    show(at_desk(context, lambda desk: try_rules(desk, file, orders)), is_json, trials_text)


@rules.command(name="diff")
@click.argument("old")
@click.argument("new")
@click.argument("orders", nargs=-1, metavar="[ORDER...]")
@click.option("--last", default=200, show_default=True, help="Without ORDER: so many of the newest known orders.")
@as_json
@click.pass_context
def rules_diff(context: click.Context, old: str, new: str, orders: tuple[str, ...], last: int, is_json: bool) -> None:
    """Show for which past orders the rules NEW decide otherwise than OLD. Exit code 1 when there are any.

    OLD and NEW are files of rules; `current` stands for the rules of the settings.

    Example: syncd rules diff current new-rules.toml --last 500
    """
    from syncd.operate.rule_trials import compare_rules, comparison_text

    answer = at_desk(context, lambda desk: compare_rules(desk, old, new, orders, last))
    show(answer, is_json, comparison_text)
    context.exit(EXIT_DIFFERENCE if answer["different"] else 0)


@main.command()
@as_json
@click.pass_context
def doctor(context: click.Context, is_json: bool) -> None:
    """Check settings, database, both logins, scopes, store and warehouse ids and webhooks. Exit code 1 on a fault."""
    from syncd.operate.doctor import checks_text, run_checks

    settings = settings_of(context)
    checks = asyncio.run(run_checks(settings))
    show(checks, is_json, checks_text)
    context.exit(EXIT_DIFFERENCE if any(check["result"] == "fault" for check in checks) else 0)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=9001, show_default=True, help="0 takes any free port.")
@click.option(
    "--orders",
    "bodies",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="REST-shaped order bodies to sell.",
)
@click.option("--sell", default=0, help="Make up so many orders by seed.")
@click.option("--seed", default=1, show_default=True)
@click.option(
    "--write-config", type=click.Path(path_type=Path), help="Write settings with which `syncd run` meets this sandbox."
)
@click.option("--public-url", default="", help="Where the daemon's port will be, for the settings written.")
@click.option("--time-scale", default=1.0, show_default=True, help="The vendors' rate limits run so many times faster.")
def sandbox(
    host: str,
    port: int,
    bodies: tuple[Path, ...],
    sell: int,
    seed: int,
    write_config: Path | None,
    public_url: str,
    time_scale: float,
) -> None:
    """Run stand-ins for Shopify and ShipStation that behave as the vendors do. Nothing leaves this machine.

    Example: syncd sandbox --write-config sandbox.toml --sell 50, then: syncd --config sandbox.toml run
    """
    from syncd.sandbox.main import Wishes, run_sandbox

    run_sandbox(Wishes(host, port, bodies, sell, seed, write_config, public_url, time_scale))


@main.command()
@click.option("--orders", default=300, show_default=True, help="Orders to sell.")
@click.option("--seed", default=1, show_default=True)
@click.option("--keep", is_flag=True, help="Leave both processes running at the end, until Ctrl-C.")
@click.option("--no-webhooks", is_flag=True, help="Switch webhooks off: everything must arrive by the feeds.")
@click.option("--shuffle", is_flag=True, help="Webhooks doubled, lost and shuffled.")
@click.option("--kills", default=0, help="Kill the daemon (SIGKILL) so many times on the way.")
@click.option(
    "--body",
    "bodies",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="REST-shaped order bodies to sell too.",
)
@click.option("--database", default="", help="PostgreSQL URL of an empty database; default a SQLite file.")
@click.option("--log", type=click.Path(path_type=Path), help="Keep the daemon's log in this file.")
@as_json
def demo(
    orders: int,
    seed: int,
    keep: bool,
    no_webhooks: bool,
    shuffle: bool,
    kills: int,
    bodies: tuple[Path, ...],
    database: str,
    log: Path | None,
    is_json: bool,
) -> None:
    """See the main job done: sandbox and daemon as two processes, orders sold and shipped, and an account at the end."""
    from syncd.demo import DemoWishes, run_demo

    sys.exit(run_demo(DemoWishes(orders, seed, keep, no_webhooks, shuffle, kills, bodies, database, log, is_json)))


@main.command()
@click.option("--seeds", default=20, show_default=True, help="Days to live through, each with a seed of its own.")
@click.option("--orders", default=50, show_default=True, help="Orders in each of them.")
@click.option("--seed", default=1, show_default=True, help="The first seed.")
@click.option("--processes", default=2, show_default=True)
@click.option("--exhaustive", is_flag=True, help="Instead: six short days, with each fault at each call in turn.")
@click.option("--pairs", default=0, show_default=True, help="With --exhaustive: also one in so many pairs of faults.")
@as_json
def simulate(seeds: int, orders: int, seed: int, processes: int, exhaustive: bool, pairs: int, is_json: bool) -> None:
    """Live through days full of faults and crashes in virtual time, and count what was lost or doubled.

    Daemon and vendors run in one process without network or disk. The same seed is the same day, bit for bit.
    Exit code 1 when any day ended with anything lost, doubled, wrong or stuck.

    Example: syncd simulate --seeds 100 --orders 50
    """
    from syncd.simulation.exhaustive import exhaust
    from syncd.simulation.swarm import simulate as live_through

    if exhaustive:
        sys.exit(exhaust(pairs, processes))
    sys.exit(live_through(seed, seeds, orders, processes, is_json))
