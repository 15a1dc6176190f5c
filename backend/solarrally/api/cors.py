"""What pages of other origins may do with our answers: those that are allowed by name, with the cookie."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
REQUEST_HEADERS: Final = ("Authorization", "Content-Type", "Content-Encoding", "Idempotency-Key")
EXPOSED_HEADERS: Final = ("Link", "Retry-After", "X-Request-ID", "Content-Disposition")


def cors_rules(origins: Collection[str]) -> dict[str, Any]:
    """The arguments of `CORSMiddleware`. ValueError for a wildcard: any page could use the cookie."""
    if any("*" in origin for origin in origins):
        raise ValueError("origins are allowed by name, never by a wildcard")
    return {
        "allow_origins": list(origins),
        "allow_credentials": True,
        "allow_methods": METHODS,
        "allow_headers": REQUEST_HEADERS,
        "expose_headers": EXPOSED_HEADERS,
    }


def cors_headers(origin: str | None, origins: Collection[str]) -> dict[str, str]:
    """What lets a page of that origin read an answer that the middleware does not see."""
    if origin is None or origin not in origins:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",
        "Vary": "Origin",
    }
