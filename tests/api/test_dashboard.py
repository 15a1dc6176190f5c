"""The dashboard is served from the package: one page for all its views, and files that caches may keep."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from solarrally.api_wiring import DASHBOARD_DIR, api_options
from tests.api.conftest import AppMaker, Serve, running
from tests.api.world import World
from tests.builders import make_settings

INDEX = "<!doctype html><title>the page</title>"
SCRIPT = "console.log('a script');\n" * 100
PACKED = b"brotli, as far as anybody asks here"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PLAIN = {"Accept-Encoding": "identity"}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """What a build leaves, with a secret beside it."""
    folder = tmp_path / "dashboard_files"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(INDEX)
    (folder / "index.html.gz").write_bytes(gzip.compress(INDEX.encode()))
    (folder / "config.json").write_text("{}")
    (folder / "favicon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "assets" / "index-a1b2.js").write_text(SCRIPT)
    (folder / "assets" / "index-a1b2.js.br").write_bytes(PACKED)
    (folder / "assets" / "index-a1b2.js.gz").write_bytes(gzip.compress(SCRIPT.encode()))
    (folder / "assets" / "index-c3d4.css").write_text("p { color: red }")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    return folder


@pytest.fixture
async def page(make_app: AppMaker, world: World, files: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an API that serves the dashboard."""
    async with running(make_app(dashboard_dir=files)) as client:
        yield client


@pytest.mark.parametrize(
    "path", ["/", "/index.html", "/stations/CP-1", "/stations/CP.1/", "/sessions?site=1"]
)
async def test_every_view_is_the_one_page(page: httpx.AsyncClient, path: str) -> None:
    answer = await page.get(path, headers=BROWSER)

    assert answer.status_code == 200
    assert answer.text == INDEX
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"


async def test_the_page_needs_no_browser_at_its_root(page: httpx.AsyncClient) -> None:
    assert (await page.get("/", headers={"Accept": "*/*"})).text == INDEX


async def test_scripts_and_styles_of_a_name_are_kept_for_ever(page: httpx.AsyncClient) -> None:
    script = await page.get("/assets/index-a1b2.js", headers=PLAIN)
    style = await page.get("/assets/index-c3d4.css")

    assert script.text == SCRIPT
    assert script.headers["Content-Type"].startswith("text/javascript")
    assert style.headers["Content-Type"].startswith("text/css")
    for answer in (script, style):
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    ("path", "media_type"), [("/config.json", "application/json"), ("/favicon.svg", "image/svg+xml")]
)
async def test_files_without_such_names_are_asked_for_again(
    page: httpx.AsyncClient, path: str, media_type: str
) -> None:
    answer = await page.get(path, headers=BROWSER)

    assert answer.headers["Content-Type"] == media_type
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("/assets/index-old.js", "*/*"),
        ("/assets/index-old.js", BROWSER["Accept"]),  # an old page must not be given HTML as a script
        ("/assets/", BROWSER["Accept"]),
        ("/assets", "*/*"),
        ("/favicon.ico", "image/avif,image/webp,*/*;q=0.8"),
        ("/stations/CP-1", "application/json"),
        ("/link.txt", "*/*"),
        ("/a%00b", "*/*"),
        ("/" + "x" * 300, "*/*"),
        ("/config.json/x", "*/*"),
    ],
)
async def test_what_is_not_there_is_a_real_404(page: httpx.AsyncClient, path: str, accept: str) -> None:
    answer = await page.get(path, headers={"Accept": accept})

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/api", "/api/v1/nothing", "/healthz/x", "/readyz/", "/metrics"])
async def test_the_paths_of_the_api_are_never_the_page(page: httpx.AsyncClient, path: str) -> None:
    answer = await page.get(path, headers=BROWSER)

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_routes_of_the_api_answer_as_without_a_dashboard(page: httpx.AsyncClient, world: World) -> None:
    answers = [
        await page.get("/healthz", headers=BROWSER),
        await page.post("/healthz"),
        await page.get("/api/v1/auth/login", headers=BROWSER),
        await page.get("/api/v1/evses", headers=world.headers("admin") | BROWSER),
        await page.post("/", headers=BROWSER),
        await page.put("/config.json"),
    ]

    assert [answer.status_code for answer in answers] == [200, 405, 405, 200, 404, 404]


@pytest.mark.parametrize(
    ("accepted", "encoding", "body"),
    [
        ("gzip, deflate, br, zstd", "br", PACKED),
        ("gzip", "gzip", gzip.compress(SCRIPT.encode(), mtime=0)),
        ("identity", None, SCRIPT.encode()),
        ("br;q=0", None, SCRIPT.encode()),
    ],
)
async def test_a_file_is_sent_compressed_to_those_who_can_read_that(
    page: httpx.AsyncClient, accepted: str, encoding: str | None, body: bytes
) -> None:
    headers = {"Accept-Encoding": accepted}
    async with page.stream("GET", "/assets/index-a1b2.js", headers=headers) as answer:
        raw = b"".join([piece async for piece in answer.aiter_raw()])

    assert answer.headers.get("Content-Encoding") == encoding
    assert int(answer.headers["Content-Length"]) == len(raw)
    assert (gzip.decompress(raw) if encoding == "gzip" else raw) == (
        gzip.decompress(body) if encoding == "gzip" else body
    )
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert answer.headers["Content-Type"].startswith("text/javascript")


async def test_an_encoding_that_the_build_did_not_make_is_passed_over(page: httpx.AsyncClient) -> None:
    answer = await page.get("/", headers={"Accept-Encoding": "br, gzip"})

    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.text == INDEX


@pytest.mark.parametrize("path", ["/", "/stations/CP-1", "/assets/index-a1b2.js", "/config.json"])
async def test_who_has_a_file_already_is_told_so(page: httpx.AsyncClient, path: str) -> None:
    first = await page.get(path, headers=BROWSER | PLAIN)
    again = await page.get(path, headers=BROWSER | PLAIN | {"If-None-Match": first.headers["ETag"]})
    other = await page.get(path, headers=BROWSER | PLAIN | {"If-None-Match": '"other"'})

    assert (first.status_code, again.status_code, other.status_code) == (200, 304, 200)
    assert again.content == b""
    for name in ("ETag", "Cache-Control", "Vary", "Content-Security-Policy"):
        assert again.headers[name] == first.headers[name]


async def test_a_new_version_is_seen_at_once(page: httpx.AsyncClient, files: Path) -> None:
    first = await page.get("/", headers=BROWSER | PLAIN)
    (files / "index.html").write_text(INDEX + "<!-- another -->")

    again = await page.get("/", headers=BROWSER | PLAIN | {"If-None-Match": first.headers["ETag"]})

    assert again.status_code == 200
    assert "another" in again.text


async def test_the_page_may_load_nothing_but_what_is_ours(page: httpx.AsyncClient) -> None:
    policy = (await page.get("/", headers=BROWSER)).headers["Content-Security-Policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))

    assert "unsafe" not in policy
    assert directives["default-src"] == directives["script-src"] == directives["style-src"] == "'self'"
    assert directives["connect-src"] == "'self'"
    assert directives["object-src"] == directives["frame-ancestors"] == "'none'"


async def send_raw(address: str, request: str) -> tuple[str, str]:
    """The head and the body of the answer to a request that no client tidied up."""
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(f"{request}\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
        async with asyncio.timeout(10):
            head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    finally:
        writer.close()
        await writer.wait_closed()
    return head, body


async def test_nothing_outside_the_folder_can_be_asked_for(serve: Serve, files: Path) -> None:
    address = await serve(dashboard_dir=files)
    for path in (
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "//../secret.txt",
        f"/{files.parent}/secret.txt",
        f"//{files.parent}/secret.txt",
        "/..%5csecret.txt",
        "/link.txt",
        "/assets/../config.json",  # would be kept for ever
    ):
        head, body = await send_raw(address, f"GET {path} HTTP/1.1")
        assert " 404 " in head.splitlines()[0], path
        assert "secret" not in body


async def test_head_says_the_same_without_the_body(serve: Serve, files: Path) -> None:
    address = await serve(dashboard_dir=files)
    for path in ("/", "/assets/index-a1b2.js"):
        head, body = await send_raw(address, f"HEAD {path} HTTP/1.1")
        get_head, get_body = await send_raw(address, f"GET {path} HTTP/1.1")

        assert " 200 " in head.splitlines()[0]
        assert body == ""
        assert f"content-length: {len(get_body)}" in head.lower()
        assert f"content-length: {len(get_body)}" in get_head.lower()


async def test_a_dashboard_that_is_not_built_says_how_to_build_it(
    make_app: AppMaker, world: World, tmp_path: Path
) -> None:
    folder = tmp_path / "dashboard_files"
    async with running(make_app(dashboard_dir=folder)) as client:
        for_people = await client.get("/sessions", headers=BROWSER)
        for_programs = await client.get("/")
        folder.mkdir()
        (folder / "index.html").write_text(INDEX)
        built = await client.get("/", headers=BROWSER)

    assert for_people.status_code == for_programs.status_code == 404
    assert for_people.headers["Content-Type"].startswith("text/html")
    assert "./run dashboard build" in for_people.text
    assert "./run dashboard build" in for_programs.json()["detail"]
    assert (built.status_code, built.text) == (200, INDEX)


async def test_without_a_dashboard_there_are_only_the_routes_of_the_api(client: httpx.AsyncClient) -> None:
    answer = await client.get("/", headers=BROWSER)

    assert answer.status_code == 404
    assert "dashboard" not in answer.text


async def test_the_dashboard_is_no_part_of_the_apis_description(make_app: AppMaker, files: Path) -> None:
    assert make_app(dashboard_dir=files).openapi() == make_app().openapi()


@pytest.mark.parametrize(("dashboard", "folder"), [(True, DASHBOARD_DIR), (False, None)])
def test_the_setting_switches_it_off(dashboard: bool, folder: Path | None) -> None:
    settings = make_settings(
        database_url="postgresql://d", jwt_secret="6c1f0a94d2be37588a05c9e3f7b1264d", dashboard=dashboard
    )

    assert api_options(settings).dashboard_dir == folder
