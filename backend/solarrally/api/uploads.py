"""A large body onto the disk: bounded in size, unpacked and not, and in time."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from tempfile import TemporaryFile
from typing import BinaryIO, Final

from starlette.requests import ClientDisconnect, Request

from solarrally.api.errors import ApiProblem, invalid_field
from solarrally.api.import_rules import ImportRules
from solarrally.storage.edits.imports import LogFile

UNPACKED_AT_ONCE: Final = 262_144
_GZIP: Final = zlib.MAX_WBITS | 16
_CLOSE: Final = {"Connection": "close"}


@contextmanager
def temporary_file() -> Iterator[BinaryIO]:
    """A file that nobody else sees, gone at the end of the block. A full disk is 507."""
    try:
        with TemporaryFile(prefix="solarrally-import-") as file:
            yield file
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise ApiProblem(
            HTTPStatus.INSUFFICIENT_STORAGE, "There is no room for the file here.", headers=_CLOSE
        ) from error


async def receive_file(request: Request, file: BinaryIO, rules: ImportRules, name: str | None) -> LogFile:
    """The body, unpacked, in `file`. Raises `ApiProblem`: 408, 413, 415, 422."""
    packing = request.headers.get("content-encoding", "identity").strip().lower()
    if packing not in ("identity", "gzip"):
        raise ApiProblem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Content-Encoding: gzip or identity.", headers=_CLOSE
        )
    length = request.headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or int(length[:20]) > rules.max_bytes:
        raise _too_large(rules)
    digest = hashlib.sha256()
    size_bytes = 0
    pieces = _in_time(request, rules)
    async for piece in _unpacked(pieces, rules) if packing == "gzip" else pieces:
        size_bytes += len(piece)
        if size_bytes > rules.max_bytes:
            raise _too_large(rules)
        digest.update(piece)
        file.write(piece)
    if not size_bytes:
        raise invalid_field("body", "is empty")
    return LogFile(file=file, size_bytes=size_bytes, sha256=digest.hexdigest(), name=name)


async def _in_time(request: Request, rules: ImportRules) -> AsyncIterator[bytes]:
    """The body as it comes; 408 when it comes too slowly, 413 when there is too much of it."""
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    received_bytes = 0
    stream = aiter(request.stream())
    while True:
        deadline_s = started_s + rules.patience_s + received_bytes / rules.slowest_bytes_per_s
        try:
            async with asyncio.timeout_at(deadline_s):
                piece = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise ApiProblem(
                HTTPStatus.REQUEST_TIMEOUT, "The body came too slowly.", headers=_CLOSE
            ) from error
        except ClientDisconnect as error:
            raise ApiProblem(HTTPStatus.BAD_REQUEST, "The body ended too early.", headers=_CLOSE) from error
        received_bytes += len(piece)
        if received_bytes > rules.max_bytes:
            raise _too_large(rules)
        if piece:
            yield piece


async def _unpacked(pieces: AsyncIterator[bytes], rules: ImportRules) -> AsyncIterator[bytes]:
    """The content of gzip members, one behind the other, never more than a little of it at once."""
    unpacker = zlib.decompressobj(_GZIP)
    async for piece in pieces:
        has_more = True
        while has_more:
            if unpacker.eof:
                unpacker = zlib.decompressobj(_GZIP)
            try:
                content = unpacker.decompress(piece, UNPACKED_AT_ONCE)
            except zlib.error as error:
                raise invalid_field("body", "is not gzip, as Content-Encoding says") from error
            piece = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
            has_more = bool(piece) or (not unpacker.eof and len(content) == UNPACKED_AT_ONCE)
            yield content
            await asyncio.sleep(0)  # a bomb must not keep everybody else waiting
    if not unpacker.eof:
        raise invalid_field("body", "the gzip data end too early")


def _too_large(rules: ImportRules) -> ApiProblem:
    return ApiProblem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"A log may have at most {rules.max_bytes} bytes, unpacked.",
        headers=_CLOSE,
    )
