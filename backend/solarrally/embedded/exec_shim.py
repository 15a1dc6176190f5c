"""Becomes another program, with root's rights dropped and its life tied to its parent's.

Run as a script: `python -I -S exec_shim.py IDENTITY PARENT_PID DEATH_SIGNAL PROGRAM [ARGUMENT...]`.

- IDENTITY `same` keeps the caller's user. `userns:UID:GID` enters a user namespace in which the caller is
  called UID: the program sees an ordinary user (PostgreSQL refuses to run as root), while files still
  belong to the caller, so neither a system user nor looser permissions are needed. `setuid:UID:GID` becomes
  that user for real.
- PARENT_PID and DEATH_SIGNAL: on Linux the kernel sends that signal to the program when its parent dies,
  even by `kill -9`, so that no server is left behind. DEATH_SIGNAL 0 turns this off.

It uses exec, so the program keeps this process's id: it is a direct child of whoever started the shim.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000  # linux/sched.h
PR_SET_PDEATHSIG = 1  # linux/prctl.h
EXIT_CANNOT_START = 126  # as shells say "found, but cannot be executed"


def enter_user_namespace(uid: int, gid: int) -> None:
    """Enter a user namespace in which the present user and group are called uid and gid."""
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), f"unshare(CLONE_NEWUSER): {os.strerror(ctypes.get_errno())}")
    Path("/proc/self/setgroups").write_text("deny")  # the kernel asks for this before a group may be mapped
    Path("/proc/self/uid_map").write_text(f"{uid} {outer_uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {outer_gid} 1")


def become_user(uid: int, gid: int) -> None:
    """Give up root for good; groups first, because an ordinary user may not change them any more."""
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def die_with_parent(parent_pid: int, death_signal: int) -> None:
    """Ask the kernel to send death_signal when the parent dies. Linux only; elsewhere nothing happens."""
    if not death_signal or not sys.platform.startswith("linux"):
        return
    # After the change of user: that clears the request.
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent_pid:
        raise ProcessLookupError(f"the parent {parent_pid} is gone already")


def main(arguments: list[str]) -> None:
    """Take on the identity, tie the life to the parent's, become the program. Returns only by raising."""
    identity, parent_pid, death_signal, *program = arguments
    kind, _, ids = identity.partition(":")
    if kind != "same":
        uid, gid = (int(part) for part in ids.split(":"))
        {"userns": enter_user_namespace, "setuid": become_user}[kind](uid, gid)
    die_with_parent(int(parent_pid), int(death_signal))
    for name in ("SIGPIPE", "SIGXFSZ"):  # Python ignores these, and what is ignored stays ignored across exec
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    os.execvp(program[0], program)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:
        sys.stderr.write(f"cannot start {sys.argv[4]}: {error}\n")
        sys.exit(EXIT_CANNOT_START)
