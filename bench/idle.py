"""What the daemon costs when there is nothing to do: until it is ready, then its memory and its share of a core at rest.

Two stores and a ShipStation account are configured, all in a sandbox process beside it. Byte code is cached, as in the image.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.processes import SYNCD, cpu_s, free_port, port_of, proportional_mb, running, sandbox, wait_ready

READY_S = 1.5
REST_MB = 110.0
REST_AFTER_S = 10.0


@dataclass(frozen=True)
class Rest:
    first_ready_s: float
    """With an empty database, which is created on the way."""
    ready_s: list[float]
    memory_mb: float
    busy: float
    """Share of one core."""


def measure(starts: int, seconds: float) -> Rest:
    with tempfile.TemporaryDirectory(prefix="syncd-idle-") as name, sandbox(Path(name), 1.0) as (_, settings):
        port = free_port()
        more = {
            "SYNCD_SERVER__PORT": str(port),
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": str(Path(name) / "byte-code"),
        }
        command = (*SYNCD, "--config", str(settings), "run")
        ready_s: list[float] = []
        _start(command, more, port)  # compiles
        for file in Path(name).glob("*.db"):
            file.unlink()
        first_s = _start(command, more, port)
        for _ in range(starts):
            ready_s.append(_start(command, more, port))
        with running(command, more=more) as process:
            wait_ready(port, process)
            time.sleep(REST_AFTER_S)
            pids = (process.pid, port_of(process.pid))
            memory, before = sum(map(proportional_mb, pids)), sum(map(cpu_s, pids))
            time.sleep(seconds)
            return Rest(first_s, ready_s, memory, (sum(map(cpu_s, pids)) - before) / seconds)


def _start(command: tuple[str, ...], more: dict[str, str], port: int) -> float:
    began = time.monotonic()
    with running(command, more=more) as process:
        return wait_ready(port, process) - began


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.idle", description=__doc__)
    parser.add_argument("--starts", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=20.0)
    wishes = parser.parse_args()
    rest = measure(wishes.starts, wishes.seconds)
    ready_s = statistics.median(rest.ready_s)
    print(f"idle: daemon with two stores, SQLite; median of {wishes.starts} starts, rest over {wishes.seconds:.0f} s")
    print(
        f"ready    {ready_s:7.2f} s   {ready_s / READY_S:5.2f} of the target {READY_S} s  (from process start to /readyz 200)"
    )
    print(f"first    {rest.first_ready_s:7.2f} s         the same with no database yet: it is created and migrated")
    print(
        f"memory   {rest.memory_mb:7.1f} MB  {rest.memory_mb / REST_MB:5.2f} of the target {REST_MB:.0f} MB  (of both processes, what they share counted once, after {REST_AFTER_S:.0f} s)"
    )
    print(f"busy     {100 * rest.busy:7.2f} %         of one core")


if __name__ == "__main__":
    main()
