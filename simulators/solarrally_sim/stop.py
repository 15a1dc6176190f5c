"""SIGINT and SIGTERM turned into an event, and the exit code that belongs to them."""

import asyncio
import contextlib
import signal
from types import TracebackType
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)
ECHO_S = 1.0  # terminals and `timeout` signal the process and its group: the same wish arrives twice


class StopSignals:
    """While entered, the first signal sets `asked`; a later second one cancels the task that entered."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.received: signal.Signals | None = None
        self._received_at = 0.0

    @property
    def exit_code(self) -> int:
        """0, or 128 + the signal's number: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + self.received if self.received else 0

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        for each in SIGNALS:
            with contextlib.suppress(NotImplementedError):  # Windows
                self._loop.add_signal_handler(each, self._receive, each)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in SIGNALS:
            with contextlib.suppress(NotImplementedError):
                self._loop.remove_signal_handler(each)

    def _receive(self, received: signal.Signals) -> None:
        now = self._loop.time()
        if self.received is None:
            self.received, self._received_at = received, now
            self.asked.set()
        elif now - self._received_at > ECHO_S and self._task is not None:
            self._task.cancel()
