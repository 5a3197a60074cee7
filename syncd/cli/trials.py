"""Commands that need neither vendor: the sandbox, the demo, and days full of faults."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from syncd.cli.terminal import as_json


@click.command()
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


@click.command()
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


@click.command()
@click.option("--seeds", default=20, show_default=True, help="Days to live through, each with a seed of its own.")
@click.option("--orders", default=50, show_default=True, help="Orders in each of them.")
@click.option("--seed", default=1, show_default=True, help="The first seed.")
@click.option(
    "--deeds",
    default=1,
    show_default=True,
    help="So many times the usual deeds of people; above 1 they come one after the other on the same order.",
)
@click.option("--processes", default=2, show_default=True)
@click.option("--exhaustive", is_flag=True, help="Instead: seven short days, with each fault at each call in turn.")
@click.option("--pairs", default=0, show_default=True, help="With --exhaustive: also one in so many pairs of faults.")
@as_json
def simulate(
    seeds: int, orders: int, seed: int, deeds: int, processes: int, exhaustive: bool, pairs: int, is_json: bool
) -> None:
    """Live through days full of faults and crashes in virtual time, and count what was lost or doubled.

    Daemon and vendors run in one process without network or disk. The same seed is the same day, bit for bit.
    Exit code 1 when any day ended with anything lost, doubled, wrong or stuck.

    Example: syncd simulate --seeds 100 --orders 50
    """
    from syncd.simulation.exhaustive import exhaust
    from syncd.simulation.swarm import simulate as live_through

    if exhaustive:
        sys.exit(exhaust(pairs, processes))
    sys.exit(live_through(seed, seeds, orders, processes, is_json, deeds))
