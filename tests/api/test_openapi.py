"""The description of the API is good enough to make a client of it, and to read it."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Final

import pytest

from tests.api.openapi import Operation, operations, our_openapi, resolved

OPEN: Final = {
    "POST /api/v1/auth/login",
    "POST /api/v1/auth/refresh",
    "POST /api/v1/auth/register",
    "POST /api/v1/auth/password-reset",
    "POST /api/v1/auth/password-reset/confirm",
    "POST /api/v1/auth/invitations/accept",
    "GET /api/v1/public/status",
    "GET /api/v1/public/config",
    "GET /healthz",
    "GET /readyz",
}
"""What nobody needs a token for."""
SAYS_ITSELF: Final = {"limit", "cursor", "sort"}
ALL: Final = operations()


def test_every_operation_has_a_name_of_its_own() -> None:
    names = Counter(operation.described["operationId"] for operation in ALL)

    assert {name: count for name, count in names.items() if count > 1} == {}


@pytest.mark.parametrize("operation", ALL, ids=str)
def test_the_name_of_an_operation_is_a_verb_and_mostly_what_it_is_done_to(operation: Operation) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z0-9]+)*", operation.described["operationId"])


@pytest.mark.parametrize("operation", ALL, ids=str)
def test_an_operation_says_what_it_does_and_where_it_belongs(operation: Operation) -> None:
    assert len(operation.described["tags"]) == 1
    assert operation.described["summary"]
    assert operation.described["description"].strip()


@pytest.mark.parametrize("operation", ALL, ids=str)
def test_an_operation_says_who_may_call_it(operation: Operation) -> None:
    assert bool(operation.described.get("security")) == (str(operation) not in OPEN)


@pytest.mark.parametrize("operation", ALL, ids=str)
def test_an_operation_says_how_it_refuses(operation: Operation) -> None:
    answers = operation.described["responses"]
    if operation.described.get("security"):
        assert {"401", "403"} <= set(answers)
    for status, answer in answers.items():
        if status >= "4" and operation.path.startswith("/api/"):
            assert list(answer["content"]) == ["application/problem+json"], status


@pytest.mark.parametrize("operation", ALL, ids=str)
def test_what_an_operation_gives_has_an_example(operation: Operation) -> None:
    for status, answer in operation.described["responses"].items():
        body = answer.get("content", {}).get("application/json")
        if status.startswith("2") and body is not None:
            assert _has_example(body), f"{status} has no example"


@pytest.mark.parametrize("operation", ALL, ids=str)
def test_what_an_operation_takes_has_an_example(operation: Operation) -> None:
    body = operation.described.get("requestBody", {}).get("content", {}).get("application/json")
    if body is not None:
        assert _has_example(body)


@pytest.mark.parametrize("operation", ALL, ids=str)
def test_a_parameter_says_what_it_is(operation: Operation) -> None:
    """By its description, or by a type that leaves no question: a word of a list, bounds, a format."""
    unsaid = []
    for parameter in operation.parameters:
        kinds = _alternatives(parameter["schema"])
        if not parameter.get("description") and not all(_is_telling(kind) for kind in kinds):
            unsaid.append(parameter["name"])

    assert unsaid == []


@pytest.mark.parametrize("operation", [one for one in ALL if one.is_list], ids=str)
def test_a_list_offers_few_ways_to_sort_it(operation: Operation) -> None:
    [sort] = [parameter for parameter in operation.parameters if parameter["name"] == "sort"]

    assert sort["schema"]["default"] in _words(sort["schema"])
    assert "Link" in operation.described["responses"]["200"]["headers"]


def _has_example(body: dict[str, Any]) -> bool:
    if "example" in body or "examples" in body:
        return True
    return any(
        "examples" in kind or "example" in kind or kind.get("type") == "null"
        for kind in map(resolved, _alternatives(body["schema"]))
    )


def _alternatives(schema: dict[str, Any]) -> list[dict[str, Any]]:
    schema = resolved(schema)
    return [resolved(kind) for kind in schema.get("anyOf") or schema.get("oneOf") or [schema]]


def _words(schema: dict[str, Any]) -> list[str]:
    return list(schema.get("enum", ()))


def _is_telling(schema: dict[str, Any]) -> bool:
    telling = {"enum", "const", "format", "maximum", "maxLength", "pattern"}
    return bool(telling & set(schema)) or schema.get("type") in ("null", "boolean")


def test_the_description_names_problem_documents_once() -> None:
    assert "Problem" in our_openapi()["components"]["schemas"]
    assert "HTTPValidationError" not in our_openapi()["components"]["schemas"]


def test_no_two_shapes_have_one_name() -> None:
    """Such get the names of their modules; generators make one class of both, or none."""
    assert [name for name in our_openapi()["components"]["schemas"] if "__" in name] == []
