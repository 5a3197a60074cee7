"""Answers of a conversation: from options first, then from the terminal. Without one, the options that are missing are told at once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

import click

Check = Callable[[str], str]
"""The answer as it is meant; raises `click.UsageError` with a sentence."""


class Choice(NamedTuple):
    """`word` is what an option names and what is written; "" stands for none of the others."""

    word: str
    text: str

    def __str__(self) -> str:
        return f"{self.text} ({self.word})" if self.word else self.text


class Questions:
    def __init__(self) -> None:
        self.has_terminal = sys.stdin.isatty()
        self._missing: list[str] = []

    def text(
        self, option: str, given: str | None, question: str, check: Check = str, default: str | None = None
    ) -> str:
        """Without a default it must be answered."""
        if given is not None:
            return check(given)
        if self.has_terminal:
            asked = click.prompt(question, default=default, value_proc=check, show_default=bool(default))
            return str(asked)
        return self._unasked(option, default)

    def choice(
        self, option: str, given: str | None, question: str, choices: Sequence[Choice], default: str | None = None
    ) -> str:
        """The `word` of one of them."""
        if given is not None:
            return picked(option, given, choices)
        if not self.has_terminal:
            return self._unasked(option, default)
        click.echo(f"\n{question}")
        for number, one in enumerate(choices, 1):
            click.echo(f"  {number}  {one}")
        at = next((number for number, one in enumerate(choices, 1) if one.word == default), None)
        number = click.prompt("Number", type=click.IntRange(1, len(choices)), default=at)
        return choices[number - 1].word

    def secret(self, option: str, question: str, is_needed: bool = True) -> str:
        """Not shown while it is typed."""
        if self.has_terminal:
            asked = click.prompt(question, hide_input=True, default=None if is_needed else "", show_default=False)
            return str(asked).strip()
        return self._unasked(option, None if is_needed else "")

    def complete(self) -> None:
        """Raises `click.UsageError` where something was not answered."""
        if self._missing:
            raise click.UsageError(f"There is no terminal to ask at. Missing: {'; '.join(self._missing)}.")

    def _unasked(self, option: str, default: str | None) -> str:
        if default is None:
            self._missing.append(option)
        return default or ""


def picked(option: str, given: str, choices: Sequence[Choice]) -> str:
    """By id, or by name."""
    for one in choices:
        if given == one.word or given.casefold() == one.text.casefold():
            return one.word
    raise click.UsageError(f"{option}: {given!r} is none of these: {', '.join(map(str, choices))}.")
