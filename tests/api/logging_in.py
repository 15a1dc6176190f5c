"""Logging in as somebody, for tests."""

from __future__ import annotations

from typing import Any

import httpx

from tests.api.world import PASSWORD

LOGIN = "/api/v1/auth/login"
REFRESH = "/api/v1/auth/refresh"
LOGOUT = "/api/v1/auth/logout"
ME = "/api/v1/auth/me"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def logged_in(
    client: httpx.AsyncClient, username: str = "operator", password: str = PASSWORD, **form: str
) -> dict[str, Any]:
    """What the login answers."""
    answer = await client.post(LOGIN, data={"username": username, "password": password, **form})
    assert answer.status_code == 200, answer.text
    tokens: dict[str, Any] = answer.json()
    return tokens


async def refreshed(client: httpx.AsyncClient, token: str, **headers: str) -> httpx.Response:
    """The answer to a refresh token."""
    return await client.post(REFRESH, json={"refresh_token": token}, headers=headers)


async def me_status(client: httpx.AsyncClient, access_token: str) -> int:
    return (await client.get(ME, headers=bearer(access_token))).status_code
