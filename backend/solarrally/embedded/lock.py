"""A lock file that one live process holds; the kernel lets go of it when that process dies, however it
dies.
"""

import fcntl
import os
from pathlib import Path
from typing import Self

from solarrally.embedded.errors import AlreadyRunning


class LockFile:
    """An exclusive lock with a note of its owner inside. Not re-entrant; never deleted, so that no two can
    differ.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def acquire(self, note: str) -> None:
        """Take the lock and leave a note (pid, address). Raises AlreadyRunning with the owner's note as its
        text.
        """
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = self.path.read_text().strip()
            os.close(descriptor)
            raise AlreadyRunning(owner or "another process") from None
        self._descriptor = descriptor
        self.write_note(note)

    def write_note(self, note: str) -> None:
        """Replace the note; only while holding the lock."""
        if self._descriptor is None:
            raise RuntimeError("the lock is not held")
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, note.encode(), 0)

    def release(self) -> None:
        """Let go. Harmless when the lock is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.acquire(f"process {os.getpid()}")
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.release()
