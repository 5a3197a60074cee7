"""Planted bugs: for as long as a mutant is planted, a few words of the daemon say something else. Nothing of it is shipped."""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import _lru_cache_wrapper
from importlib import import_module
from types import CodeType, FunctionType
from typing import Any, cast

OURS = ("syncd", "mappings")


@dataclass(frozen=True)
class Edit:
    """In the source of the function `where` the words `old`, which stand there once, become `new`.

    The function keeps its identity and gets other code, so that every module that imported it by name has the mutant too.
    """

    where: Callable[..., Any]
    old: str
    new: str


@dataclass(frozen=True)
class Constant:
    """Every module of ours that has `name` with the value of `module` gets `value` in its place."""

    module: str
    name: str
    value: Any


Change = Edit | Constant


@dataclass(frozen=True)
class Mutant:
    """`breaks` says what is wrong with this daemon. `test` is the node id of the test that finds it; empty for one that the
    seeds of the simulation find, and then `needs` says in which weather it can show at all, `orders` how many its days need
    to have, and `seed` with which of them the hunt begins: one that is known to have found it. 0 where any will do."""

    name: str
    breaks: str
    changes: tuple[Change, ...]
    test: str = ""
    needs: tuple[str, ...] = ()
    orders: int = 12
    seed: int = 0


@contextmanager
def planted(changes: Sequence[Change]) -> Iterator[None]:
    """Raises `ValueError` for a change that does not fit the daemon any more: such a mutant would prove nothing."""
    with ExitStack() as stack:
        for function, edits in _by_function(changes).items():
            stack.enter_context(_other_code(function, _edited(function, edits)))
        for change in changes:
            if isinstance(change, Constant):
                stack.enter_context(_other_value(change))
        yield


def _by_function(changes: Sequence[Change]) -> dict[FunctionType, list[Edit]]:
    found: dict[FunctionType, list[Edit]] = {}
    for change in changes:
        if isinstance(change, Edit):
            found.setdefault(cast(FunctionType, inspect.unwrap(change.where)), []).append(change)
    return found


def _edited(function: FunctionType, edits: Sequence[Edit]) -> CodeType:
    source = textwrap.dedent(inspect.getsource(function))
    for edit in edits:
        if source.count(edit.old) != 1:
            raise ValueError(f"{function.__qualname__} says {source.count(edit.old)} times: {edit.old}")
        source = source.replace(edit.old, edit.new)
    module = compile(f"from __future__ import annotations\n{source}", f"<mutant of {function.__qualname__}>", "exec")
    (code,) = (one for one in module.co_consts if isinstance(one, CodeType) and one.co_name == function.__name__)
    if code.co_freevars != function.__code__.co_freevars:
        raise ValueError(f"{function.__qualname__} would see other variables around it")
    return code


@contextmanager
def _other_code(function: FunctionType, code: CodeType) -> Iterator[None]:
    before = function.__code__
    function.__code__ = code
    _forget_statements()
    try:
        yield
    finally:
        function.__code__ = before
        _forget_statements()


def _forget_statements() -> None:
    """Statements are built once, of others too: a mutant has to be in all that it has part in."""
    for name, module in list(sys.modules.items()):
        if name.startswith("syncd.store."):
            for one in vars(module).values():
                if isinstance(one, _lru_cache_wrapper):
                    one.cache_clear()


@contextmanager
def _other_value(change: Constant) -> Iterator[None]:
    before = getattr(import_module(change.module), change.name)
    holders = [
        module
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in OURS and getattr(module, change.name, None) is before
    ]
    for module in holders:
        setattr(module, change.name, change.value)
    try:
        yield
    finally:
        for module in holders:
            setattr(module, change.name, before)
