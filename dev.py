#!/usr/bin/env python3
"""Start and test syncd from a fresh clone with nothing but git and Python 3.11: `python3 dev.py demo`, `python3 dev.py test`.

Takes uv from the PATH, else installs it into `.tools/` (ignored by git), then the locked dependencies into `.venv/`.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOOLS = HERE / ".tools"
UV_VERSION = "0.13.8"


def run(*command: str, env: dict[str, str] | None = None) -> int:
    return subprocess.run(command, cwd=HERE, env=env, check=False).returncode


def installed_uv() -> str:
    """The uv in `.tools`, installed there first where it is missing: with pip, or with the pip of a new environment."""
    uv = TOOLS / "bin" / "uv"
    if uv.exists():
        return str(uv)
    print(f"installing uv {UV_VERSION} into {TOOLS.name}/ (once)", file=sys.stderr)
    python = sys.executable
    if importlib.util.find_spec("pip") is None:
        if importlib.util.find_spec("ensurepip") is None:
            sys.exit(
                "This Python has neither pip nor venv. Install one of them (Debian: apt install python3-venv) or uv."
            )
        venv.create(TOOLS / "pip", with_pip=True)
        python = str(TOOLS / "pip" / "bin" / "python")
    quiet = ("--quiet", "--disable-pip-version-check", "--no-warn-script-location")
    if run(python, "-m", "pip", "install", *quiet, "--target", str(TOOLS), f"uv=={UV_VERSION}"):
        sys.exit("uv could not be installed: see the lines above.")
    return str(uv)


def main(arguments: list[str]) -> int:
    if sys.version_info < (3, 11):
        sys.exit(f"syncd needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
    if not arguments or arguments[0] in {"-h", "--help"}:
        sys.exit("usage: python3 dev.py test [pytest options] | demo [options] | any other syncd command")
    uv = shutil.which("uv") or installed_uv()
    env = {
        **os.environ,
        "UV_PYTHON": os.environ.get("UV_PYTHON", sys.executable),
        "UV_NO_PROGRESS": "1",
        "UV_COMPILE_BYTECODE": "1",
    }
    if run(uv, "sync", "--frozen", "--quiet", env=env):
        return 1
    tool = ["pytest", "-n", "auto", "--dist", "worksteal"] if arguments[0] == "test" else ["syncd", arguments[0]]
    return run(uv, "run", "--no-sync", *tool, *arguments[1:], env=env)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
