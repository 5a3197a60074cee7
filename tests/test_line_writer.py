"""Log lines on their way out: whoever does not read them loses lines, and never stops the work."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator

import pytest
import structlog

from syncd.line_writer import MOST_LINES, LineWriter


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def log(writer: LineWriter, text: str) -> None:
    writer.emit(logging.LogRecord("tests", logging.INFO, "", 0, text, None, None))


def test_lines_arrive_whole_and_in_order(pipe: tuple[int, int]) -> None:
    writer = LineWriter(pipe[1])
    for number in range(100):
        log(writer, f"line {number} \ud800")
    writer.flush()
    assert os.read(pipe[0], 100_000).decode().splitlines() == [f"line {number} \\ud800" for number in range(100)]


def test_nobody_reads_and_the_work_goes_on(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncd.line_writer.LAST_WORDS_S", 0.01)
    writer = LineWriter(pipe[1])
    for _ in range(2 * MOST_LINES + 10_000):
        log(writer, "x" * 100)
    writer.flush()
    with structlog.testing.capture_logs() as told:
        reader = threading.Thread(target=read_until, args=(pipe[0], b"the last line\n"))
        reader.start()
        monkeypatch.setattr("syncd.line_writer.LAST_WORDS_S", 10.0)
        writer.flush()
        log(writer, "the last line")
        reader.join(10)
    assert not reader.is_alive()
    assert [entry["event"] for entry in told] == ["log.dropped"]
    assert told[0]["count"] >= 10_000


def read_until(end: int, last: bytes) -> None:
    text = b""
    while not text.endswith(last):
        text = text[-100:] + os.read(end, 1 << 20)
