"""A Python client that openapi-python-client makes from our OpenAPI, in the hands of somebody who uses it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.api.openapi import operations
from tests.api.served import Served, served
from tests.api.world import ERIC_TOKEN, PASSWORD, T0, bill_id, session_id
from tests.conftest import new_database
from tests.support.client_generator import GeneratedClient, NoGenerator, generate_client, warnings_in

USER: Final = Path(__file__).parents[1] / "support" / "generated_client_user.py"
KNOWN_WARNINGS: Final = (
    # It sends only JSON, forms and bytes; the same file goes as application/octet-stream, which we take too.
    "WARNING parsing POST /api/v1/imports within imports.: Unsupported content type application/x-ndjson",
    "WARNING parsing POST /api/v1/imports within imports.: Unsupported content type text/csv",
)

IMPORT_ALL: Final = """
import importlib, json, pkgutil, solarrally_client
failed = []
for module in pkgutil.walk_packages(solarrally_client.__path__, "solarrally_client."):
    try:
        importlib.import_module(module.name)
    except Exception as error:
        failed.append(f"{module.name}: {error!r}")
print(json.dumps(failed))
"""


@pytest.fixture(scope="module")
def api(postgres: str, migrated_template: str, password_hash: str) -> Iterator[Served]:
    """An API with four sessions, of which two are another driver's, and one bill."""
    with (
        new_database(postgres, migrated_template) as dsn,
        served(dsn, password_hash) as running,
    ):
        for hours, (name, changes) in enumerate([("late", {}), ("later", {"id_token": ERIC_TOKEN})], start=1):
            started_at = T0 + timedelta(hours=hours)
            running.run(running.world.add_session(name, "CP-2", started_at=started_at, **changes))
        running.run(running.world.add_bill("late"))
        yield running


@pytest.fixture(scope="module")
def document(api: Served) -> dict[str, Any]:
    """The OpenAPI that the API gives."""
    headers = api.world.headers("operator")
    answer = httpx.get(f"{api.url}/api/v1/openapi.json", headers=headers, trust_env=False)
    described: dict[str, Any] = answer.raise_for_status().json()
    return described


@pytest.fixture(scope="module")
def generated(document: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> GeneratedClient:
    """The client. Without a generator the tests are skipped, but not where changes are judged."""
    try:
        return generate_client(document, tmp_path_factory.mktemp("client"))
    except NoGenerator as missing:
        if "CI" in os.environ:
            raise
        pytest.skip(str(missing))


def test_the_generator_understands_all_but_what_is_known(generated: GeneratedClient) -> None:
    assert sorted(generated.warnings) == sorted(KNOWN_WARNINGS)


def test_two_shapes_of_one_name_would_be_told() -> None:
    """Else nobody would hear of it: the client comes without what names them."""
    said = (
        "Generating client\nWarning(s) encountered while generating. Client was generated, but …\n\n"
        'Unable to parse schema /components/schemas/B\n\nduplicate models with name "A"\n\n'
        '{\n  "x": 1\n}\n\n\n'
        'WARNING parsing GET /a within b.\n\nCannot parse response\n\n{\n  "$ref": "#/B"\n}\n\n'
        "If you believe this was a mistake or this tool is missing a feature you need, …\n"
    )

    assert list(warnings_in(said)) == [
        'Unable to parse schema /components/schemas/B: duplicate models with name "A"',
        "WARNING parsing GET /a within b.: Cannot parse response",
    ]


def test_every_operation_became_a_function_and_every_shape_a_class(
    generated: GeneratedClient, document: dict[str, Any]
) -> None:
    functions = {path.stem for path in generated.package.glob("api/*/*.py")}
    classes = (generated.package / "models" / "__init__.py").read_text()
    shapes = {name for name, schema in document["components"]["schemas"].items() if "properties" in schema}

    assert {operation.described["operationId"] for operation in operations()} - functions == set()
    assert {name for name in shapes if f'"{name}",' not in classes} == set()


def test_a_generated_client_does_what_its_user_wants(generated: GeneratedClient, api: Served) -> None:
    ids = [str(session_id("of-eric")), str(bill_id("late"))]
    came = generated.run(str(USER), api.url, PASSWORD, *ids)

    late, later, running, of_eric = (
        str(session_id(name)) for name in ("late", "later", "running", "of-eric")
    )
    began_together = sorted([running, of_eric], reverse=True)
    assert came["evses"] == ["CP-1", "CP-2", "CP-3"]
    assert came["pages"] == [[later], [late], *([one] for one in began_together)]
    assert came["of_the_driver"] == [late, running]
    assert came["session"] == {
        "id": of_eric,
        "started_at": T0.isoformat(),
        "status": "COMPLETED",
        "energy_wh": 1500,
        "cost": "35.0000",
        "token": ERIC_TOKEN,
    }
    assert came["import"] == {"status": "queued", "waiting_count": 1, "rejected_count": 0}
    assert came["pdf"] == "%PDF-"
    assert came["absent"] == {
        "type": "urn:solarrally:problem:not-found",
        "title": "Not Found",
        "status": 404,
        "fields": [],
    }
    assert (came["refused"]["status"], came["refused"]["fields"]) == (422, ["cursor"])


def test_every_module_of_a_generated_client_can_be_imported(generated: GeneratedClient) -> None:
    written = {path for path in generated.package.rglob("*.py") if path.name != "__init__.py"}

    assert len(written) > len(operations())
    assert generated.run("-c", IMPORT_ALL) == []
