"""The API's own description: OpenAPI as JSON, and the page that shows it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse

from solarrally.api.headers import DOCS_CONTENT_SECURITY_POLICY
from solarrally.api.permissions import Permission
from solarrally.api.schemas.common import Answer, Problem
from solarrally.api.security import requires

OPENAPI_PATH: Final = "/api/v1/openapi.json"
ASSETS_PATH: Final = "/api/v1/docs/assets"
ASSETS: Final = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png")


def docs_router(*, is_open: bool) -> APIRouter:
    """The routes. Unless open, they need a token like everything else, which no browser sends by itself."""
    dependencies = [] if is_open else [requires(Permission.DOCS_READ)]
    router = APIRouter(dependencies=dependencies, include_in_schema=False)

    @router.get("/api/v1/openapi.json")
    async def get_openapi_document(request: Request) -> JSONResponse:
        return JSONResponse(request.app.openapi())

    @router.get("/api/v1/docs")
    async def get_docs_page() -> HTMLResponse:
        page = get_swagger_ui_html(
            openapi_url=OPENAPI_PATH,
            title="SolarRally API",
            swagger_js_url=f"{ASSETS_PATH}/swagger-ui-bundle.js",
            swagger_css_url=f"{ASSETS_PATH}/swagger-ui.css",
            swagger_favicon_url=f"{ASSETS_PATH}/favicon-32x32.png",
        )
        page.headers["Content-Security-Policy"] = DOCS_CONTENT_SECURITY_POLICY
        return page

    @router.get(ASSETS_PATH + "/{name}")
    async def get_docs_asset(name: str) -> FileResponse:
        if name not in ASSETS:
            raise HTTPException(404)
        return FileResponse(Path(str(files("fastapi_swagger"))) / "resources" / name)

    return router


def install_openapi(app: FastAPI) -> None:
    """Describe refusals as problem documents, and keep the nulls in examples, which FastAPI drops."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(schema.pop("$defs", {}))
            schemas["Problem"] = schema
            for model in _models_below(Answer):
                if model.__name__ in schemas and isinstance(
                    model.model_config.get("json_schema_extra"), dict
                ):
                    schemas[model.__name__].update(model.model_config["json_schema_extra"])
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _models_below(model: type[Answer]) -> Iterator[type[Answer]]:
    for below in model.__subclasses__():
        yield below
        yield from _models_below(below)
