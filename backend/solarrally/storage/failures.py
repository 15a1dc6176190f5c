"""What an error of the driver means to ingestion: try again later, or this content will never go in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from asyncpg import exceptions

from solarrally.errors import StoreRefused, StoreUnavailable

_CONTENT = (
    exceptions.DataError,
    exceptions.IntegrityConstraintViolationError,
    exceptions.ProgramLimitExceededError,
)


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors into `StoreRefused` (the content is at fault) or `StoreUnavailable` (anything
    else).

    asyncpg may raise InternalClientError when the postmaster dies in mid-protocol: that is a lost connection
    like any other. An error of ours in a statement is tried again too, loudly: no message is to blame for it.
    """
    try:
        yield
    except _CONTENT as error:
        raise StoreRefused(_described(error)) from error
    except (
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
        OSError,
        TimeoutError,
    ) as error:
        raise StoreUnavailable(_described(error)) from error


def _described(error: BaseException) -> str:
    """Kind and first line, without the values: they may be personal."""
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"
