"""Our own OpenAPI as data: what the proofs walk through, so that a new route is in them by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from fastapi import FastAPI

from solarrally.api.app import create_app
from solarrally.api.options import ApiOptions
from solarrally.hub import Hub
from solarrally.storage.engine import create_engine

METHODS: Final = ("get", "post", "put", "patch", "delete")


class NoFeed:
    """A feed that follows nothing."""

    async def run(self) -> None:
        """Nothing to do."""


@dataclass(slots=True, frozen=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    described: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def parameters(self) -> list[dict[str, Any]]:
        """As described, in the path and in the query."""
        return list(self.described.get("parameters", ()))

    def named(self, place: str) -> list[str]:
        """The names of the parameters that stand in `path` or `query`."""
        return [parameter["name"] for parameter in self.parameters if parameter["in"] == place]

    @property
    def is_list(self) -> bool:
        """Whether it gives pages."""
        return self.method == "GET" and {"cursor", "limit", "sort"} <= set(self.named("query"))


@cache
def unstarted_app() -> FastAPI:
    """Our application without a database, to be looked at; nobody starts it."""
    engine = create_engine("postgresql://nobody@127.0.0.1:1/none")
    return create_app(engine=engine, hub=Hub(), feed=NoFeed(), options=ApiOptions(jwt_secret="x" * 32))


@cache
def our_openapi() -> dict[str, Any]:
    """The document that `/api/v1/openapi.json` gives."""
    return unstarted_app().openapi()


def operations() -> list[Operation]:
    """All of them."""
    return list(_operations())


def _operations() -> Iterator[Operation]:
    for path, methods in our_openapi()["paths"].items():
        for method in METHODS:
            if method in methods:
                yield Operation(method.upper(), path, methods[method])


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema itself, where it is a reference to one."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    name = str(reference).removeprefix("#/components/schemas/")
    found: dict[str, Any] = our_openapi()["components"]["schemas"][name]
    return found
