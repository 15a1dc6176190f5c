"""Under which user a server child runs, chosen so that root never has to create users or loosen
permissions.
"""

import os
import pwd
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from solarrally.embedded.errors import EmbeddedError

SHIM = Path(__file__).with_name("exec_shim.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a child is: ourselves, ourselves under another name (user namespace), or somebody else."""

    kind: Literal["same", "userns", "setuid"]
    uid: int
    gid: int

    @property
    def file_uid(self) -> int:
        """The owner, seen from here, of the files the child makes."""
        return self.uid if self.kind == "setuid" else os.geteuid()

    @property
    def file_gid(self) -> int:
        """The group, seen from here, of the files the child makes."""
        return self.gid if self.kind == "setuid" else os.getegid()

    def argv_for(self, argv: list[str], *, death_signal: int = 0) -> list[str]:
        """The command that runs argv as this identity; death_signal 0 lets it outlive us."""
        if self.kind == "same" and not death_signal:
            return argv
        spec = self.kind if self.kind == "same" else f"{self.kind}:{self.uid}:{self.gid}"
        return [sys.executable, "-I", "-S", str(SHIM), spec, str(os.getpid()), str(death_signal), *argv]


def own_identity() -> Identity:
    """The child runs as we do."""
    return Identity(kind="same", uid=os.geteuid(), gid=os.getegid())


def ordinary_user() -> pwd.struct_passwd:
    """An existing user that is not root. initdb insists that its user has an entry in the user database."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    for entry in pwd.getpwall():
        if entry.pw_uid != 0:
            return entry
    raise EmbeddedError(
        "PostgreSQL refuses to run as root and this machine has no other user: start as another user"
    )


def setuid_identity() -> Identity:
    """Root becomes an ordinary user for real; its files then belong to that user."""
    user = ordinary_user()
    return Identity(kind="setuid", uid=user.pw_uid, gid=user.pw_gid)


@cache
def unprivileged_identity() -> Identity:
    """Ourselves if we are not root; else a user namespace where the kernel permits one; else an ordinary
    user.
    """
    if os.geteuid() != 0:
        return own_identity()
    user = ordinary_user()
    candidate = Identity(kind="userns", uid=user.pw_uid, gid=user.pw_gid)
    return candidate if works(candidate) else setuid_identity()


def works(identity: Identity) -> bool:
    """Whether this machine can run a child as identity (containers often forbid user namespaces)."""
    if not sys.platform.startswith("linux"):
        return identity.kind != "userns"
    trial = subprocess.run(
        identity.argv_for(["id", "-u"]), capture_output=True, text=True, check=False, timeout=10
    )
    return trial.returncode == 0 and trial.stdout.strip() == str(identity.uid)
