"""Mails on the console, mails that cannot be sent, and work that waits in the mailroom."""

from __future__ import annotations

import asyncio
import io

import pytest
from structlog.testing import capture_logs

from solarrally.api.mailroom import MAX_WAITING, Mailroom
from solarrally.api.mails import invitation_mail, password_reset_mail
from solarrally.mail import ConsoleMailer, Mail, MailNotSent, SmtpMailer, SmtpServer

MAIL = Mail(to="dora@example.org", subject="Your password", text="Token: abc")


async def test_the_console_shows_the_whole_mail() -> None:
    stream = io.StringIO()
    await ConsoleMailer(stream).send(MAIL)

    assert stream.getvalue().splitlines()[1:5] == [
        "To: dora@example.org",
        "Subject: Your password",
        "",
        "Token: abc",
    ]


@pytest.mark.parametrize(
    "mail",
    [
        Mail(to="dora@example.org\nBcc: eve@example.org", subject="s", text="t"),
        Mail(to="dora@example.org", subject="s\r\nBcc: eve@example.org", text="t"),
    ],
)
async def test_a_line_break_adds_no_header(mail: Mail) -> None:
    server = SmtpServer(host="127.0.0.1", port=9, security="none", sender="us@example.org")

    with pytest.raises(MailNotSent, match="not a header"):
        await SmtpMailer(server).send(mail)


async def test_without_a_mailer_a_mail_is_refused_and_not_lost_in_silence() -> None:
    mailroom = Mailroom(None)

    assert not mailroom.is_open
    with pytest.raises(MailNotSent, match="SOLARRALLY_MAILER"):
        await mailroom.send(MAIL)


async def test_what_waits_in_the_mailroom_is_bounded() -> None:
    mailroom, go_on, done = Mailroom(None), asyncio.Event(), []

    async def work(number: int) -> None:
        await go_on.wait()
        done.append(number)

    for number in range(MAX_WAITING + 10):
        mailroom.later(work(number), name="work")
    go_on.set()
    await mailroom.idle()

    assert done == list(range(MAX_WAITING))


async def test_one_mail_that_fails_does_not_hinder_the_next() -> None:
    stream = io.StringIO()
    mailroom = Mailroom(ConsoleMailer(stream))

    async def fail() -> None:
        raise MailNotSent("127.0.0.1:9: refused")

    with capture_logs() as logs:
        mailroom.later(fail(), name="fails")
        mailroom.later(mailroom.send(MAIL), name="works")
        await mailroom.idle()

    assert "Token: abc" in stream.getvalue()
    assert [(entry["work"], entry["error"]) for entry in logs] == [("fails", "127.0.0.1:9: refused")]


def test_a_mail_holds_a_link_where_there_are_pages_and_else_the_token() -> None:
    with_pages = invitation_mail("d@example.org", "abc", public_url="https://ops.example", valid_s=604_800)
    without = password_reset_mail("d@example.org", "dora", "abc", public_url=None, valid_s=3_600)

    assert "https://ops.example/accept-invitation#token=abc" in with_pages.text
    assert "for 7 days" in with_pages.text
    assert "Token: abc" in without.text
    assert "for one hour" in without.text
