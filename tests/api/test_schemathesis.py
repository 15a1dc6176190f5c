"""Every operation that our OpenAPI names, with inputs that nobody thought of: what it promises holds.

The API is real and so is its database, a scratch one: what the requests change and delete is nobody's. Random
numbers are seeded, so that a run finds what the run before found.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case, SerializationContext
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.config import (
    CoveragePhaseConfig,
    GenerationConfig,
    PhasesConfig,
    ProjectConfig,
    ProjectsConfig,
    SchemathesisConfig,
)

from solarrally.api.tokens import AccessTokens
from tests.api.openapi import our_openapi
from tests.api.served import Served, served
from tests.api.world import JWT_SECRET, World, login_id, session_id
from tests.conftest import new_database

CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ADMIN_EXAMPLES: Final = 8
DRIVER_EXAMPLES: Final = 3
OUT_OF_REACH_ID: Final = 1_000_003
"""Of those who call: what is generated for the ids of users does not hit them."""

THERE: Final[dict[str, object]] = {
    "evse_uid": "CP-1",
    "session_id": str(session_id("running")),
    "alert_id": 1,
    "site_id": 1,
    "tariff_id": 1,
    "user_id": 5,
    "role_name": "operator",
    "name": "swagger-ui.css",
}
"""Ids in the path that exist."""

STATUSES: Final[defaultdict[str, Counter[int]]] = defaultdict(Counter)
"""Operation -> what it answered."""


@schemathesis.serializer("application/x-ndjson", "text/csv", "application/gzip")
def _as_it_is(_context: SerializationContext, value: Any) -> bytes:
    """Bodies that are no JSON: whatever was generated, as bytes."""
    return value if isinstance(value, bytes) else str(value).encode()


_PROJECT = ProjectConfig(
    generation=GenerationConfig(deterministic=True, database="none"),
    # Each bound and each missing part of every request would take minutes; test_injection has those.
    phases=PhasesConfig(coverage=CoveragePhaseConfig(enabled=False)),
)
schema = schemathesis.openapi.from_dict(
    our_openapi(), config=SchemathesisConfig(projects=ProjectsConfig(default=_PROJECT))
)


@pytest.fixture(scope="module")
def api(postgres: str, migrated_template: str, password_hash: str) -> Iterator[Served]:
    """An API whose database is for nothing else."""
    with (
        new_database(postgres, migrated_template) as dsn,
        served(
            dsn, password_hash, account_cache_s=0.0, caller_rate_limit_hz=1e6, has_public_status=True
        ) as running,
    ):
        yield running


@pytest.fixture
def caller(request: pytest.FixtureRequest, api: Served) -> dict[str, str]:
    """The headers of a user of that name, whatever the requests before did to it."""
    return api.run(_revived(api.world, request.param))


async def _revived(world: World, username: str) -> dict[str, str]:
    connection = world.connection
    user_id = OUT_OF_REACH_ID + len(username)
    await connection.execute(
        "INSERT INTO app_user (id, username, password_hash, role, id_token) OVERRIDING SYSTEM VALUE"
        " SELECT $1, $2, password_hash, $3, $4 FROM app_user ORDER BY id LIMIT 1"
        " ON CONFLICT (id) DO UPDATE SET username = $2, role = $3, id_token = $4, is_active = true",
        user_id,
        f"caller {username}",
        username,
        f"token of {username}",
    )
    await connection.execute("DELETE FROM login_session WHERE id = $1", login_id(username))
    await world.insert(
        "login_session",
        {"id": login_id(username), "user_id": user_id, "expires_at": datetime.now(UTC) + timedelta(days=1)},
    )
    token = AccessTokens(JWT_SECRET, 900).issue(user_id, login_id(username), datetime.now(UTC))
    return {"Authorization": f"Bearer {token}"}


@schema.parametrize()
@settings(max_examples=ADMIN_EXAMPLES, suppress_health_check=list(HealthCheck), deadline=None)
@pytest.mark.parametrize("caller", ["admin"], indirect=True)
def test_an_administrator_gets_what_is_documented(case: Case, caller: dict[str, str], api: Served) -> None:
    _hold_to_its_word(case, caller, api)


@schema.parametrize()
@settings(max_examples=DRIVER_EXAMPLES, suppress_health_check=list(HealthCheck), deadline=None)
@pytest.mark.parametrize("caller", ["user"], indirect=True)
def test_a_driver_gets_what_is_documented(case: Case, caller: dict[str, str], api: Served) -> None:
    _hold_to_its_word(case, caller, api)


def _hold_to_its_word(case: Case, caller: dict[str, str], api: Served) -> None:
    """As generated, and again about what is really there."""
    label = case.operation.label
    response = case.call_and_validate(base_url=api.url, headers=caller, checks=CHECKS)
    STATUSES[label][response.status_code] += 1
    known = {name: THERE[name] for name in case.path_parameters or {} if name in THERE}
    if known:
        case.path_parameters.update(known)
        response = case.call_and_validate(base_url=api.url, headers=caller, checks=CHECKS)
        STATUSES[label][response.status_code] += 1


def test_callers_were_let_in() -> None:
    """Else all of the above would hold of a door that stays shut."""
    called = {label: statuses for label, statuses in STATUSES.items() if statuses.total()}

    assert [label for label, statuses in called.items() if set(statuses) <= {401}] == []
