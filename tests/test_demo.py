"""The shipped program as the processes that it is: real ports, real files, SIGKILL, on both databases."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import Server

PERSONAL = re.compile(
    r"@|Street|Avenue|\"(?:name|email|phone|address1)\"|shp[a-z]{2}_|sandbox-secret|Basic |Bearer ", re.IGNORECASE
)


def run_demo(log: Path, *options: str) -> dict[str, object]:
    command = [sys.executable, "-m", "syncd", "demo", "--orders", "40", "--json", "--log", str(log), *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    account: dict[str, object] = json.loads(ended.stdout)
    return account


@pytest.fixture(params=["sqlite", "postgres"])
def database_options(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    if request.param == "sqlite":
        yield []
        return
    postgres: Server = request.getfixturevalue("postgres")
    with postgres.fresh() as url:
        yield ["--database", url]


def test_killed_again_and_again_the_daemon_loses_nothing_and_doubles_nothing(
    tmp_path: Path, database_options: list[str]
) -> None:
    account = run_demo(tmp_path / "daemon.log", "--kills", "4", *database_options)
    assert account["is_clean"]
    assert account["refused_429"] == 0
    assert account["packages"] == account["fulfillments"] == account["mails"]
    assert account["packages"]


def test_the_log_is_json_lines_without_personal_data_one_for_each_applied_step(tmp_path: Path) -> None:
    log = tmp_path / "daemon.log"
    account = run_demo(log, "--shuffle")
    lines = log.read_text(encoding="utf-8").splitlines()
    events = Counter(json.loads(line)["event"] for line in lines)
    assert events["fulfillment.created"] + events["fulfillment.adopted"] == account["fulfillments"]
    assert events["order.pushed"] >= int(str(account["shipstation_orders"]))
    assert [line for line in lines if PERSONAL.search(line)] == []
