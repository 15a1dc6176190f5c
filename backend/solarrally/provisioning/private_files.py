"""Files that are replaced whole, secrets among them readable by their owner only."""

from __future__ import annotations

import os
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Mode 0600."""
    _replace(path, text, 0o600)


def write_public(path: Path, text: str) -> None:
    """Mode 0644."""
    _replace(path, text, 0o644)


def _replace(path: Path, text: str, mode: int) -> None:
    """A crash leaves either the old text or the new; who reads meanwhile gets one of the two."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, mode)  # whatever the umask says
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
