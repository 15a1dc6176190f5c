"""The operators' dashboard: its built files, and its one page for every address that is a view of it."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

import anyio.to_thread
from starlette.datastructures import Headers, URLPath
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Receive, Scope, Send

from solarrally.api.encodings import chosen_encoding

PAGE: Final = "index.html"
ASSETS: Final = "assets/"
"""Below it files have names of their content; a new version has others."""
FOREVER: Final = "public, max-age=31536000, immutable"
ASK_FIRST: Final = "no-cache"
"""Kept, and asked for every time: a new version is seen at once, and costs a 304 otherwise."""
NOT_THE_DASHBOARDS: Final = ("/api", "/healthz", "/readyz", "/metrics")
SIBLINGS: Final = {"br": ".br", "gzip": ".gz"}
"""What the build writes beside a file, best first."""
MEDIA_TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/vnd.microsoft.icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
"""Written down: the table of the machine may say something else, and browsers must not guess."""
HOW_TO_BUILD: Final = "The dashboard is not built here. Build it with: ./run dashboard build"
_NOT_BUILT_PAGE: Final = f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>SolarRally</title>
<h1>SolarRally</h1><p>{HOW_TO_BUILD}</p><p>The API is at <a href="/api/v1/docs">/api/v1/docs</a>.</p></html>
"""


class DashboardRoute(BaseRoute):
    """The last route: GET and HEAD of whatever is not the API's. It is no part of OpenAPI."""

    def __init__(self, directory: Path) -> None:
        self._files = DashboardFiles(directory)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        is_ours = (
            scope["type"] == "http"
            and scope["method"] in ("GET", "HEAD")
            and not any(f"{scope['path']}/".startswith(f"{path}/") for path in NOT_THE_DASHBOARDS)
        )
        return (Match.FULL if is_ours else Match.NONE), {}

    def url_path_for(self, name: str, /, **path_params: object) -> URLPath:
        raise NoMatchFound(name, dict(path_params))

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._response(scope)
        await response(scope, receive, send)

    async def _response(self, scope: Scope) -> Response:
        path = scope["path"].removeprefix("/")
        request_headers = Headers(scope=scope)
        is_asset = path.startswith(ASSETS)
        response = await self._files.response(
            path or PAGE, request_headers, cache_control=FOREVER if is_asset else ASK_FIRST
        )
        if response is not None:
            return response
        is_navigation = "text/html" in request_headers.get("accept", "")
        if is_asset or not (is_navigation or path == ""):
            raise HTTPException(HTTPStatus.NOT_FOUND)
        page = await self._files.response(PAGE, request_headers, cache_control=ASK_FIRST)
        return page or _not_built(is_navigation=is_navigation)


@dataclass(slots=True, frozen=True)
class _Found:
    """A file, or its compressed sibling."""

    path: str
    stat: os.stat_result
    encoding: str | None


class DashboardFiles(StaticFiles):
    """The files of a folder, which may come and go. What is not below it is not there."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory=directory, check_dir=False)

    async def response(self, path: str, headers: Headers, *, cache_control: str) -> Response | None:
        """The file, compressed where it lies so and the client accepts it; None when there is none."""
        found = await anyio.to_thread.run_sync(self._find, path, headers.get("accept-encoding"))
        if found is None:
            return None
        response = FileResponse(
            found.path,
            stat_result=found.stat,
            media_type=MEDIA_TYPES.get(os.path.splitext(path)[1], "application/octet-stream"),
            headers={"Cache-Control": cache_control, "Vary": "Accept-Encoding"},
        )
        if found.encoding is not None:
            response.headers["Content-Encoding"] = found.encoding
        if self.is_not_modified(response.headers, headers):
            return NotModifiedResponse(response.headers)
        return response

    def _find(self, path: str, accept_encoding: str | None) -> _Found | None:
        plain = self._regular(path)
        if plain is None:
            return None
        siblings = {name: self._regular(path + suffix) for name, suffix in SIBLINGS.items()}
        encoding = chosen_encoding(accept_encoding, [name for name, found in siblings.items() if found])
        if encoding is not None and (sibling := siblings[encoding]) is not None:
            return _Found(*sibling, encoding)
        return _Found(*plain, None)

    def _regular(self, path: str) -> tuple[str, os.stat_result] | None:
        if ".." in path.split("/"):  # it would leave `assets/` under a name that is kept for ever
            return None
        try:
            full_path, found = self.lookup_path(path)
        except ValueError:  # NUL
            return None
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                return None
            raise
        if found is None or not stat.S_ISREG(found.st_mode):
            return None
        return full_path, found


def _not_built(*, is_navigation: bool) -> Response:
    """404 that says how to build it: a page for people, else a problem document."""
    if is_navigation:
        return HTMLResponse(
            _NOT_BUILT_PAGE, status_code=HTTPStatus.NOT_FOUND, headers={"Cache-Control": "no-store"}
        )
    raise HTTPException(HTTPStatus.NOT_FOUND, HOW_TO_BUILD)
