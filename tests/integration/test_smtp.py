"""Mails to a real mail server: what it gets, and what happens when it does not want them."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from email import message_from_bytes
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword

from solarrally.mail import Mail, MailNotSent, SmtpMailer, SmtpServer

MAIL = Mail(to="dora@example.org", subject="Ihr Passwort für morgen", text="Token: abc\n\n.\nEnde – Schluss")
USER, PASSWORD = "solarrally", "a mail password"


class Inbox:
    """What the server took, and what it says to the next one."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.answer = "250 OK"

    async def handle_DATA(self, _server: object, _session: object, envelope: Envelope) -> str:
        if self.answer.startswith("250"):
            self.envelopes.append(envelope)
        return self.answer


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of `localhost` with its key, signed by itself; by the openssl program."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("TLS is not tested: it takes the openssl program to make certificates")
    arguments = (
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    )
    files = "-addext subjectAltName=DNS:localhost -keyout mail.key -out mail.crt"
    command = [openssl, *arguments.split(), *files.split()]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    path = tmp_path / "mail.pem"
    path.write_text((tmp_path / "mail.crt").read_text() + (tmp_path / "mail.key").read_text())
    return path


Start = Callable[..., Awaitable[int]]


@pytest.fixture
async def start(inbox: Inbox) -> AsyncIterator[Start]:
    """Starts a mail server on 127.0.0.1 and gives its port; keywords go to the server."""
    servers: list[asyncio.Server] = []

    async def begin(ssl_context: ssl.SSLContext | None = None, **options: Any) -> int:
        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(inbox, hostname="localhost", **options), "127.0.0.1", 0, ssl=ssl_context
        )
        servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    yield begin
    for server in servers:
        server.close()
        await server.wait_closed()


def context(certificate: Path) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate)
    return made


def check_password(
    _server: object, _session: object, _envelope: object, _mechanism: str, data: Any
) -> AuthResult:
    is_right = isinstance(data, LoginPassword) and (data.login, data.password) == (
        USER.encode(),
        PASSWORD.encode(),
    )
    return AuthResult(success=is_right, handled=is_right)


def mailer(port: int, **changes: Any) -> SmtpMailer:
    options: dict[str, Any] = {
        "host": "localhost",
        "port": port,
        "security": "none",
        "sender": "us@example.org",
    }
    return SmtpMailer(SmtpServer(**{**options, **changes}), timeout_s=5.0)


async def test_a_mail_arrives_as_it_was_written(inbox: Inbox, start: Start) -> None:
    await mailer(await start()).send(MAIL)

    [envelope] = inbox.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("us@example.org", ["dora@example.org"])
    assert isinstance(envelope.content, bytes)
    message = message_from_bytes(envelope.content)
    assert str(make_header(decode_header(message["Subject"]))) == MAIL.subject
    assert message["To"] == "dora@example.org"
    assert message["Auto-Submitted"] == "auto-generated"
    body = message.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert body.decode().replace("\r\n", "\n").strip() == MAIL.text


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # it cannot see what it runs in
@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_mail_goes_encrypted_with_a_password(
    inbox: Inbox, start: Start, certificate: Path, security: str
) -> None:
    tls = (
        {"ssl_context": context(certificate)} if security == "tls" else {"tls_context": context(certificate)}
    )
    starttls = {} if security == "tls" else {"require_starttls": True}
    port = await start(
        authenticator=check_password,
        auth_required=True,
        auth_require_tls=security == "starttls",
        **tls,
        **starttls,
    )
    access = {"security": security, "ca_file": str(certificate), "username": USER}
    await mailer(port, **access, password=PASSWORD).send(MAIL)
    with pytest.raises(MailNotSent, match="535"):
        await mailer(port, **access, password="wrong").send(MAIL)

    assert len(inbox.envelopes) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_that_nobody_signed_gets_no_mail(
    inbox: Inbox, start: Start, certificate: Path, security: str
) -> None:
    tls = (
        {"ssl_context": context(certificate)} if security == "tls" else {"tls_context": context(certificate)}
    )

    with pytest.raises(MailNotSent, match="CertVerification"):
        await mailer(await start(**tls), security=security).send(MAIL)
    assert inbox.envelopes == []


async def test_a_server_that_cannot_encrypt_gets_no_mail(inbox: Inbox, start: Start) -> None:
    with pytest.raises(MailNotSent, match="NotSupported"):
        await mailer(await start(), security="starttls").send(MAIL)
    assert inbox.envelopes == []


async def test_a_refusal_is_an_error_without_the_text_of_the_mail(inbox: Inbox, start: Start) -> None:
    inbox.answer = "554 no: Token: abc"
    with pytest.raises(MailNotSent, match="554") as refusal:
        await mailer(await start()).send(MAIL)

    assert "abc" not in str(refusal.value)


async def test_a_server_that_is_away_is_an_error(start: Start) -> None:
    with pytest.raises(MailNotSent, match="ConnectionRefused"):
        await mailer(1).send(MAIL)
