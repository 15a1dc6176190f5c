"""Logging in, and the brake on guessing."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from solarrally.api.throttle import FORGET_AFTER_S, MAX_KEYS, MAX_WAIT_S, Throttle
from solarrally.storage.passwords import Passwords, TooManyLogins
from tests.api.world import PASSWORD, World

LOGIN = "/api/v1/auth/login"


async def test_the_right_password_gives_a_token_that_works(client: httpx.AsyncClient, world: World) -> None:
    answer = await client.post(
        LOGIN, data={"username": "Operator", "password": PASSWORD, "grant_type": "password"}
    )

    assert answer.status_code == 200
    body = answer.json()
    assert (body["token_type"], body["expires_in_s"]) == ("bearer", 900)
    me = await client.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {body['access_token']}"})
    assert me.json()["user"]["username"] == "operator"
    assert "session:read" in me.json()["permissions"]


@pytest.mark.parametrize(
    ("username", "password"), [("operator", "wrong"), ("nobody", PASSWORD), ("guest", "")]
)
async def test_wrong_logins_do_not_tell_what_was_wrong(
    client: httpx.AsyncClient, world: World, username: str, password: str
) -> None:
    await world.connection.execute("UPDATE app_user SET is_active = false WHERE username = 'guest'")
    answer = await client.post(LOGIN, data={"username": username, "password": password or PASSWORD})

    assert answer.status_code == 401
    assert answer.json()["detail"] == "Username or password is wrong."


async def test_an_account_with_an_unusable_hash_is_locked(client: httpx.AsyncClient, world: World) -> None:
    await world.connection.execute("UPDATE app_user SET password_hash = '!' WHERE username = 'admin'")

    assert (await client.post(LOGIN, data={"username": "admin", "password": PASSWORD})).status_code == 401


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"username": "admin"}, "password"),
        ({"password": PASSWORD}, "username"),
        ({"username": "admin", "password": ""}, "password"),
        ({"username": "admin", "password": "x" * 129}, "password"),
        ({"username": "a\0b", "password": PASSWORD}, "username"),
        ({"username": "x" * 256, "password": PASSWORD}, "username"),
        ({"username": "admin", "password": PASSWORD, "role": "admin"}, "role"),
        ({"username": "admin", "password": PASSWORD, "grant_type": "client_credentials"}, "grant_type"),
    ],
)
async def test_a_bad_form_is_refused_by_its_field(
    client: httpx.AsyncClient, world: World, form: dict[str, str], field: str
) -> None:
    answer = await client.post(LOGIN, data=form)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert "x" * 100 not in answer.text


async def test_guessing_is_slowed_down_per_account_and_says_for_how_long(
    client: httpx.AsyncClient, world: World
) -> None:
    wrong = {"username": "operator", "password": "wrong"}
    statuses = [(await client.post(LOGIN, data=wrong)).status_code for _ in range(7)]
    right = await client.post(LOGIN, data={"username": "operator", "password": PASSWORD})

    assert statuses == [401] * 5 + [429] * 2
    assert right.status_code == 429
    assert 1 <= int(right.headers["Retry-After"]) <= 60
    other = await client.post(LOGIN, data={"username": "admin", "password": PASSWORD})
    assert other.status_code == 200


async def test_guessing_in_parallel_is_no_way_around(client: httpx.AsyncClient, world: World) -> None:
    wrong = {"username": "operator", "password": "wrong"}
    answers = await asyncio.gather(*(client.post(LOGIN, data=wrong) for _ in range(20)))

    assert sorted(answer.status_code for answer in answers) == [401] * 5 + [429] * 15


def test_each_failure_beyond_the_free_ones_doubles_the_wait_up_to_a_limit() -> None:
    throttle, now_s, waits = Throttle(2), 100.0, []
    for _ in range(10):
        throttle.attempt("key", now_s)
        waits.append(throttle.wait_s("key", now_s))
        now_s += waits[-1]

    assert waits == [0, 1, 2, 4, 8, 16, 32, MAX_WAIT_S, MAX_WAIT_S, MAX_WAIT_S]


def test_a_success_takes_its_attempt_back() -> None:
    throttle = Throttle(2)
    for _ in range(50):
        throttle.attempt("address", 0.0)
        throttle.succeeded("address")

    assert throttle.wait_s("address", 0.0) == 0


def test_failures_are_forgotten_after_a_while() -> None:
    throttle = Throttle(1)
    throttle.attempt("key", 0.0)
    assert throttle.wait_s("key", 0.0) > 0
    throttle.attempt("key", FORGET_AFTER_S + 1)

    assert throttle.wait_s("key", FORGET_AFTER_S + 1) == 1.0


def test_the_memory_of_the_throttle_is_bounded() -> None:
    throttle = Throttle(1)
    for number in range(MAX_KEYS + 10):
        throttle.attempt(number, 0.0)

    assert len(throttle._tallies) == MAX_KEYS
    assert throttle.wait_s(0, 0.0) == 0
    assert throttle.wait_s(MAX_KEYS + 9, 0.0) > 0


class SlowHasher:
    """Stands in for argon2 and counts how many work at once."""

    def __init__(self) -> None:
        self.running = self.most_running = 0
        self.go_on = asyncio.Event()
        self.loop = asyncio.get_running_loop()

    def verify(self, _password: str, _password_hash: str) -> bool:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        asyncio.run_coroutine_threadsafe(self.go_on.wait(), self.loop).result()
        self.running -= 1
        return True

    def hash(self, _password: str) -> str:
        return "hash"


class CountingHasher:
    """Counts what argon2 would be asked to do."""

    def __init__(self) -> None:
        self.verified: list[str] = []

    def verify(self, _password: str, password_hash: str) -> bool:
        self.verified.append(password_hash)
        return True

    def hash(self, _password: str) -> str:
        return "dummy"


async def test_an_unknown_user_costs_as_much_work_as_a_known_one() -> None:
    hasher = CountingHasher()
    passwords = Passwords(hasher)  # type: ignore[arg-type]

    assert await passwords.is_right("p", "known") is True
    assert await passwords.is_right("p", None) is False
    assert hasher.verified == ["known", "dummy"]


async def test_two_passwords_are_checked_at_a_time_and_no_endless_queue_waits() -> None:
    hasher = SlowHasher()
    passwords = Passwords(hasher)  # type: ignore[arg-type]
    checks = [asyncio.create_task(passwords.is_right("p", "h")) for _ in range(40)]
    await asyncio.sleep(0.05)
    refused = [check for check in checks if check.done()]
    hasher.go_on.set()
    results = await asyncio.gather(*checks, return_exceptions=True)

    assert len(refused) == 8
    assert [type(result) for result in results].count(TooManyLogins) == 8
    assert hasher.most_running == 2
