"""Which pages may speak to us with what the browser adds by itself."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def is_origin_allowed(origin: str | None, host: str | None, allowed_origins: frozenset[str]) -> bool:
    """Whether a page of this origin may connect: our own host, or one that is allowed by name.

    No Origin means no browser. The scheme is not compared with ours: a proxy may have ended TLS.
    """
    if origin is None:
        return True
    if origin in allowed_origins:
        return True
    try:
        theirs = urlsplit(origin)
        default_port = _DEFAULT_PORTS[theirs.scheme]
        ours = urlsplit(f"//{host or ''}")
        if not theirs.hostname or theirs.path or theirs.query or theirs.fragment or "@" in theirs.netloc:
            return False
        return (theirs.hostname, theirs.port or default_port) == (ours.hostname, ours.port or default_port)
    except (KeyError, ValueError):  # another scheme ("null" too), or a port that is none
        return False
