"""The shipped program, killed while people act. `python -m bench.kills` does it hundreds of times."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

from bench.fleet import Fleet, living
from bench.kills import Wishes, run
from bench.processes import SYNCD, wait_ready
from tests.postgres import Server


def wishes(replicas: int, *harms: str) -> Wishes:
    return Wishes(6, replicas, seed=1, orders=25, harms=harms, harm_share=0.5, time_scale=20.0, keeps_books=False)


def test_one_daemon_killed_stopped_and_starved_loses_nothing(tmp_path: Path) -> None:
    text, is_good = asyncio.run(run(wishes(1, "term", "full", "files", "mute"), tmp_path, None, ""))
    assert is_good, text


def test_replicas_killed_and_put_to_sleep_lose_nothing(tmp_path: Path, postgres: Server) -> None:
    with postgres.fresh() as url:
        text, is_good = asyncio.run(run(wishes(2, "stop", "mute"), tmp_path, postgres, url))
    assert is_good, text


def test_a_second_daemon_on_one_file_is_refused_and_commands_are_not(tmp_path: Path) -> None:
    async def work(fleet: Fleet) -> None:
        (replica,) = fleet.replicas
        replica.start()
        assert replica.process is not None
        await asyncio.to_thread(wait_ready, replica.port, replica.process)
        command = [*SYNCD, "--config", str(fleet.settings), "run"]
        second = await asyncio.to_thread(lambda: subprocess.run(command, capture_output=True, text=True, timeout=60))
        assert second.returncode == 2
        assert "another syncd runs on" in second.stderr
        assert "stop it first" in second.stderr
        assert (await fleet.command("status"))["orders"]

    asyncio.run(living(work, tmp_path, 1, "", seed=1, time_scale=20.0))
