"""The folder that a station's files are written to, marked until its credential is in the database.

The mark is the first file and the last to go. Whoever finds it knows when that attempt began, and so whether
it is the one that the database knows; if not, nothing in the folder is in use.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from solarrally.errors import SolarRallyError
from solarrally.provisioning.handover import CA_FILE
from solarrally.provisioning.private_files import write_private, write_public

MARK: Final = "UNFINISHED"


class FolderRefused(SolarRallyError):
    """The folder holds something that is not ours, or cannot be written."""


class HandoverFolder:
    """Raises `FolderRefused` for whatever cannot be read or written."""

    def __init__(self, path: Path, evse_uid: str) -> None:
        self.path = path
        self._own = {
            *(f"{evse_uid}.{ending}" for ending in ("key", "pem", "password", "json")),
            *("README.txt", CA_FILE, MARK),
        }

    @property
    def begun_at(self) -> datetime | None:
        """When an attempt began that did not come to its end; None when there is none."""
        with self._refusing():
            if not self._mark.exists():
                return None
            return datetime.fromisoformat(self._mark.read_text("utf-8").partition("\n")[0])

    def begin(self, now: datetime) -> None:
        """Make the folder, and remove what an unfinished attempt left in it."""
        with self._refusing():
            half_a_mark = f".{MARK}.unfinished"
            if not self._mark.exists() and any(path.name != half_a_mark for path in self._files()):
                raise FolderRefused(f"{self.path} holds something already: name another with --out")
            write_public(
                self._mark,
                f"{now.isoformat()}\nWhile this file is here nothing says that the others are in use."
                " Repeat the command that made them.\n",
            )
            self._remove(keep=MARK)

    def write_private(self, name: str, text: str) -> None:
        with self._refusing():
            write_private(self.path / name, text)

    def write_public(self, name: str, text: str) -> None:
        with self._refusing():
            write_public(self.path / name, text)

    def finish(self) -> None:
        """What is in it is in use."""
        with self._refusing():
            self._mark.unlink(missing_ok=True)  # who waited for us may have found all done

    def abandon(self) -> None:
        """Remove what was written for a device that does not get it."""
        with self._refusing():
            self._remove()
            if self.path.is_dir() and not any(self.path.iterdir()):
                self.path.rmdir()

    @property
    def _mark(self) -> Path:
        return self.path / MARK

    def _files(self) -> list[Path]:
        return list(self.path.iterdir()) if self.path.exists() else []

    def _remove(self, keep: str | None = None) -> None:
        own = self._own | {f".{name}.unfinished" for name in self._own}
        for path in sorted(self._files(), key=lambda path: path.name == MARK):  # the mark last
            if path.name in own and path.name != keep:
                path.unlink()

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            raise FolderRefused(f"{self.path} cannot be used: {error}") from error
