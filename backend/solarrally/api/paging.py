"""Pages of a list: one item more than asked for tells whether there is a next one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from fastapi import Request, Response

_Item = TypeVar("_Item")


def split_page(items: Sequence[_Item], limit: int) -> tuple[Sequence[_Item], _Item | None]:
    """The page, and its last item when more items follow it."""
    page = items[:limit]
    return page, (page[-1] if len(items) > limit else None)


def link_next(request: Request, response: Response, cursor: str) -> None:
    """Set the `Link` header to the next page, relative to the host, with the same filters."""
    url = request.url.include_query_params(cursor=cursor)
    response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
