"""Who may open the live WebSocket."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from solarrally.api.live_limits import LiveLimits
from solarrally.api.origins import is_origin_allowed
from solarrally.api.tokens import AccessTokens
from solarrally.live_client import LiveRefused
from solarrally.storage.edits.live_tickets import TicketHolder, create_ticket, redeem_ticket
from solarrally.storage.engine import create_engine
from tests.api.conftest import AppMaker, Serve
from tests.api.watching import new_ticket, watching, watching_by_ticket
from tests.api.world import World, eventually, login_id


async def is_refused(address: str, ticket: str, origin: str | None = None, **options: str) -> bool:
    """Whether the handshake itself is refused."""
    try:
        async with watching_by_ticket(address, ticket, origin, **options):
            return False
    except InvalidStatus as error:
        return error.response.status_code == 403


async def test_a_ticket_opens_it_once(serve: Serve, world: World) -> None:
    address = await serve()
    ticket = await new_ticket(address, world)
    async with watching_by_ticket(address, ticket) as watch:
        assert watch.socket.subprotocol == "solarrally.v1"
        await watch.say(type="subscribe", all=True)
        await watch.hear("snapshot")

    assert await is_refused(address, ticket)
    assert await world.connection.fetchval("SELECT count(*) FROM live_ticket") == 0


async def test_of_many_who_use_a_ticket_at_once_one_gets_in(serve: Serve, world: World) -> None:
    address = await serve()
    ticket = await new_ticket(address, world)
    refusals = await asyncio.gather(*(is_refused(address, ticket) for _ in range(8)))

    assert sorted(refusals) == [False] + [True] * 7


async def test_a_ticket_is_stored_only_as_its_hash(serve: Serve, world: World) -> None:
    ticket = await new_ticket(await serve(), world)
    [stored] = await world.connection.fetch("SELECT ticket_hash, live_ticket::text AS row FROM live_ticket")

    assert len(stored["ticket_hash"]) == 32
    assert ticket not in stored["row"]


async def test_an_expired_ticket_is_refused_and_cleared_away(database_url: str, world: World) -> None:
    engine = create_engine(database_url)
    try:
        now = datetime.now(UTC)
        holder = TicketHolder(world.user_ids["admin"], login_id("admin"))
        ticket, expires_at = await create_ticket(engine, holder, now=now, ttl_s=30)
        assert expires_at == now + timedelta(seconds=30)
        assert await redeem_ticket(engine, ticket, now=expires_at) is None
        old, _ = await create_ticket(engine, holder, now=now, ttl_s=30)
        await create_ticket(engine, holder, now=now + timedelta(seconds=31), ttl_s=30)
        assert await world.connection.fetchval("SELECT count(*) FROM live_ticket") == 1
        assert await redeem_ticket(engine, old, now=now) is None
    finally:
        await engine.dispose()


async def test_without_a_valid_credential_nobody_gets_in(serve: Serve, world: World) -> None:
    address = await serve()
    assert await is_refused(address, "A" * 43)
    assert await is_refused(address, "A" * 200)
    assert await is_refused(address, await new_ticket(address, world), subprotocol="solarrally.v2")
    forged = AccessTokens("another secret, also of 32 characters", 900).issue(
        1, login_id("admin"), datetime.now(UTC)
    )
    for token in ("", "garbage", forged):
        with pytest.raises(LiveRefused, match="403"):
            async with watching(address, token):
                pass


async def test_a_disabled_user_does_not_get_in(serve: Serve, world: World) -> None:
    address = await serve(account_cache_s=0.0)
    ticket = await new_ticket(address, world)
    await world.connection.execute("UPDATE app_user SET is_active = false")

    assert await is_refused(address, ticket)


async def test_a_foreign_origin_is_refused_also_with_a_good_ticket(serve: Serve, world: World) -> None:
    address = await serve(allowed_origins=["https://ops.example"])
    for origin, refused in (
        ("https://evil.example", True),
        (f"http://{address}.evil.example", True),
        ("null", True),
        ("http://127.0.0.1:1", True),
        (f"http://{address}", False),
        ("https://ops.example", False),
        (None, False),
    ):
        assert await is_refused(address, await new_ticket(address, world), origin) is refused, origin


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        ("https://a.example", "a.example", True),
        ("https://a.example", "a.example:443", True),
        ("http://a.example:80", "a.example", True),
        ("https://a.example", "a.example:8443", False),
        ("http://a.example:8000", "a.example:8000", True),
        ("http://[::1]:8000", "[::1]:8000", True),
        ("http://A.Example", "a.example", True),
        ("https://a.example", None, False),
        ("https://a.example", "", False),
        ("ftp://a.example", "a.example", False),
        ("https://a.example@evil.example", "a.example", False),
        ("https://user@a.example", "a.example", False),
        ("https://a.example/path", "a.example", False),
        ("https://a.example:99999", "a.example:99999", False),
        ("", "", False),
        ("null", "null", False),
        ("file://", "", False),
        ("https://xn--", "a.example", False),
    ],
)
def test_our_own_origin(origin: str, host: str | None, allowed: bool) -> None:
    assert is_origin_allowed(origin, host, frozenset()) is allowed


async def test_when_it_is_full_it_says_busy(serve: Serve, world: World) -> None:
    address = await serve(live_limits=LiveLimits(max_watchers=1))
    async with watching(address, world.token("admin"), all=True) as first:
        await first.hear("snapshot")
        async with watching(address, world.token("admin")) as second:
            code, bye = await second.end()

    assert (code, bye["reason"]) == (1013, "busy")


async def test_one_account_does_not_take_all_the_places(serve: Serve, world: World) -> None:
    address = await serve(live_limits=LiveLimits(max_watchers_per_account=1))
    async with (
        watching(address, world.token("operator"), all=True) as first,
        watching(address, world.token("admin"), all=True) as another,
    ):
        await first.hear("snapshot")
        await another.hear("snapshot")
        async with watching(address, world.token("operator")) as second:
            code, bye = await second.end()
    async with watching(address, world.token("operator"), all=True) as again:
        await again.hear("snapshot")

    assert (code, bye["reason"]) == (1013, "busy")


async def test_many_who_come_at_once_are_never_more_than_allowed(
    make_app: AppMaker, serve: Serve, world: World
) -> None:
    app = make_app(live_limits=LiveLimits(max_watchers=5, max_watchers_per_account=5))
    address = await serve(app)
    ends: list[str] = []

    async def come() -> None:
        async with watching(address, world.token("operator")) as watch:
            with suppress(ConnectionClosed):  # closed already; what it was told can still be read
                await watch.say(type="subscribe", all=True)
            message = await watch.hear()
            ends.append(message.get("reason", message["type"]))
            await eventually(lambda: len(ends) == 40)

    await asyncio.gather(*(come() for _ in range(40)))

    assert (ends.count("snapshot"), ends.count("busy")) == (5, 35)
    await eventually(lambda: app.state.services.sockets.count == 0)
