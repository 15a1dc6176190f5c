"""The API: its options, its mailer, and serving it."""

from __future__ import annotations

from pathlib import Path

import structlog

from solarrally.api.account_rules import AccountRules
from solarrally.api.bill_rules import BillRules
from solarrally.api.import_rules import ImportRules
from solarrally.api.live_limits import LiveLimits
from solarrally.api.options import ApiOptions
from solarrally.dialects.families import FAMILIES
from solarrally.dialects.offline_log import LineLog
from solarrally.dialects.routes import NATIVE
from solarrally.errors import SettingsError
from solarrally.hub import Hub
from solarrally.mail import ConsoleMailer, Mailer, SmtpMailer, SmtpServer
from solarrally.monitor import serve_monitor
from solarrally.settings import Settings
from solarrally.storage.edits.logins import LoginRules
from solarrally.storage.engine import create_engine
from solarrally.storage.feed import Feed
from solarrally.wiring import database_dsn, required, rollup_rules

log = structlog.get_logger()

API_STATEMENT_TIMEOUT_S = 10.0
"""No request is worth more of the database's time."""

DASHBOARD_DIR = Path(__file__).with_name("dashboard_files")
"""Where the build puts the dashboard."""


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
