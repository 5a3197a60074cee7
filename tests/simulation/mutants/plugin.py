"""A plug-in for pytest: `pytest -p tests.simulation.mutants.plugin --plant NAME` runs tests on that mutant."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from tests.simulation.mutants.planting import planted
from tests.simulation.mutants.table import MUTANTS


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--plant", metavar="NAME", choices=sorted(MUTANTS), help="plant this bug while the tests run")


def pytest_configure(config: pytest.Config) -> None:
    if name := config.getoption("--plant"):
        planting = ExitStack()
        planting.enter_context(planted(MUTANTS[name].changes))
        config.add_cleanup(planting.close)
