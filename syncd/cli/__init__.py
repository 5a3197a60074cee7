"""The command line: one small function per command. Whatever is heavy is imported inside the command that needs it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from syncd import __version__
from syncd.cli.account import brake, doctor, keys, parked, status, sweep, verify
from syncd.cli.catalog import catalog
from syncd.cli.init import init
from syncd.cli.lookups import rates, shipstation, track
from syncd.cli.orders import explain, mark, plan, release, resolve, retry
from syncd.cli.outbound import outbound
from syncd.cli.privacy import data_request, redact
from syncd.cli.returns import refunds, returns
from syncd.cli.rules import rules
from syncd.cli.stock import stock
from syncd.cli.terminal import EXIT_USAGE, settings_of
from syncd.cli.trials import demo, sandbox, simulate
from syncd.errors import SyncError

COMMANDS = (
    init,
    *(status, parked, keys, doctor, verify, sweep, brake),
    *(plan, explain, retry, release, resolve, mark),
    *(track, rates, shipstation, stock, catalog, rules),
    *(returns, refunds, outbound),
    *(redact, data_request),
    *(sandbox, demo, simulate),
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="syncd")
@click.option(
    "--config", type=click.Path(path_type=Path), envvar="SYNCD_CONFIG", help="Settings file; default syncd.toml."
)
@click.pass_context
def main(context: click.Context, config: Path | None) -> None:
    """Keeps Shopify shops and a ShipStation account telling the same story.

    Try it: `syncd demo`. Run it: `syncd init`, `syncd doctor`, then `syncd run`. ORDER is `#1001`, an order id, or `store/id`.
    """
    context.obj = config


for command in COMMANDS:
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
    from syncd.settings.reading import database_url
    from syncd.store.engine import migrate_all

    try:
        migrate_all(database_url(context.obj, os.environ))
    except SyncError as error:
        click.echo(f"{error.code}: {error.text}", err=True)
        context.exit(EXIT_USAGE)
    click.echo("The schema is at head.")
