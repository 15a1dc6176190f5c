"""TCP ports on loopback: which are free, and how to step over those that are not."""

import socket

LOOPBACK = "127.0.0.1"


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do it: a port that only lingers after its connections closed is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def any_free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
    return port


def first_free_port(preferred: int, *, taken: frozenset[int] = frozenset(), tries: int = 50) -> int:
    """The preferred port, else the next free one above it, else any. `taken` are promised to others
    already.
    """
    for port in range(preferred, min(preferred + tries, 65536)):
        if port not in taken and is_free(port):
            return port
    return any_free_port()
