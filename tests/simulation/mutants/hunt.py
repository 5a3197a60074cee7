"""Looking for a planted bug with the one test that knows it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PLUGIN = "tests.simulation.mutants.plugin"


def failures(nodes: list[str], plant: str = "") -> list[str]:
    """The first lines of what fails of these tests, in a process of its own. Raises `ValueError` when they could not be run."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", PLUGIN]
    command += ["--plant", plant] if plant else []
    done = subprocess.run([*command, *nodes], cwd=ROOT, capture_output=True, text=True, env=os.environ, check=False)
    if done.returncode not in {0, 1}:
        raise ValueError(f"pytest ended with {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return [line.removeprefix("FAILED ") for line in done.stdout.splitlines() if line.startswith("FAILED ")]
