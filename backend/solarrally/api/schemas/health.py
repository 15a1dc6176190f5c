"""Whether we are alive and ready."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from solarrally.api.schemas.common import Answer


class Health(Answer):
    """The process runs."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "alive"}]})

    status: Literal["alive"]


class Readiness(Answer):
    """Whether requests can be answered and the live picture is current."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"is_ready": True, "database": "ok", "feed": "ok", "ingestor": "at work"}]
        }
    )

    is_ready: bool
    database: Literal["ok", "unavailable"]
    feed: Literal["ok", "lost"] = Field(description="`lost`: watchers are told that their picture is stale.")
    ingestor: Literal["at work", "absent", "unknown"] = Field(
        description="Whether an ingestor holds the lock of this database. Its own /readyz tells more."
    )
