"""What everybody may see without a login: which stations are free, and nothing else of anybody."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from solarrally.api import public_status
from solarrally.api.account_rules import AccountRules
from solarrally.api.public_status import KEPT_S, PublicStatus
from solarrally.api_wiring import api_options
from solarrally.domain.reading import ConnectorStatus
from solarrally.errors import StoreUnavailable
from solarrally.storage.engine import create_engine
from solarrally.storage.queries import PublicSiteRow, PublicSites
from solarrally.storage.queries import public_status as query
from tests.api.conftest import AppMaker, running
from tests.api.mailbox import Mailbox
from tests.api.world import World
from tests.builders import make_settings

STATUS = "/api/v1/public/status"
CONFIG = "/api/v1/public/config"


@pytest.fixture
async def public(make_app: AppMaker, world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an API that shows its status to everybody."""
    async with running(make_app(has_public_status=True)) as client:
        yield client


async def shown(client: httpx.AsyncClient) -> Any:
    answer = await client.get(STATUS)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_everybody_sees_which_stations_are_free(public: httpx.AsyncClient, world: World) -> None:
    await world.connection.execute(
        "UPDATE evse SET name = 'Left' WHERE evse_uid = 'CP-1';"
        "UPDATE site SET city = 'Negril' WHERE id = 1;"
        "UPDATE connector SET standard = 'IEC_62196_T2', power_type = 'AC_3_PHASE' WHERE evse_id = 1;"
        "UPDATE evse SET is_online = false WHERE evse_uid = 'CP-2'"
    )
    nothing = {"standard": None, "power_type": None}

    picture = await shown(public)

    assert picture["is_complete"] is True
    assert picture["sites"] == [
        {
            "name": "North",
            "city": "Negril",
            "timezone": "America/Jamaica",
            "evses": [
                {
                    "evse_uid": "CP-1",
                    "name": "Left",
                    "is_online": True,
                    "connectors": [
                        {
                            "connector_id": 1,
                            "status": "charging",
                            "standard": "IEC_62196_T2",
                            "power_type": "AC_3_PHASE",
                        }
                    ],
                },
                {
                    "evse_uid": "CP-2",
                    "name": None,
                    "is_online": False,
                    "connectors": [{"connector_id": 1, "status": "unknown", **nothing}],
                },
            ],
        },
        {
            "name": "South",
            "city": None,
            "timezone": "America/Jamaica",
            "evses": [
                {
                    "evse_uid": "CP-3",
                    "name": None,
                    "is_online": True,
                    "connectors": [{"connector_id": 1, "status": "available", **nothing}],
                }
            ],
        },
    ]


async def test_disabled_stations_and_sites_without_others_are_left_out(
    public: httpx.AsyncClient, world: World
) -> None:
    await world.connection.execute("UPDATE evse SET is_enabled = false WHERE evse_uid IN ('CP-1', 'CP-3')")

    sites = (await shown(public))["sites"]

    assert [[evse["evse_uid"] for evse in site["evses"]] for site in sites] == [["CP-2"]]


async def test_a_station_that_was_never_heard_of_has_no_connectors(
    public: httpx.AsyncClient, world: World
) -> None:
    await world.connection.execute("INSERT INTO evse (evse_uid, site_id) VALUES ('CP-0', 1)")

    first = (await shown(public))["sites"][0]["evses"][0]

    assert first == {"evse_uid": "CP-0", "name": None, "is_online": False, "connectors": []}


def test_every_status_of_a_connector_has_a_public_word() -> None:
    assert set(query.WORD_OF_STATUS) == set(ConnectorStatus)


@pytest.mark.parametrize("status", [*ConnectorStatus, None, "a word of tomorrow"])
async def test_a_status_is_told_in_its_public_word(
    public: httpx.AsyncClient, world: World, status: str | None
) -> None:
    await world.connection.execute("UPDATE connector SET status = $1 WHERE evse_id = 1", status)

    [connector] = (await shown(public))["sites"][0]["evses"][0]["connectors"]

    assert connector["status"] == query.WORD_OF_STATUS.get(str(status), "unknown")


async def test_of_too_many_stations_the_last_are_left_out_and_it_is_said(
    public: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "MAX_EVSES", 2)

    picture = await shown(public)

    assert picture["is_complete"] is False
    assert [evse["evse_uid"] for site in picture["sites"] for evse in site["evses"]] == ["CP-1", "CP-2"]


async def test_who_has_it_already_is_told_so(public: httpx.AsyncClient, world: World) -> None:
    first = await public.get(STATUS)
    etag = first.headers["ETag"]
    answers = [
        await public.get(STATUS, headers={"If-None-Match": known})
        for known in (etag, f'"other", {etag}', etag.removeprefix("W/"), "*", '"other"')
    ]

    assert [answer.status_code for answer in answers] == [304, 304, 304, 304, 200]
    assert answers[0].content == b""
    assert answers[0].headers["ETag"] == etag
    assert first.headers["Cache-Control"] == answers[0].headers["Cache-Control"] == "public, max-age=2"


async def test_it_is_compressed_for_those_who_can_read_that(public: httpx.AsyncClient) -> None:
    plain = await public.get(STATUS, headers={"Accept-Encoding": "identity"})
    async with public.stream("GET", STATUS, headers={"Accept-Encoding": "br, gzip"}) as answer:
        raw = b"".join([piece async for piece in answer.aiter_raw()])

    assert "Content-Encoding" not in plain.headers
    assert answer.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(raw))["sites"] == plain.json()["sites"]
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert answer.headers["Content-Type"] == plain.headers["Content-Type"] == "application/json"


async def test_nobody_sees_it_where_it_is_not_wanted(client: httpx.AsyncClient) -> None:
    answer = await client.get(STATUS)

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_an_address_that_asks_too_often_is_slowed_down(
    make_app: AppMaker, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(has_public_status=True)
    async with running(app) as client:
        limit = app.state.services.rate_limits.public
        monkeypatch.setattr(limit, "_clock", Clock())
        while limit.wait_s("127.0.0.1") == 0:
            pass
        answers = [await client.get(path) for path in (STATUS, CONFIG)]

    assert [answer.status_code for answer in answers] == [429, 429]
    assert answers[0].headers["Retry-After"]


@pytest.mark.parametrize("registration", ["closed", "invitation", "open"])
@pytest.mark.parametrize("is_mailed", [True, False])
async def test_a_login_page_learns_what_it_may_offer(
    make_app: AppMaker, world: World, registration: str, is_mailed: bool
) -> None:
    rules = AccountRules(registration=registration)  # type: ignore[arg-type]
    app = make_app(mailer=Mailbox() if is_mailed else None, account_rules=rules, has_public_status=is_mailed)
    async with running(app) as client:
        answer = await client.get(CONFIG)

    assert answer.json() == {
        "version": app.version,
        "registration": registration,
        "can_reset_password": is_mailed,
        "has_public_status": is_mailed,
    }


@pytest.mark.parametrize("is_public", [True, False])
def test_the_setting_switches_it_on(is_public: bool) -> None:
    settings = make_settings(
        database_url="postgresql://d", jwt_secret="6c1f0a94d2be37588a05c9e3f7b1264d", public_status=is_public
    )

    assert api_options(settings).has_public_status is is_public


def test_nobody_sees_it_unless_it_is_set() -> None:
    assert make_settings(database_url="postgresql://d").public_status is False


class CountedQuery:
    """Stands for the query: counts how often it is asked, and answers when it is let."""

    def __init__(self) -> None:
        self.count = 0
        self.answer = asyncio.Event()
        self.fault: Exception | None = None
        self.name = "North"

    async def __call__(self, _engine: AsyncEngine) -> PublicSites:
        self.count += 1
        await self.answer.wait()
        if self.fault is not None:
            raise self.fault
        return PublicSites(
            sites=[PublicSiteRow(name=self.name, city=None, timezone="UTC", evses=[])], is_complete=True
        )


class Clock:
    """A clock that is set by hand."""

    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> CountedQuery:
    made = CountedQuery()
    monkeypatch.setattr(public_status, "public_sites", made)
    return made


@pytest.fixture
async def nowhere() -> AsyncIterator[AsyncEngine]:
    """An engine that nobody uses."""
    engine = create_engine("postgresql://nobody@127.0.0.1:1/none")
    yield engine
    await engine.dispose()


async def test_the_database_is_asked_once_for_all_who_ask_together(
    nowhere: AsyncEngine, counted: CountedQuery
) -> None:
    status = PublicStatus(nowhere)
    asking = [asyncio.create_task(status.picture()) for _ in range(50)]
    await asyncio.sleep(0)
    asking[0].cancel()  # one who leaves takes it from nobody else
    counted.answer.set()
    pictures = await asyncio.gather(*asking[1:])

    assert counted.count == 1
    assert all(picture is pictures[0] for picture in pictures)


async def test_a_picture_is_kept_for_a_moment_and_no_longer(
    nowhere: AsyncEngine, counted: CountedQuery
) -> None:
    counted.answer.set()
    clock = Clock()
    status = PublicStatus(nowhere, clock=clock)
    first = await status.picture()
    clock.now_s += KEPT_S - 0.001
    again = await status.picture()
    clock.now_s += 0.001
    unchanged = await status.picture()
    clock.now_s += KEPT_S
    counted.name = "South"
    changed = await status.picture()

    assert again is first
    assert counted.count == 3
    assert json.loads(unchanged.body)["generated_at"] > json.loads(first.body)["generated_at"]
    assert unchanged.etag == first.etag  # the time alone is no change
    assert changed.etag != first.etag


async def test_a_failure_is_everybodys_and_is_not_kept(nowhere: AsyncEngine, counted: CountedQuery) -> None:
    counted.answer.set()
    counted.fault = StoreUnavailable("gone")
    status = PublicStatus(nowhere)
    failures = await asyncio.gather(*(status.picture() for _ in range(5)), return_exceptions=True)
    counted.fault = None

    assert [type(failure) for failure in failures] == [StoreUnavailable] * 5
    assert counted.count == 1
    assert (await status.picture()).body
