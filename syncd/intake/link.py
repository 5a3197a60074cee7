"""Between the daemon and the process of its port: calls in both directions over one pair of sockets, a JSON object in each line.

Whoever ends, or is killed, closes its end; the other one learns of it at once.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from syncd.errors import RejectedError, SyncError, TransientError
from syncd.logs import get_logger

log = get_logger("intake")

LONGEST_LINE = 1 << 26
ANSWER_S = 10.0
KINDS: dict[str, type[SyncError]] = {one.__name__: one for one in (RejectedError, TransientError)}

Answer = Callable[[Any], Awaitable[Any]]


class Link:
    """`answers`: what the other side may ask for, by name. Values are what JSON can say."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: Mapping[str, Answer]
    ) -> None:
        self._reader = reader
        self._writer: asyncio.StreamWriter | None = writer
        self._answers = answers
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._answering: set[asyncio.Task[None]] = set()

    @classmethod
    async def opened(cls, pair: socket.socket, answers: Mapping[str, Answer]) -> Link:
        return cls(*await asyncio.open_connection(sock=pair, limit=LONGEST_LINE), answers)

    async def serve(self) -> None:
        """Returns when the other side is gone, or after `close`."""
        try:
            while line := await self._reader.readline():
                self._heard(json.loads(line))
        except (OSError, ValueError):  # killed while it wrote
            pass
        finally:
            self.close()

    async def call(self, name: str, value: Any = None, within_s: float = ANSWER_S) -> Any:
        """Raises what the other side raised, and `TransientError` when it is gone or too busy."""
        self._number = number = self._number + 1
        self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            self._say({"call": name, "number": number, "value": value})
            async with asyncio.timeout(within_s):
                return await self._asked[number]
        except TimeoutError as error:
            raise TransientError("link_busy", "no answer between the daemon and its port in time") from error
        finally:
            del self._asked[number]

    def tell(self, name: str) -> None:
        """Nobody waits for an answer, or minds when nobody is there."""
        if self._writer:
            self._say({"call": name})

    def close(self) -> None:
        if self._writer:
            self._writer.close()
        self._writer = None
        for asked in self._asked.values():
            if not asked.done():
                asked.set_exception(_gone())

    def _say(self, said: Mapping[str, Any]) -> None:
        if self._writer is None:
            raise _gone()
        self._writer.write(_line(said))

    def _heard(self, said: Mapping[str, Any]) -> None:
        if "call" in said:
            task = asyncio.create_task(self._answer(said["call"], said.get("number"), said.get("value")))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
            return
        asked = self._asked.get(said["number"])
        if asked is None or asked.done():  # it waits no longer
            return
        if failed := said.get("failed"):
            kind, code, text = failed
            asked.set_exception(KINDS.get(kind, SyncError)(code, text))
        else:
            asked.set_result(said["value"])

    async def _answer(self, name: str, number: int | None, value: Any) -> None:
        try:
            answer = _line({"number": number, "value": await self._answers[name](value)})
        except SyncError as error:
            answer = _line({"number": number, "failed": [type(error).__name__, error.code, error.text]})
        except Exception:  # who asked must not wait in vain for our mistake
            log.exception("answer.failed", task=name)
            answer = _line({"number": number, "failed": ["SyncError", "our_mistake", "see the log"]})
        if number is not None and self._writer:
            self._writer.write(answer)


def _line(said: Mapping[str, Any]) -> bytes:
    return json.dumps(said).encode() + b"\n"


def _gone() -> TransientError:
    return TransientError("link_gone", "the daemon and its port have lost each other for a moment")
