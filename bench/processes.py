"""The programs under measurement: started as a user starts them, watched through /proc, and always ended."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

SYNCD = (sys.executable, "-m", "syncd")
TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def running(
    command: tuple[str, ...], out: IO[Any] | int = subprocess.DEVNULL, more: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[Any]]:
    """Ends it with SIGTERM, and with SIGKILL when that does not help."""
    process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **(more or {})})
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(url: str, body: Mapping[str, Any] | None = None) -> Any:
    """The JSON of a good answer; a POST when there is a body."""
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data), timeout=600) as answer:
        return json.load(answer)


def wait_ready(port: int, process: subprocess.Popen[Any], longest_s: float = 60.0) -> float:
    """Asks /readyz every 5 ms until it answers 200; the monotonic time of that moment."""
    give_up_at = time.monotonic() + longest_s
    while time.monotonic() < give_up_at and process.poll() is None:
        try:
            ask(f"http://127.0.0.1:{port}/readyz")
            return time.monotonic()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.005)
    raise RuntimeError(f"the daemon did not become ready; exit code {process.poll()}")


@contextmanager
def sandbox(folder: Path, time_scale: float) -> Iterator[tuple[str, Path]]:
    """A sandbox of its own process: its address, and the settings that it wrote for a daemon."""
    settings = folder / "syncd.toml"
    command = (*SYNCD, "sandbox", "--port", "0", "--write-config", str(settings), "--time-scale", str(time_scale))
    with running(command, subprocess.PIPE) as process:
        assert process.stdout is not None
        first = process.stdout.readline().decode()
        found = re.search(r"http://\S+", first)
        if not found:
            raise RuntimeError(f"the sandbox did not start: {first}{process.stdout.read().decode()}")
        while "settings:" not in process.stdout.readline().decode():
            pass
        yield found[0], settings


def memory_mb(pid: int, which: str = "VmRSS") -> float:
    """VmRSS is what is resident now, VmHWM the most that ever was."""
    text = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"{which}:\s+(\d+) kB", text)
    return int(found[1]) / 1000 if found else 0.0


def cpu_s(pid: int) -> float:
    """User and system time so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@dataclass(frozen=True)
class Spent:
    """Seconds, of all threads: on a processor, and ready for one that somebody else had."""

    ran_s: float
    waited_s: float

    def __sub__(self, before: Spent) -> Spent:
        return Spent(self.ran_s - before.ran_s, self.waited_s - before.waited_s)


def spent(pid: int) -> Spent:
    """So far, of the threads that still live."""
    rows = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    return Spent(sum(int(row[0]) for row in rows) / 1e9, sum(int(row[1]) for row in rows) / 1e9)


def children(pid: int) -> set[int]:
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def port_of(pid: int) -> int:
    """The process of a daemon's port."""
    (child,) = children(pid)
    return child


def proportional_mb(pid: int) -> float:
    """Resident now, where what processes share counts for each in part."""
    found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    return int(found[1]) / 1000 if found else 0.0


def other_child(pid: int) -> int:
    """The other one of the two programs that we started."""
    (other,) = children(os.getpid()) - {pid}
    return other
