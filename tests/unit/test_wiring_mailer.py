"""Which mailer the settings make."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from solarrally.api_wiring import api_options, build_mailer
from solarrally.errors import SettingsError
from solarrally.mail import ConsoleMailer, SmtpMailer
from solarrally.settings import Settings

SMTP = {"mailer": "smtp", "smtp_host": "mail.example.org", "mail_from": "us@example.org"}


def settings(**changes: Any) -> Settings:
    return Settings(_env_file=None, database_url=SecretStr("postgresql://nobody@127.0.0.1/none"), **changes)  # type: ignore[call-arg]


def test_without_a_word_nothing_is_mailed() -> None:
    assert build_mailer(settings()) is None


def test_the_console_and_a_server() -> None:
    assert isinstance(build_mailer(settings(mailer="console")), ConsoleMailer)
    assert isinstance(build_mailer(settings(**SMTP)), SmtpMailer)


@pytest.mark.parametrize(("missing", "variable"), [("smtp_host", "SMTP_HOST"), ("mail_from", "MAIL_FROM")])
def test_a_server_without_what_it_needs_stops_the_start(missing: str, variable: str) -> None:
    with pytest.raises(SettingsError, match=f"SOLARRALLY_{variable}: required"):
        build_mailer(settings(**{**SMTP, missing: None}))


def test_the_password_of_the_mail_server_shows_nowhere() -> None:
    made = settings(**SMTP, smtp_username="us", smtp_password=SecretStr("hunter2hunter2"))

    assert "hunter2" not in repr(made)
    assert "hunter2" not in repr(build_mailer(made))


def test_days_become_seconds() -> None:
    secret = SecretStr("7f3c9a0d4e8b1526f7a8c3d9e0b41f62")
    options = api_options(
        settings(jwt_secret=secret, login_max_days=2, login_idle_days=1, invitation_ttl_days=3)
    )

    assert (options.login_rules.max_s, options.login_rules.idle_s) == (172_800, 86_400)
    assert options.account_rules.invitation_ttl_s == 259_200
