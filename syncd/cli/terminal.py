"""What the commands have in common: settings, an open desk, and answers as text or JSON."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from syncd.errors import SettingsError, SyncError

if TYPE_CHECKING:
    from syncd.operate.desk import Desk
    from syncd.settings.whole import Settings

EXIT_DIFFERENCE = 1
EXIT_USAGE = 2

as_json = click.option("--json", "is_json", is_flag=True, help="One JSON object instead of text.")


@contextmanager
def tells_problems(context: click.Context) -> Iterator[None]:
    """One sentence for each, and the exit code for a wrong call."""
    try:
        yield
    except SettingsError as error:
        for problem in error.problems:
            click.echo(problem, err=True)
        context.exit(EXIT_USAGE)
    except SyncError as error:
        click.echo(f"{error.code}: {error.text}" if error.text else error.code, err=True)
        context.exit(EXIT_USAGE)


def settings_of(context: click.Context) -> Settings:
    from syncd.settings.reading import read_settings

    with tells_problems(context):
        return read_settings(context.obj, os.environ)


def at_desk(context: click.Context, work: Callable[[Desk], Coroutine[Any, Any, Any]]) -> Any:
    """Runs `work` with the database and the clients of the settings open, and tells failures in one sentence."""
    from syncd.logs import set_up_warnings
    from syncd.operate.desk import open_desk

    set_up_warnings()
    settings = settings_of(context)

    async def run() -> Any:
        async with open_desk(settings) as desk:
            return await work(desk)

    with tells_problems(context):
        return asyncio.run(run())


def show(answer: Any, is_json: bool, text: Callable[[Any], str]) -> None:
    click.echo(json.dumps(answer, default=str, ensure_ascii=False) if is_json else text(answer))
