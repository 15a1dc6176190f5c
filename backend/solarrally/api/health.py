"""Alive and ready, open to load balancers; they tell nothing else."""

from __future__ import annotations

from http import HTTPStatus

import structlog
from fastapi import APIRouter, Response

from solarrally.api.parameters import NO_QUERY
from solarrally.api.responses import problems
from solarrally.api.schemas.health import Health, Readiness
from solarrally.api.services import ServicesDependency
from solarrally.errors import StoreUnavailable
from solarrally.storage.queries import ping

log: structlog.stdlib.BoundLogger = structlog.get_logger()
router = APIRouter(tags=["health"], dependencies=[NO_QUERY])


@router.get("/healthz", operation_id="get_health", responses=problems())
async def get_health() -> Health:
    """The process runs and answers."""
    return Health(status="alive")


@router.get(
    "/readyz",
    operation_id="get_readiness",
    responses={**problems(), 503: {"model": Readiness, "description": "Not ready"}},
)
async def get_readiness(response: Response, services: ServicesDependency) -> Readiness:
    """Whether the database answers and the live picture is current; 503 when not. A missing ingestor is told
    and leaves us ready: what is stored can be read.
    """
    is_database_ok = True
    is_led: bool | None = None
    try:
        is_led = await ping(services.engine)
    except StoreUnavailable as error:
        log.warning("store_unavailable", path="/readyz", error=str(error))
        is_database_ok = False
    is_ready = is_database_ok and services.hub.is_current
    if not is_ready:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return Readiness(
        is_ready=is_ready,
        database="ok" if is_database_ok else "unavailable",
        feed="ok" if services.hub.is_current else "lost",
        ingestor="unknown" if is_led is None else "at work" if is_led else "absent",
    )
