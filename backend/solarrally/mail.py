"""Mails, and how they leave: by SMTP, or onto the console of a developer."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
import sys
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from typing import Final, Literal, Protocol, TextIO

from solarrally.errors import SolarRallyError

SMTP_TIMEOUT_S: Final = 10.0
"""For each step of the conversation."""


class MailNotSent(SolarRallyError):
    """The mail has not left. Nothing of its text is in the message."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Mail:
    """A mail of plain text to one address."""

    to: str
    subject: str
    text: str


class Mailer(Protocol):
    """Sends mails."""

    async def send(self, mail: Mail) -> None:
        """Returns when somebody else has taken the mail over. Raises `MailNotSent`."""


class ConsoleMailer:
    """Prints mails, whole, with the tokens in them: for development only."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    async def send(self, mail: Mail) -> None:
        """Print it."""
        stream = sys.stdout if self._stream is None else self._stream
        stream.write(f"--- mail ---\nTo: {mail.to}\nSubject: {mail.subject}\n\n{mail.text}\n------------\n")
        stream.flush()


@dataclass(slots=True, frozen=True, kw_only=True)
class SmtpServer:
    """Where mails go, and as whom."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    """`starttls`: encrypted before anything is said, or nothing is said; `tls`: from the first byte."""
    sender: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    """Who signed the server's certificate, instead of the system's list."""


class SmtpMailer:
    """One conversation with the server for each mail, in a thread."""

    def __init__(self, server: SmtpServer, *, timeout_s: float = SMTP_TIMEOUT_S) -> None:
        self._server = server
        self._timeout_s = timeout_s

    async def send(self, mail: Mail) -> None:
        """Returns when the server has taken it. Raises `MailNotSent`."""
        try:
            await asyncio.to_thread(self._converse, self._message(mail))
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise MailNotSent(
                f"{self._server.host}:{self._server.port}: {type(error).__name__}{_code_of(error)}"
            ) from error

    def _message(self, mail: Mail) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        try:
            message["From"] = self._server.sender
            message["To"] = mail.to
            message["Subject"] = mail.subject
            message["Date"] = formatdate(usegmt=True)
            message["Message-ID"] = make_msgid(domain=self._server.sender.rpartition("@")[2] or "localhost")
            message["Auto-Submitted"] = "auto-generated"
        except ValueError as error:  # a line break in a header
            raise MailNotSent(f"not a header: {error}") from error
        message.set_content(mail.text)
        return message

    def _converse(self, message: EmailMessage) -> None:
        server = self._server
        if server.security == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=self._timeout_s, context=self._tls()
            )
        else:
            smtp = smtplib.SMTP(server.host, server.port, timeout=self._timeout_s)
        with smtp:
            if server.security == "starttls":
                smtp.starttls(context=self._tls())
            if server.username is not None and server.password is not None:
                smtp.login(server.username, server.password)
            smtp.send_message(message)

    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._server.ca_file)


def _code_of(error: Exception) -> str:
    """The server's own number; its text may repeat what we said."""
    return f" {error.smtp_code}" if isinstance(error, smtplib.SMTPResponseException) else ""
