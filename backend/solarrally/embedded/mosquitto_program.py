"""Where the Mosquitto program is: the one named, an installed one, or the project's own download."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from solarrally.embedded.errors import BinariesMissing

INSTALLED = (
    Path("/usr/sbin/mosquitto"),
    Path("/usr/local/sbin/mosquitto"),
    Path("/opt/homebrew/sbin/mosquitto"),
)


@dataclass(frozen=True, slots=True)
class MosquittoProgram:
    """A Mosquitto that runs on this machine."""

    path: Path
    version: str


def find_mosquitto(named: Path | None = None) -> MosquittoProgram:
    """The program at `named` (the setting SOLARRALLY_MOSQUITTO), else an installed one, else the download.

    Raises BinariesMissing, with the cure, if none of them runs.
    """
    if named is not None:
        program = runnable(named)
        if program is None:
            raise BinariesMissing(f"{named} (from SOLARRALLY_MOSQUITTO) is not a Mosquitto that runs here")
        return program
    on_path = shutil.which("mosquitto")
    for path in [*([Path(on_path)] if on_path else []), *INSTALLED, download_dir() / "mosquitto"]:
        program = runnable(path)
        if program is not None:
            return program
    raise BinariesMissing(
        "no Mosquitto here: `./run get-mosquitto` fetches one without root on Debian and Ubuntu;"
        " or install the package mosquitto; or set SOLARRALLY_MOSQUITTO to its path"
    )


def runnable(path: Path) -> MosquittoProgram | None:
    """The program at this path; None if there is none or it does not run (a library is missing)."""
    try:
        answer = subprocess.run([path, "-h"], capture_output=True, text=True, check=False, timeout=10)
    except OSError:
        return None
    found = re.search(r"mosquitto version (\S+)", answer.stdout + answer.stderr)
    return MosquittoProgram(path, found.group(1)) if found else None


def download_dir() -> Path:
    """Where `./run get-mosquitto` puts it: the project's own cache."""
    return Path(__file__).parents[3] / ".cache" / "mosquitto"
