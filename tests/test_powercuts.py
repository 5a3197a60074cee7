"""Power cuts at random moments of a real life of the daemon. `python -m bench.powercuts` makes thousands."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench.powercuts import CONTROL, DURABLE, NO_STRACE, cut_often, record

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason=NO_STRACE)


def test_no_power_cut_loses_an_acknowledged_webhook(tmp_path: Path) -> None:
    """Nor the folder with the database in it, which the daemon had to make."""
    found = cut_often(record(tmp_path, DURABLE, webhooks=40), 100, seed=1, folder=tmp_path / "replayed")
    assert (found.lossy, found.unreadable, found.acknowledged) == (0, 0, 40), found.examples[:5]


def test_the_replay_would_see_a_database_that_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    found = cut_often(record(tmp_path, CONTROL, webhooks=40), 30, seed=1, folder=tmp_path / "replayed")
    assert found.lossy > 0
