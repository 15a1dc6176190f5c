"""The mails that people get: short, plain, and with one thing to do."""

from __future__ import annotations

from solarrally.mail import Mail


def invitation_mail(to: str, token: str, *, public_url: str | None, valid_s: float) -> Mail:
    """To somebody who is invited."""
    return Mail(
        to=to,
        subject="Your invitation to SolarRally",
        text="You are invited to SolarRally. Choose a username and a password:\n\n"
        f"{_place(token, public_url, 'accept-invitation')}\n\n"
        f"This is good once, for {_span(valid_s)}. If you did not expect it, do nothing.\n",
    )


def password_reset_mail(
    to: str, username: str, token: str, *, public_url: str | None, valid_s: float
) -> Mail:
    """To somebody who forgot the password, or of whom somebody says so."""
    return Mail(
        to=to,
        subject="Your password for SolarRally",
        text=f"Somebody, perhaps you, asked for a new password for the user {username}. Choose one:\n\n"
        f"{_place(token, public_url, 'reset-password')}\n\n"
        f"This is good once, for {_span(valid_s)}. If it was not you, do nothing: the old password stays.\n",
    )


def _place(token: str, public_url: str | None, page: str) -> str:
    """A link whose token stays out of the logs of servers, behind the #."""
    return f"Token: {token}" if public_url is None else f"{public_url.rstrip('/')}/{page}#token={token}"


def _span(seconds: float) -> str:
    hours = round(seconds / 3600)
    return f"{hours // 24} days" if hours >= 48 else "one hour" if hours == 1 else f"{hours} hours"
