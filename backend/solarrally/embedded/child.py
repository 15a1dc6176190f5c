"""One child process: started, watched, told to stop, and gone in bounded time."""

import asyncio
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from solarrally.embedded.identity import Identity, own_identity

POLL_INTERVAL_S = 0.01
LOG_TAIL_SIZE_BYTES = 65536


class Child:
    """A direct child process whose output goes to a file.

    It gets a session of its own, so that Ctrl-C in the terminal reaches only us and we choose the order of
    stopping.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        log_path: Path,
        env: Mapping[str, str | None] | None = None,
        identity: Identity | None = None,
        death_signal: int = signal.SIGTERM,
    ) -> None:
        """`env` is laid over our own environment (None removes a variable). `death_signal` is what it gets
        if we die (Linux; 0 = nothing).
        """
        self.name = name
        self.argv = list(argv)
        self.log_path = log_path
        self._env = dict(env or {})
        self._identity = identity or own_identity()
        self._death_signal = death_signal
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int:
        """The process id. Raises RuntimeError before the first start."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process lives. Reaps it if it has just died."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """None while it runs or before it was started; negative = ended by that signal."""
        return None if self._process is None else self._process.poll()

    def spawn(self) -> None:
        """Start the process; returns at once.

        The kernel sends the death signal when the *thread* that spawned ends, so it is asked for from the
        main thread only.
        """
        if self.is_running:
            raise RuntimeError(f"{self.name} is running already")
        is_main_thread = threading.current_thread() is threading.main_thread()
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                self._identity.argv_for(self.argv, death_signal=self._death_signal if is_main_thread else 0),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment_with(self._env),
                start_new_session=True,
            )

    def send_signal(self, number: int) -> None:
        """Send a signal if it still runs."""
        if self._process is not None:
            self._process.send_signal(number)

    def wait(self, timeout_s: float) -> bool:
        """Whether it ended within the time. Blocks."""
        deadline = time.monotonic() + timeout_s
        while self.is_running:
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_INTERVAL_S)
        return True

    async def wait_async(self, timeout_s: float | None = None) -> bool:
        """Whether it ended within the time (None: wait for ever), without blocking the event loop."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while self.is_running:  # Popen has no awaitable; a poll every few ms costs nothing measurable
            if deadline is not None and time.monotonic() >= deadline:
                return False
            await asyncio.sleep(POLL_INTERVAL_S if deadline is not None else 10 * POLL_INTERVAL_S)
        return True

    def stop(self, steps: Sequence[tuple[int, float]]) -> int | None:
        """Send each signal in turn, waiting the given seconds after it, until it is gone; SIGKILL is the
        last resort.

        Returns the exit code, None if it was never started.
        """
        for number, patience_s in [*steps, (signal.SIGKILL, 5.0)]:
            if not self.is_running:
                break
            self.send_signal(number)
            self.wait(patience_s)
        return self.exit_code

    async def stop_async(self, steps: Sequence[tuple[int, float]]) -> int | None:
        """As `stop`, without blocking the event loop."""
        for number, patience_s in [*steps, (signal.SIGKILL, 5.0)]:
            if not self.is_running:
                break
            self.send_signal(number)
            await self.wait_async(patience_s)
        return self.exit_code

    def kill(self) -> None:
        """SIGKILL, and reap it: what a crash looks like."""
        self.stop([])

    def log_tail(self, lines: int = 15) -> str:
        """The last lines it wrote since it was last started; empty if it wrote nothing."""
        if not self.log_path.exists():
            return ""
        with self.log_path.open("rb") as log:
            log.seek(max(self._log_start, self.log_path.stat().st_size - LOG_TAIL_SIZE_BYTES))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])


def environment_with(changes: Mapping[str, str | None]) -> dict[str, str]:
    """Our own environment with the changes applied; None removes a variable."""
    merged = {**os.environ, **changes}
    return {name: value for name, value in merged.items() if value is not None}
