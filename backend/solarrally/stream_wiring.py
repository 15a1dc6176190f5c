"""Settings in, the parts of an ingestor that shares a stream out. Only where the stream is the broker: the
rest of the product runs without boto3.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from secrets import token_hex
from typing import Any, Final, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from solarrally.broker_wiring import build_aws_publisher
from solarrally.brokers.aws_kinesis import KinesisStream
from solarrally.brokers.aws_sqs import WAIT_S, FailedActionQueue
from solarrally.brokers.shard_source import ShardSource
from solarrally.dialects.routes import Routes
from solarrally.domain.stream import Shard
from solarrally.errors import SettingsError
from solarrally.ingest.devices import Devices
from solarrally.ingest.dispatch import CAUGHT_UP_S, Dispatch, DispatchRules
from solarrally.ingest.fates import FateCount
from solarrally.ingest.fleet_care import FleetCare
from solarrally.ingest.pipeline import Pipeline
from solarrally.ingest.recovery import Recovery
from solarrally.ingest.rules import IngestRules
from solarrally.ingest.stream_ingest import ShardWork, StreamIngest
from solarrally.monitor import serve_monitor
from solarrally.settings import Settings
from solarrally.storage.commands import PostgresOutbox
from solarrally.storage.recovered import PostgresRecovery
from solarrally.storage.store import PostgresStore
from solarrally.storage.streams import OwnedShard, StreamMembership
from solarrally.stream_metrics import StreamCollector, StreamFigures, stream_readiness

CALLS_AT_ONCE: Final = 32
"""Threads that wait for AWS: one a shard being read, one for the queue, one for the list of shards."""
ACKS_EVERY_S: Final = 1.0
"""AWS IoT takes 100 messages/s of a connection: what devices are told is gathered for longer than elsewhere.
"""


class OpenStore(Protocol):
    """Makes a store: of the whole fleet with `must_lead`, of one shard with `shard`."""

    def __call__(
        self,
        *,
        must_lead: bool = False,
        shard: OwnedShard | None = None,
        has_other_writers: bool = False,
    ) -> PostgresStore: ...


def aws_client(service: str) -> Any:
    """Region, credentials and endpoint are boto3's own business (AWS_REGION, a task role, ...). Calls are
    tried once: who makes them knows better when to try again.
    """
    config = Config(
        connect_timeout=5,
        read_timeout=WAIT_S + 10,
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=CALLS_AT_ONCE,
    )
    try:
        return boto3.client(service, config=config)  # type: ignore[call-overload]
    except (BotoCoreError, ValueError) as error:
        raise SettingsError(f"AWS_REGION and the other variables of AWS: {error}") from error


def build_recovery(settings: Settings, executor: Executor, *, dsn: str, wait_s: int = WAIT_S) -> Recovery:
    """What takes up the messages of failed rule actions. Raises `SettingsError` without a queue."""
    if settings.aws_failed_queue_url is None:
        raise SettingsError("SOLARRALLY_AWS_FAILED_QUEUE_URL: required to take up failed rule actions")
    queue = FailedActionQueue(aws_client("sqs"), settings.aws_failed_queue_url, executor, wait_s=wait_s)
    return Recovery(queue, PostgresRecovery(dsn), Routes(settings.mqtt_topic_root))


@asynccontextmanager
async def running_stream_ingest(
    settings: Settings,
    *,
    rules: IngestRules,
    open_store: OpenStore,
    dsn: str,
    now: Callable[[], datetime],
) -> AsyncIterator[StreamIngest]:
    """Our share of the stream, with commands, recovery and metrics; run it inside the block."""
    if settings.aws_kinesis_stream is None:
        raise SettingsError("SOLARRALLY_AWS_KINESIS_STREAM: required with SOLARRALLY_BROKER=aws_kinesis")
    commands = build_aws_publisher(settings)
    acks = build_aws_publisher(settings, client_id=f"{settings.mqtt_client_id}-acks-{token_hex(4)}")
    counts = FateCount()
    fleet_store = open_store(must_lead=True, has_other_writers=True)
    with ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="aws") as executor:
        stream = KinesisStream(aws_client("kinesis"), settings.aws_kinesis_stream, executor)
        # AWS IoT takes 100 messages/s of a station's connection: what comes faster waited in the stream.
        shard_rules = replace(rules, station_rate_limit_hz=float("inf"), confirm_interval_s=ACKS_EVERY_S)

        def open_shard(shard: Shard) -> ShardWork:
            source = ShardSource(stream, shard, now=now, publish=acks.send)
            store = open_store(shard=OwnedShard(stream=stream.name, shard=shard))
            return ShardWork(
                shard=shard,
                store=store,
                source=source,
                pipeline=Pipeline(source, store, shard_rules, now, progress=source, counts=counts),
            )

        ingest = StreamIngest(
            stream,
            StreamMembership(dsn, stream.name),
            open_shard,
            FleetCare(fleet_store, rules, now),
            counts,
        )
        recovery = None
        if settings.aws_failed_queue_url is not None:
            recovery = build_recovery(settings, executor, dsn=dsn)
        figures = StreamFigures(ingest, acks)
        stop_monitor = None
        if settings.metrics_port:
            stop_monitor = serve_monitor(
                settings.metrics_host,
                settings.metrics_port,
                StreamCollector(ingest, figures, recovery, now),
                lambda: stream_readiness(ingest, figures),
            )
        dispatch = Dispatch(
            PostgresOutbox(dsn),
            commands,
            DispatchRules(completion_timeout_s=settings.command_completion_timeout_s),
            counts,
            routes=Routes(settings.mqtt_topic_root),
            devices=Devices(),
            is_leading=lambda: ingest.is_leading,
            is_caught_up=lambda: ingest.has_been_current_for(CAUGHT_UP_S),
        )
        beside = [asyncio.create_task(dispatch.run(), name="command-dispatch")]
        if recovery is not None:
            beside.append(asyncio.create_task(recovery.run(lambda: ingest.is_leading), name="failed-actions"))
        try:
            async with acks.connection():
                yield ingest
        finally:
            for task in beside:
                task.cancel()
            await asyncio.wait(beside)
            if stop_monitor is not None:
                stop_monitor()
            await fleet_store.close()
