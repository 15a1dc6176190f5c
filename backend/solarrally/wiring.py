"""Settings in, working parts out: the store and the ingestor.

Nothing of the API is imported here: an ingestor that was killed is back in half the time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from pydantic import SecretStr

from solarrally.broker_wiring import build_broker, build_command_publisher, require_aws
from solarrally.brokers.observed import ObservedBroker
from solarrally.dialects.families import FAMILIES
from solarrally.dialects.routes import NATIVE, Routes
from solarrally.domain.alert import AlertRules
from solarrally.domain.station import SessionRules
from solarrally.errors import SettingsError
from solarrally.ingest.dispatch import CAUGHT_UP_S, Dispatch, DispatchRules
from solarrally.ingest.pipeline import Pipeline
from solarrally.ingest.rules import IngestRules
from solarrally.ingest.stream_ingest import StreamIngest
from solarrally.metrics import IngestCollector
from solarrally.monitor import Readiness, serve_monitor
from solarrally.settings import Settings
from solarrally.storage.commands import PostgresOutbox
from solarrally.storage.rollups import RollupRules
from solarrally.storage.store import PostgresStore
from solarrally.storage.streams import OwnedShard


def utc_now() -> datetime:
    return datetime.now(UTC)


def database_dsn(settings: Settings) -> str:
    return settings.database_url.get_secret_value()


def required(secret: SecretStr | None, variable: str, command: str) -> str:
    """The value of a setting that this command cannot do without."""
    if secret is None:
        raise SettingsError(f"{variable}: required by `solarrally {command}`")
    return secret.get_secret_value()


def build_store(
    settings: Settings,
    *,
    must_lead: bool = False,
    shard: OwnedShard | None = None,
    has_other_writers: bool = False,
) -> PostgresStore:
    return PostgresStore(
        database_dsn(settings),
        site_name=settings.site_name,
        rollup_rules=rollup_rules(settings),
        raw_keep_days=settings.raw_keep_days,
        must_lead=must_lead,
        shard=shard,
        has_other_writers=has_other_writers,
    )


def session_rules(settings: Settings) -> SessionRules:
    return SessionRules(
        charging_threshold_w=settings.charging_threshold_w,
        silence_timeout_s=settings.session_timeout_s,
    )


def alert_rules(settings: Settings) -> AlertRules:
    return AlertRules(
        offline_after_s=settings.offline_alert_after_s,
        temperature_c=settings.alert_temperature_c,
        session_idle_h=settings.alert_session_idle_h,
        session_long_h=settings.alert_session_long_h,
    )


def rollup_rules(settings: Settings) -> RollupRules:
    """Rollups measure as sessions do."""
    rules = session_rules(settings)
    return RollupRules(
        silence_timeout_s=rules.silence_timeout_s,
        gap_cap_s=rules.gap_cap_s,
        charging_threshold_w=rules.charging_threshold_w,
        default_max_power_w=settings.default_max_power_w,
    )


def ingest_rules(settings: Settings) -> IngestRules:
    return IngestRules(
        session=session_rules(settings),
        alerts=alert_rules(settings),
        alert_interval_s=settings.alert_interval_s,
        topic_root=settings.mqtt_topic_root,
        max_payload_bytes=settings.max_payload_bytes,
        max_batch=min(settings.max_batch, settings.mqtt_receive_maximum),
        default_max_power_w=settings.default_max_power_w,
        register_unknown_stations=settings.register_unknown_stations,
        offline_after_s=settings.offline_after_s,
        station_rate_limit_hz=settings.station_rate_limit_hz,
        rejected_keep_count=settings.rejected_keep_count,
        rejected_keep_bytes=settings.rejected_keep_bytes,
        raw_keep_days=settings.raw_keep_days,
        partition_days_ahead=settings.partition_days_ahead,
    )


def dialects() -> list[str]:
    """All that a station can speak, whichever of them the settings name."""
    return [NATIVE, *FAMILIES]


def routes(settings: Settings) -> Routes:
    """Whose topics are understood, and which of them without an entry in the registry."""
    wanted = settings.dialects
    if "all" in wanted:
        wanted = list(FAMILIES)
    unknown = sorted(set(wanted) - FAMILIES.keys() - {"none"})
    if unknown:
        raise SettingsError(
            f"SOLARRALLY_DIALECTS: no such family: {', '.join(unknown)}; "
            f"there are all, none, or some of {', '.join(FAMILIES)}"
        )
    return Routes(
        settings.mqtt_topic_root,
        families=[FAMILIES[name] for name in wanted if name != "none"],
        registered=FAMILIES.values(),
    )


@asynccontextmanager
async def running_ingest(settings: Settings) -> AsyncIterator[Pipeline | StreamIngest]:
    """A pipeline with its broker connected, its store and its metrics, or a share of a stream with several of
    them; run it inside the block.
    """
    if settings.broker == "aws_kinesis":
        async with _running_stream_ingest(settings) as ingest:
            yield ingest
        return
    broker = build_broker(settings, utc_now)
    store = build_store(settings, must_lead=True)
    pipeline = Pipeline(broker, store, ingest_rules(settings), utc_now, routes=routes(settings))
    stop_monitor = None
    if settings.metrics_port:
        stop_monitor = serve_monitor(
            settings.metrics_host,
            settings.metrics_port,
            IngestCollector(pipeline, broker, utc_now),
            lambda: readiness(pipeline, broker),
        )
    dispatch = command_dispatch(settings, pipeline, broker)
    pipeline.before_hearing(partial(dispatch.recall_early, PostgresOutbox(database_dsn(settings))))
    dispatching = asyncio.create_task(dispatch.run(), name="command-dispatch")
    try:
        yield pipeline
    finally:
        dispatching.cancel()
        await asyncio.wait([dispatching])
        if stop_monitor is not None:
            stop_monitor()
        await store.close()


def _running_stream_ingest(settings: Settings) -> AbstractAsyncContextManager[StreamIngest]:
    require_aws("SOLARRALLY_BROKER=aws_kinesis")
    # Here, since it needs boto3, and no other broker does.
    from solarrally.stream_wiring import running_stream_ingest

    return running_stream_ingest(
        settings,
        rules=replace(ingest_rules(settings), max_batch=settings.max_batch),
        open_store=partial(build_store, settings),
        dsn=database_dsn(settings),
        now=utc_now,
    )


async def recover_failed_actions(settings: Settings) -> tuple[int, int]:
    """Empty the queue of failed rule actions; how many messages were taken up, how many kept as rejected."""
    require_aws("SOLARRALLY_AWS_FAILED_QUEUE_URL")
    from solarrally.stream_wiring import build_recovery

    with ThreadPoolExecutor(1) as executor:
        recovery = build_recovery(settings, executor, dsn=database_dsn(settings), wait_s=1)
        while await recovery.take_some():
            pass
    return recovery.recovered, recovery.rejected.total()


def command_dispatch(settings: Settings, pipeline: Pipeline, broker: ObservedBroker) -> Dispatch:
    """Sends commands to stations while the pipeline leads."""

    def is_caught_up() -> bool:
        since = broker.listening_since
        waiting = broker.waiting + len(pipeline.gathering)
        return (
            since is not None
            and utc_now() - since >= timedelta(seconds=CAUGHT_UP_S)
            and waiting < settings.max_batch // 2
        )

    return Dispatch(
        PostgresOutbox(database_dsn(settings)),
        build_command_publisher(settings),
        DispatchRules(completion_timeout_s=settings.command_completion_timeout_s),
        pipeline.counts,
        routes=pipeline.routes,
        devices=pipeline.devices,
        is_leading=lambda: pipeline.is_leading,
        is_caught_up=is_caught_up,
    )


def readiness(pipeline: Pipeline, broker: ObservedBroker) -> Readiness:
    """What the ingestor's `/readyz` says: a standby is ready when it can ask for the lead."""
    is_connected = broker.listening_since is not None
    return {
        "is_ready": pipeline.is_store_ok and (is_connected or not pipeline.is_leading),
        "role": "leading" if pipeline.is_leading else "standby",
        "database": "ok" if pipeline.is_store_ok else "unavailable",
        "broker": "connected" if is_connected else "disconnected",
        "messages_waiting": broker.waiting + len(pipeline.gathering),
        "messages_parked": pipeline.parking.waiting,
    }
