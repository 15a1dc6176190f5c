"""A mailer that keeps the mails, for tests."""

from __future__ import annotations

import re

from solarrally.mail import Mail, MailNotSent


class Mailbox:
    """What was sent, oldest first."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.is_broken = False

    async def send(self, mail: Mail) -> None:
        if self.is_broken:
            raise MailNotSent("the mail server is away")
        self.mails.append(mail)

    @property
    def token(self) -> str:
        """The token in the newest mail."""
        found = re.search(r"(?:Token: |#token=)([A-Za-z0-9_-]{43})\b", self.mails[-1].text)
        assert found is not None
        return found[1]
