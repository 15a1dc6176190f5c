"""Whether the password that `up` made for the first admin still holds."""

from __future__ import annotations

import asyncpg

TIMEOUT_S = 5.0


async def first_password_holds(dsn: str) -> bool:
    """False when the admin has another one by now, may not log in, or is gone."""
    connection = await asyncpg.connect(dsn, timeout=TIMEOUT_S)
    try:
        holds = await connection.fetchval(
            "SELECT is_active AND password_changed_at = created_at FROM app_user WHERE username = 'admin'",
            timeout=TIMEOUT_S,
        )
    finally:
        await connection.close(timeout=TIMEOUT_S)
    return bool(holds)
