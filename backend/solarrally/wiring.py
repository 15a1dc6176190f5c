"""Settings in, working parts out: the only place that builds things."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit

import asyncpg
import structlog
from pydantic import SecretStr
from sqlalchemy.exc import DBAPIError

from solarrally.api.app import create_app
from solarrally.api.options import ApiOptions
from solarrally.api.server import make_server
from solarrally.brokers.address import parse_address
from solarrally.brokers.mosquitto import MosquittoBroker
from solarrally.domain.station import SessionRules
from solarrally.errors import SettingsError, StoreUnavailable
from solarrally.hub import Hub
from solarrally.ingest.pipeline import Pipeline
from solarrally.ingest.rules import IngestRules
from solarrally.metrics import IngestCollector
from solarrally.monitor import Readiness, serve_monitor
from solarrally.settings import Settings
from solarrally.storage.engine import create_engine
from solarrally.storage.feed import Feed
from solarrally.storage.migrate import migrate
from solarrally.storage.rollups import RollupRules
from solarrally.storage.store import PostgresStore
from solarrally.storage.users import Role, count_users, create_user

log = structlog.get_logger()

API_STATEMENT_TIMEOUT_S = 10.0
"""No request is worth more of the database's time."""


def utc_now() -> datetime:
    return datetime.now(UTC)


def database_dsn(settings: Settings) -> str:
    return settings.database_url.get_secret_value()


def required(secret: SecretStr | None, variable: str, command: str) -> str:
    """The value of a setting that this command cannot do without."""
    if secret is None:
        raise SettingsError(f"{variable}: required by `solarrally {command}`")
    return secret.get_secret_value()


def build_store(settings: Settings, *, must_lead: bool = False) -> PostgresStore:
    return PostgresStore(
        database_dsn(settings),
        site_name=settings.site_name,
        rollup_rules=rollup_rules(settings),
        raw_keep_days=settings.raw_keep_days,
        must_lead=must_lead,
    )


def session_rules(settings: Settings) -> SessionRules:
    return SessionRules(
        charging_threshold_w=settings.charging_threshold_w,
        silence_timeout_s=settings.session_timeout_s,
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


@asynccontextmanager
async def running_ingest(settings: Settings) -> AsyncIterator[Pipeline]:
    """A pipeline with its broker connected, its store and its metrics; run it inside the block."""
    broker = MosquittoBroker(
        parse_address(required(settings.mqtt_url, "SOLARRALLY_MQTT_URL", "ingest")),
        client_id=settings.mqtt_client_id,
        topic_filters=[f"{settings.mqtt_topic_root}/#"],
        now=utc_now,
        receive_maximum=settings.mqtt_receive_maximum,
        session_expiry_s=settings.mqtt_session_expiry_s,
        keepalive_s=settings.mqtt_keepalive_s,
        ca_file=settings.mqtt_ca_file,
        cert_file=settings.mqtt_cert_file,
        key_file=settings.mqtt_key_file,
    )
    broker.check_certificates()  # also of a standby, which connects only when it leads
    store = build_store(settings, must_lead=True)
    pipeline = Pipeline(broker, store, ingest_rules(settings), utc_now)
    stop_monitor = None
    if settings.metrics_port:
        stop_monitor = serve_monitor(
            settings.metrics_host,
            settings.metrics_port,
            IngestCollector(pipeline, broker, utc_now),
            lambda: readiness(pipeline, broker),
        )
    try:
        yield pipeline
    finally:
        if stop_monitor is not None:
            stop_monitor()
        await store.close()


def readiness(pipeline: Pipeline, broker: MosquittoBroker) -> Readiness:
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


@contextmanager
def reaching_database(settings: Settings) -> Iterator[None]:
    """Say in one line that the database cannot be reached, and where it was looked for."""
    try:
        yield
    except (OSError, asyncpg.PostgresError, DBAPIError) as error:
        place = urlsplit(database_dsn(settings))
        raise StoreUnavailable(
            f"no PostgreSQL for us at {place.hostname}:{place.port or 5432}{place.path} "
            f"(SOLARRALLY_DATABASE_URL): {error}"
        ) from error


async def migrate_and_seed(settings: Settings) -> None:
    """The newest schema, the default site with its tariff, the partitions, and the first admin."""
    with reaching_database(settings):
        await _migrate_and_seed(settings)


async def _migrate_and_seed(settings: Settings) -> None:
    report = await migrate(database_dsn(settings))
    log.info("schema_migrated", revision=report.to_revision, steps=len(report.steps))
    store = build_store(settings)
    try:
        made = await store.ensure_site(
            timezone=settings.site_timezone,
            currency=settings.currency,
            price_solar_per_kwh=settings.price_solar_per_kwh,
            price_grid_per_kwh=settings.price_grid_per_kwh,
        )
        await store.make_partitions(settings.partition_days_ahead)
    finally:
        await store.close()
    if made:
        log.info("site_made", site=settings.site_name, currency=settings.currency)
    if settings.admin_password is not None:
        await _ensure_admin(settings, settings.admin_password.get_secret_value())


async def add_user(settings: Settings, username: str, password: str, role: str, id_token: str | None) -> None:
    """Add somebody who may log in. Raises `InvalidUser` and `UserExists`."""
    engine = create_engine(database_dsn(settings), pool_size=1, application_name="solarrally-users")
    try:
        with reaching_database(settings):
            await create_user(engine, username, password, role, id_token)
    finally:
        await engine.dispose()
    log.info("user_added", username=username, role=role)


def api_options(settings: Settings) -> ApiOptions:
    return ApiOptions(
        jwt_secret=required(settings.jwt_secret, "SOLARRALLY_JWT_SECRET", "serve"),
        access_token_ttl_s=settings.access_token_ttl_s,
        ws_ticket_ttl_s=settings.ws_ticket_ttl_s,
        allowed_origins=settings.allowed_origins,
        open_docs=settings.open_docs,
    )


async def serve_api(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM."""
    options = api_options(settings)
    dsn = database_dsn(settings)
    engine = create_engine(
        dsn, application_name="solarrally-api", statement_timeout_s=API_STATEMENT_TIMEOUT_S
    )
    hub = Hub()
    app = create_app(
        engine=engine,
        hub=hub,
        feed=Feed(dsn, engine, hub),
        options=options,
    )
    log.info("api_starting", address=f"http://{settings.api_host}:{settings.api_port}")
    await make_server(app, host=settings.api_host, port=settings.api_port).serve()


async def _ensure_admin(settings: Settings, password: str) -> None:
    engine = create_engine(database_dsn(settings), pool_size=1, application_name="solarrally-migrate")
    try:
        if not await count_users(engine):
            await create_user(engine, "admin", password, Role.ADMIN)
            log.info("admin_made", username="admin")
    finally:
        await engine.dispose()
