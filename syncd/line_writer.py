"""Where log lines leave the process: a thread writes them, so that a reader who is slow or gone never stops the work."""

from __future__ import annotations

import logging
import os
import threading
from collections import deque

import structlog

MOST_LINES = 10_000
"""What waits in memory. With more the newest are dropped and counted: the log is for people, the truth is in the database."""
LAST_WORDS_S = 2.0


class LineWriter(logging.Handler):
    """Writes to a file descriptor. Dropped lines are told of once the next ones get through."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._lines: deque[str] = deque()
        self._dropped = 0
        self._is_writing = False
        self._changed = threading.Condition()
        threading.Thread(target=self._work, name="log writer", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:
            self.handleError(record)
            return
        with self._changed:
            if len(self._lines) < MOST_LINES:
                self._lines.append(line)
                self._changed.notify_all()
            else:
                self._dropped += 1

    def flush(self) -> None:
        """Waits a little for what is left, at the end of the program too. A reader who takes nothing is not waited for."""
        with self._changed:
            self._changed.wait_for(lambda: not self._lines and not self._is_writing, LAST_WORDS_S)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lines)
                lines = list(self._lines)
                self._lines.clear()
                self._is_writing = True
            is_written = self._write("".join(f"{line}\n" for line in lines))
            with self._changed:
                self._is_writing = False
                self._dropped += 0 if is_written else len(lines)
                lost, self._dropped = (self._dropped, 0) if is_written else (0, self._dropped)
                self._changed.notify_all()
            if lost:
                structlog.get_logger("logs").warning("log.dropped", count=lost)

    def _write(self, text: str) -> bool:
        """Straight to the descriptor: a thread that is stuck in a buffered stream stops the interpreter from ending."""
        left = text.encode("utf-8", "backslashreplace")
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError:  # closed, or its disk is full
            return False
        return True
