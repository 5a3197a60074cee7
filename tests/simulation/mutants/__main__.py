"""The hunt: `python -m tests.simulation.mutants [--only NAME] [--seeds 500] [--json FILE] [--markdown FILE]`.

Each mutant is planted and looked for in seed after seed, or with the test that knows it. Exit code 1 when one gets away.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from tests.simulation.mutants.hunt import Find, hunted
from tests.simulation.mutants.planting import Mutant
from tests.simulation.mutants.table import MUTANTS


def main() -> int:
    asked = _arguments()
    logging.disable()
    mutants = [MUTANTS[name] for name in asked.only or MUTANTS]
    if asked.by_seeds:
        mutants = [replace(one, test="") for one in mutants]
    seeds_of = range(asked.seed, asked.seed + asked.seeds)
    look = partial(_told, seeds_of=seeds_of, orders=asked.orders, days=asked.days or asked.seeds)
    finds: list[Find] = []
    with multiprocessing.Pool(asked.processes, maxtasksperchild=1) as pool:
        for find in pool.imap_unordered(look, mutants):
            finds = sorted([*finds, find], key=lambda one: list(MUTANTS).index(one.name))
            _write(finds, asked.json, asked.markdown)
    lost = [one.name for one in finds if not one.problem]
    worst = max((one.seeds for one in finds if one.problem), default=0)
    print(f"found {len(finds) - len(lost)} of {len(finds)}, at most {worst} seeds for one")
    if lost:
        print(f"not found: {', '.join(lost)}")
    return int(bool(lost))


def _write(finds: Sequence[Find], as_json: Path | None, as_table: Path | None) -> None:
    """After each find: a hunt takes hours, and one that is stopped keeps what it found."""
    if as_json:
        as_json.write_text(json.dumps([asdict(one) for one in finds], indent=1) + "\n")
    if as_table:
        as_table.write_text(markdown(finds))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutants", description=__doc__)
    parser.add_argument("--only", action="append", metavar="NAME", choices=sorted(MUTANTS), help="may be repeated")
    parser.add_argument("--seeds", type=int, default=500, help="of how many to choose for each mutant (default 500)")
    parser.add_argument(
        "--days", type=int, help="how many of those that fit to live at most, the shortest first (default all)"
    )
    parser.add_argument("--seed", type=int, default=1, help="the first of them (default 1)")
    parser.add_argument("--orders", type=int, help="orders in each seed (default as many as each mutant needs)")
    parser.add_argument("--processes", type=int, default=2, help="at the same time (default 2)")
    parser.add_argument("--by-seeds", action="store_true", help="look by seeds for those that a test knows, too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the finds as JSON")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the finds as a table")
    return parser.parse_args()


def _told(mutant: Mutant, seeds_of: range, orders: int | None, days: int) -> Find:
    find = hunted(mutant, seeds_of, orders, days)
    by = find.by or f"not found in {find.seeds} seeds"
    print(f"{find.name:32} {by:12} {find.took_s:7.1f} s  {find.problem[:110]}", flush=True)
    return find


def markdown(finds: Sequence[Find]) -> str:
    rows = [f"| `{one.name}` | {one.breaks} | {_by(one)} |" for one in finds]
    return "\n".join(["| mutant | what is wrong with it | found by |", "|---|---|---|", *rows, ""])


def _by(find: Find) -> str:
    if not find.problem:
        return f"**nobody** in {find.seeds} seeds"
    name = find.by.rpartition("::")[2].partition("[")[0]
    return f"test `{name}`" if not find.seeds else f"{find.seeds} {'seed' if find.seeds == 1 else 'seeds'}"


if __name__ == "__main__":
    sys.exit(main())
