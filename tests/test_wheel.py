"""What we publish contains its migrations: a wheel is built, unpacked, and creates a database far from the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
CREATE = """
import sys, syncd, mappings
from syncd.store.migrations import Schema, check_schema, migrate
assert syncd.__file__.startswith(sys.argv[1]) and mappings.__file__.startswith(sys.argv[1])
migrate(sys.argv[2])
assert check_schema(sys.argv[2]) is Schema.AT_HEAD
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as an installer would lay it out, beside the environment that has the dependencies."""
    uv = os.environ.get("UV") or shutil.which("uv") or str(CHECKOUT / ".tools" / "bin" / "uv")
    built = tmp_path_factory.mktemp("wheel")
    subprocess.run([uv, "build", "--wheel", "--quiet", "--out-dir", built, CHECKOUT], check=True)
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(built / "site")
    return built / "site"


def test_the_wheel_holds_code_and_migrations_and_nothing_else(unpacked: Path) -> None:
    names = {path.name.partition("-")[0] for path in unpacked.iterdir()}
    assert names == {"syncd", "mappings"}
    migrations = {path.name for path in (CHECKOUT / "alembic" / "versions").glob("*.py")}
    assert migrations <= {path.name for path in (unpacked / "syncd" / "_alembic" / "versions").iterdir()}


def test_an_empty_database_is_migrated_from_the_wheel(unpacked: Path, tmp_path: Path) -> None:
    arguments = [str(unpacked), f"sqlite:///{tmp_path / 'syncd.db'}"]
    environment = {**os.environ, "PYTHONPATH": str(unpacked), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", CREATE, *arguments], cwd=tmp_path, env=environment, check=True)
