"""Settings in, working parts out: the only place that builds things."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import structlog
from pydantic import SecretStr
from sqlalchemy.exc import DBAPIError

from solarrally.api.account_rules import AccountRules
from solarrally.api.bill_rules import BillRules
from solarrally.api.import_rules import ImportRules
from solarrally.api.live_limits import LiveLimits
from solarrally.api.options import ApiOptions
from solarrally.broker_wiring import build_broker, build_command_publisher, require_aws
from solarrally.brokers.observed import ObservedBroker
from solarrally.dialects.families import FAMILIES
from solarrally.dialects.offline_log import LineLog
from solarrally.dialects.routes import NATIVE, Routes
from solarrally.domain.alert import AlertRules
from solarrally.domain.permission import Role
from solarrally.domain.station import SessionRules
from solarrally.errors import SettingsError, StoreUnavailable
from solarrally.hub import Hub
from solarrally.ingest.dispatch import CAUGHT_UP_S, Dispatch, DispatchRules
from solarrally.ingest.pipeline import Pipeline
from solarrally.ingest.rules import IngestRules
from solarrally.ingest.stream_ingest import StreamIngest
from solarrally.mail import ConsoleMailer, Mailer, SmtpMailer, SmtpServer
from solarrally.metrics import IngestCollector
from solarrally.monitor import Readiness, serve_monitor
from solarrally.settings import Settings
from solarrally.storage.audit import Actor
from solarrally.storage.commands import PostgresOutbox
from solarrally.storage.edits.logins import LoginRules
from solarrally.storage.edits.users import add_user
from solarrally.storage.engine import create_engine
from solarrally.storage.feed import Feed
from solarrally.storage.migrate import migrate
from solarrally.storage.passwords import Passwords
from solarrally.storage.rollups import RollupRules
from solarrally.storage.store import PostgresStore
from solarrally.storage.streams import OwnedShard
from solarrally.storage.users import count_users

log = structlog.get_logger()

API_STATEMENT_TIMEOUT_S = 10.0
"""No request is worth more of the database's time."""

DASHBOARD_DIR = Path(__file__).with_name("dashboard_files")
"""Where the build puts the dashboard."""


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
    dispatching = asyncio.create_task(
        command_dispatch(settings, pipeline, broker).run(), name="command-dispatch"
    )
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


def api_options(settings: Settings) -> ApiOptions:
    return ApiOptions(
        jwt_secret=required(settings.jwt_secret, "SOLARRALLY_JWT_SECRET", "serve"),
        access_token_ttl_s=settings.access_token_ttl_s,
        ws_ticket_ttl_s=settings.ws_ticket_ttl_s,
        allowed_origins=settings.allowed_origins,
        dashboard_dir=DASHBOARD_DIR if settings.dashboard else None,
        has_public_status=settings.public_status,
        live_limits=LiveLimits(
            max_watchers=settings.live_max_watchers,
            max_watchers_per_account=settings.live_max_watchers_per_account,
        ),
        open_docs=settings.open_docs,
        rollup_rules=rollup_rules(settings),
        dialects=(NATIVE, *FAMILIES),
        max_open_commands=settings.max_open_commands,
        max_exports=settings.max_exports,
        import_rules=ImportRules(
            open_log=LineLog, max_bytes=settings.import_max_bytes, topic_root=settings.mqtt_topic_root
        ),
        caller_rate_limit_hz=settings.caller_rate_limit_hz,
        caller_rate_burst=settings.caller_rate_burst,
        trusted_proxies=settings.trusted_proxies,
        login_rules=LoginRules(
            max_s=settings.login_max_days * 86_400.0, idle_s=settings.login_idle_days * 86_400.0
        ),
        account_rules=AccountRules(
            registration=settings.registration,
            invitation_ttl_s=settings.invitation_ttl_days * 86_400.0,
            password_reset_ttl_s=settings.password_reset_ttl_s,
            public_url=settings.public_url,
        ),
        bill_rules=BillRules(
            country_code=settings.ocpi_country_code,
            party_id=settings.ocpi_party_id,
            font_file=settings.pdf_font_file,
        ),
    )


def build_mailer(settings: Settings) -> Mailer | None:
    """What sends mails; None when none are to be sent."""
    if settings.mailer == "none":
        return None
    if settings.mailer == "console":
        return ConsoleMailer()
    if settings.smtp_host is None:
        raise SettingsError("SOLARRALLY_SMTP_HOST: required with SOLARRALLY_MAILER=smtp")
    if settings.mail_from is None:
        raise SettingsError("SOLARRALLY_MAIL_FROM: required with SOLARRALLY_MAILER=smtp")
    password = settings.smtp_password
    return SmtpMailer(
        SmtpServer(
            host=settings.smtp_host,
            port=settings.smtp_port,
            security=settings.smtp_security,
            sender=settings.mail_from,
            username=settings.smtp_username,
            password=None if password is None else password.get_secret_value(),
            ca_file=None if settings.smtp_ca_file is None else str(settings.smtp_ca_file),
        )
    )


async def serve_api(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM."""
    # Here, since the web framework takes a second to import and no other command needs it.
    from solarrally.api.app import create_app
    from solarrally.api.server import make_server

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
        mailer=build_mailer(settings),
    )
    stop_monitor = None
    if settings.api_metrics_port:
        stop_monitor = serve_monitor(
            settings.metrics_host,
            settings.api_metrics_port,
            app.state.traffic,
            lambda: {"is_ready": hub.is_current},
        )
    log.info("api_starting", address=f"http://{settings.api_host}:{settings.api_port}")
    try:
        await make_server(app, host=settings.api_host, port=settings.api_port).serve()
    finally:
        if stop_monitor is not None:
            stop_monitor()


async def _ensure_admin(settings: Settings, password: str) -> None:
    engine = create_engine(database_dsn(settings), pool_size=1, application_name="solarrally-migrate")
    try:
        if not await count_users(engine):
            await add_user(
                engine,
                Actor(user_id=None, name="cli"),
                None,
                username="admin",
                password=password,
                role_name=Role.ADMIN,
                passwords=Passwords(),
            )
            log.info("admin_made", username="admin")
    finally:
        await engine.dispose()
