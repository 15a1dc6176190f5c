"""The processes that work in one PostgreSQL data directory, found without asking PostgreSQL."""

import os
import signal
import subprocess
import time
from pathlib import Path

import structlog

log: structlog.stdlib.BoundLogger = structlog.get_logger()

POLL_INTERVAL_S = 0.02


def processes_of(cluster_dir: Path) -> set[int]:
    """Ids of the postmaster and its children of this cluster, orphans included, zombies not."""
    if has_proc():
        return {pid for pid in linux_pids() if working_directory_of(pid) == str(cluster_dir)}
    listing = subprocess.run(
        ["ps", "-axwwo", "pid=,command="], capture_output=True, text=True, check=True, timeout=10
    )
    rows = (line.strip().split(maxsplit=1) for line in listing.stdout.splitlines())
    return {int(row[0]) for row in rows if len(row) == 2 and f"-D {cluster_dir} " in f"{row[1]} "}


def has_proc() -> bool:
    """Whether the kernel shows its processes as files, as Linux does."""
    return Path("/proc/self/cwd").exists()


def linux_pids() -> list[int]:
    """All process ids visible here."""
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def working_directory_of(pid: int) -> str | None:
    """Where a Linux process works; None if it is gone, a zombie, or not ours to know."""
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return None


def postmaster_pid(cluster_dir: Path) -> int | None:
    """What postmaster.pid says; None without one. Says nothing about whether that process lives."""
    lines = pid_file_lines(cluster_dir)
    return int(lines[0]) if lines and lines[0].strip().lstrip("-").isdigit() else None


def is_ready(cluster_dir: Path, pid: int) -> bool:
    """Whether the postmaster with this id accepts connections (the eighth line, as pg_ctl reads it)."""
    lines = pid_file_lines(cluster_dir)
    return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"


def pid_file_lines(cluster_dir: Path) -> list[str]:
    """The lines of postmaster.pid; none if there is no such file."""
    try:
        return (cluster_dir / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def clear_leftovers(cluster_dir: Path) -> None:
    """End what a dead parent left running in this cluster, and remove a stale postmaster.pid.

    PostgreSQL alone would refuse to start while the pid in that file belongs to any process (after a reboot
    of a container, to a stranger), or while an old backend still holds the shared memory. Call it only
    while holding the lock of the data directory.
    """
    running = processes_of(cluster_dir)
    orphan_pid = postmaster_pid(cluster_dir)
    if orphan_pid in running:
        log.warning("postgres_orphan_found", pid=orphan_pid, action="stopping it before starting ours")
        end_all({orphan_pid}, signal.SIGINT, patience_s=10)
    for number, patience_s in [(signal.SIGQUIT, 5), (signal.SIGKILL, 5)]:
        end_all(processes_of(cluster_dir), number, patience_s=patience_s)
    (cluster_dir / "postmaster.pid").unlink(missing_ok=True)


def end_all(pids: set[int], number: int, *, patience_s: float) -> None:
    """Signal these processes and wait until none of them lives, or the patience is over."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
    deadline = time.monotonic() + patience_s
    while any(working_directory_of(pid) is not None or still_there(pid) for pid in pids):
        if time.monotonic() >= deadline:
            return
        time.sleep(POLL_INTERVAL_S)


def still_there(pid: int) -> bool:
    """Whether a process with this id exists, on systems without /proc (zombies included)."""
    if has_proc():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
