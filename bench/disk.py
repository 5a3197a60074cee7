"""A disk that loses its power: what a traced program wrote, and what of it may be left after a cut at any moment.

What was not synced may be there, may be missing, or may be there in part, block by block: a drive promises no order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

CALLS = "openat,mkdir,pwrite64,pwritev,write,writev,sendto,sendmsg,read,recvfrom,recvmsg,fsync,fdatasync,ftruncate,unlink,rename"
SECTOR = 512

_LINE = re.compile(r"(?P<thread>\d+) +(?P<rest>.*)", re.DOTALL)
_RESUMED = re.compile(r"<\.\.\. (?P<call>\w+) resumed>(?P<rest>.*)", re.DOTALL)
_UNFINISHED = " <unfinished ...>"
_CALL = re.compile(r"(?P<call>\w+)\((?P<given>.*)", re.DOTALL)
_FILE = re.compile(r"(?:AT_FDCWD\S*, )?\d*<?(?P<path>[^>,]*)>?")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_WEBHOOK = re.compile(rb"x-shopify-webhook-id: *([\w-]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Write:
    path: str
    offset: int
    data: bytes


@dataclass(frozen=True)
class Cut:
    """The file ends here from now on."""

    path: str
    size: int


@dataclass(frozen=True)
class Made:
    path: str


@dataclass(frozen=True)
class Folder:
    path: str


@dataclass(frozen=True)
class Removed:
    path: str


@dataclass(frozen=True)
class Synced:
    """A file, or a folder with its entries. `upto`: how many events there were when the call was made."""

    path: str
    upto: int


@dataclass(frozen=True)
class Acked:
    webhook_id: str


Event = Write | Cut | Made | Folder | Removed | Synced | Acked


class Tape:
    """Reads the lines of `strace -f -y -xx` and keeps what concerns files under `folder`, and the answers to webhooks."""

    def __init__(self, folder: Path) -> None:
        self.events: list[Event] = []
        self._folder = str(folder)
        self._begun: dict[str, tuple[str, str, int]] = {}
        self._asked: dict[str, list[str]] = {}

    def read(self, lines: Iterable[str]) -> list[Event]:
        for line in lines:
            if found := _LINE.match(line.rstrip("\n")):
                self._take(found["thread"], found["rest"])
        return self.events

    def _take(self, thread: str, rest: str) -> None:
        if resumed := _RESUMED.match(rest):
            call, given, at = self._begun.pop(thread, ("", "", 0))
            if call:
                self._ended(call, given + resumed["rest"], at)
        elif found := _CALL.match(rest):
            call, given = found["call"], found["given"]
            self._entered(call, given)
            if given.endswith(_UNFINISHED):
                self._begun[thread] = (call, given.removesuffix(_UNFINISHED), len(self.events))
            else:
                self._ended(call, given, len(self.events))

    def _entered(self, call: str, given: str) -> None:
        """What takes effect from the moment that it is asked for."""
        path = _path(given)
        if call in ("write", "writev", "sendto", "sendmsg") and "socket:" in path:
            self._answered(path, b"".join(_texts(given)))
        elif path.startswith(self._folder) and call == "pwrite64":
            offset = int(given.removesuffix(_UNFINISHED).partition(") = ")[0].rpartition(", ")[2])
            self.events.append(Write(path, offset, _texts(given)[0]))
        elif path.startswith(self._folder) and call == "ftruncate":
            size = int(given.removesuffix(_UNFINISHED).partition(") = ")[0].rpartition(", ")[2])
            self.events.append(Cut(path, size))
        elif path.startswith(self._folder) and call in ("pwritev", "rename"):
            raise NotImplementedError(f"{call} of {path}: this disk knows nothing of it")

    def _ended(self, call: str, given: str, at: int) -> None:
        """What has taken effect once the call returned."""
        path = _path(given)
        if call in ("read", "recvfrom", "recvmsg") and "socket:" in path:
            found = _WEBHOOK.findall(b"".join(_texts(given)))
            self._asked.setdefault(path, []).extend(one.decode() for one in found)
        elif call in ("fsync", "fdatasync") and given.endswith("= 0") and path.startswith(self._folder):
            self.events.append(Synced(path, at))
        elif call in ("openat", "unlink", "mkdir") and (name := _named(given)).startswith(self._folder):
            if " = -1" in given:
                return
            if call == "unlink":
                self.events.append(Removed(name))
            elif call == "mkdir":
                self.events.append(Folder(name))
            elif "O_CREAT" in given:
                self.events.append(Made(name))

    def _answered(self, connection: str, said: bytes) -> None:
        for status in re.findall(rb"HTTP/1\.1 (\d{3})", said):
            asked = self._asked.get(connection, [])
            if asked and (webhook_id := asked.pop(0)) and status == b"200":
                self.events.append(Acked(webhook_id))


def _path(given: str) -> str:
    """Of the descriptor that the call is about; `-xx` writes paths in hexadecimal too."""
    found = re.match(r"\d+<([^>]*)>", given)
    return (
        bytes.fromhex(found[1].replace("\\x", "")).decode()
        if found and "\\x" in found[1]
        else found[1]
        if found
        else ""
    )


def _named(given: str) -> str:
    texts = _texts(given)
    return texts[0].decode() if texts else ""


def _texts(given: str) -> list[bytes]:
    return [bytes.fromhex(one.replace("\\x", "")) for one in _TEXT.findall(given)]


@dataclass
class _File:
    durable: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, Write | Cut]] = field(default_factory=list)


class Disk:
    """Plays the tape up to a moment. `left` is one of the many things that may be there after a cut at that moment."""

    def __init__(self, events: list[Event]) -> None:
        self._events = events
        self._files: dict[str, _File] = {}
        self._unlisted: set[str] = set()
        """Files and folders that were made, and whose own folder was not synced since."""
        self.acked: set[str] = set()
        self._played = 0

    def play(self, upto: int) -> None:
        while self._played < upto:
            self._happens(self._played, self._events[self._played])
            self._played += 1

    def left(self, rng: Random) -> Iterator[tuple[str, bytes]]:
        """Path and content of every file. The luck is one for the whole disk: all gone, some there, or some torn."""
        luck = rng.choice(("dropped", "partly", "torn"))
        gone = {path for path in sorted(self._unlisted) if rng.random() < 0.5}
        for path, file in self._files.items():
            if gone & {path, *map(str, Path(path).parents)}:
                continue
            content = bytearray(file.durable)
            for _, one in file.pending:
                if luck != "dropped" and rng.random() < 0.5:
                    _apply(content, one, rng if luck == "torn" else None)
            yield path, bytes(content)

    def _happens(self, number: int, event: Event) -> None:
        match event:
            case Acked():
                self.acked.add(event.webhook_id)
            case Folder():
                self._unlisted.add(event.path)
            case Made() if event.path not in self._files:
                self._files[event.path] = _File()
                self._unlisted.add(event.path)
            case Removed():
                self._files.pop(event.path, None)
                self._unlisted.discard(event.path)
            case Write() | Cut():
                self._files.setdefault(event.path, _File()).pending.append((number, event))
            case Synced() if event.path in self._files:
                self._settle(self._files[event.path], event.upto)
            case Synced():
                self._unlisted = {path for path in self._unlisted if str(Path(path).parent) != event.path}

    def _settle(self, file: _File, upto: int) -> None:
        for number, one in file.pending:
            if number < upto:
                _apply(file.durable, one, None)
        file.pending = [(number, one) for number, one in file.pending if number >= upto]


def _apply(content: bytearray, one: Write | Cut, rng: Random | None) -> None:
    """`rng`: only some of its sectors arrived."""
    if isinstance(one, Cut):
        del content[one.size :]
        content.extend(bytes(one.size - len(content)))
        return
    content.extend(bytes(max(0, one.offset + len(one.data) - len(content))))
    for start in range(0, len(one.data), SECTOR) if rng else (0,):
        if rng is None or rng.random() < 0.5:
            part = one.data[start : start + SECTOR] if rng else one.data
            content[one.offset + start : one.offset + start + len(part)] = part
