"""What counts as a database that cannot be reached."""

from __future__ import annotations

import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy.exc import DBAPIError

from solarrally.database_wiring import reaching_database
from solarrally.errors import StoreUnavailable
from solarrally.settings import Settings


class RefusedValue(Exception):
    sqlstate = "22003"


class RefusedLogin(Exception):
    sqlstate = "28P01"


@pytest.fixture
def settings() -> Settings:
    address = SecretStr("postgresql://nobody@127.0.0.1/none")
    return Settings(_env_file=None, database_url=address)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "error", [ConnectionRefusedError("refused"), DBAPIError("SELECT 1", None, RefusedLogin())]
)
def test_a_database_that_lets_nobody_in_is_said_in_one_line(settings: Settings, error: Exception) -> None:
    with pytest.raises(StoreUnavailable, match="no PostgreSQL for us at"), reaching_database(settings):
        raise error


@pytest.mark.parametrize(
    "error",
    [
        BrokenPipeError("nobody reads our output"),
        asyncpg.DataError("value out of int64 range"),
        DBAPIError("SELECT 1", None, RefusedValue()),
    ],
)
def test_a_reader_that_is_gone_and_a_refused_value_are_no_missing_database(
    settings: Settings, error: Exception
) -> None:
    with pytest.raises(type(error)) as raised, reaching_database(settings):
        raise error

    assert raised.value is error
