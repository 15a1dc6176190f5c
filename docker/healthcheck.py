"""Is the program of this container well? Exit code 0 or 1, with one line that says why.

    python healthcheck.py [ROLE]          serve · ingest · anything else

Asks `/readyz` of the program that runs in this container, on its own loopback. ROLE is what stands after
`solarrally` on the command line of process 1 when it is not given. Programs without a port (`migrate`,
`solarrally-sim`) are well as long as they run, which the container itself tells. Standard library only.
"""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

TIMEOUT_S = 4.0
PORTS = {"serve": ("SOLARRALLY_API_PORT", 8000), "ingest": ("SOLARRALLY_METRICS_PORT", 0)}
"""By role: the variable that names its port, and the port without it; 0 opens none."""


def role_of(command: Sequence[str]) -> str:
    """The word after `solarrally` (`tini -- solarrally serve`: serve); empty without one."""
    for program, verb in pairwise(command):
        if Path(program).name == "solarrally":
            return verb
    return ""


def port_of(role: str, environment: Mapping[str, str]) -> int:
    """Where that role answers; 0: nowhere. ValueError when the variable is no number."""
    if role not in PORTS:
        return 0
    variable, default = PORTS[role]
    return int(environment.get(variable, "") or default)


def complaint(port: int) -> str | None:
    """What is wrong at that port; None when it is ready."""
    address = f"http://127.0.0.1:{port}/readyz"
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        direct.open(address, timeout=TIMEOUT_S).close()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return f"not ready ({refusal.code}): {refusal.read(500).decode(errors='replace')}"
    except OSError as error:
        return f"{address} does not answer: {error}"
    return None


def main(arguments: Sequence[str]) -> int:
    """Look, and say what was found."""
    command = Path("/proc/1/cmdline").read_text(errors="replace").split("\0") if not arguments else []
    role = arguments[0] if arguments else role_of(command)
    port = port_of(role, os.environ)
    wrong = complaint(port) if port else None
    sys.stdout.write(f"{wrong or 'well'}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
