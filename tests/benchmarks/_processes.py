"""CPU time and memory of processes, as the kernel counts them."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def tree_of(pid: int) -> list[int]:
    """The process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields:
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [pid]
    for each in found:
        found.extend(children.get(each, ()))
    return found


def cpu_s(pid: int) -> float:
    """CPU seconds of the whole tree so far, children that have ended included."""
    total = 0
    for each in tree_of(pid):
        fields = _stat(each)
        if fields:
            total += sum(map(int, fields[11:15]))  # utime, stime, and both of children waited for
    return total * _TICK_S


def rss_bytes(pid: int) -> int:
    """The resident memory of that one process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES


def written_bytes(pid: int) -> int:
    """What the process has passed to write() so far, to whatever end."""
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("wchar:")))


class CpuMeter:
    """CPU seconds since it was made: by process, and what everybody else on the machine used."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self._began = {name: cpu_s(pid) for name, pid in self._pids.items()}
        self._busy_s = _machine_busy_s()
        self._started_s = time.monotonic()

    def others_share(self) -> float:
        """Which part of the machine was at work for somebody else: above a few percent nothing here is
        worth more than a guess.
        """
        return self.read()["(others)"] / (time.monotonic() - self._started_s) / (os.cpu_count() or 1)

    def read(self) -> dict[str, float]:
        """Each by its name; `(others)` is the rest of the machine and should be next to nothing."""
        used = {name: cpu_s(pid) - self._began[name] for name, pid in self._pids.items()}
        used["(others)"] = max(0.0, _machine_busy_s() - self._busy_s - sum(used.values()))
        return used


def _stat(pid: int) -> list[str]:
    """The fields behind the command's name, which may hold blanks; none when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()


def _machine_busy_s() -> float:
    """user, nice, system, irq, softirq and steal of all cores."""
    fields = list(map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]))
    return (sum(fields) - fields[3] - fields[4]) * _TICK_S
