"""How one becomes a user, and how long what is mailed for it is good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RegistrationMode = Literal["closed", "invitation", "open"]


@dataclass(slots=True, frozen=True, kw_only=True)
class AccountRules:
    """Rules for accounts that people make themselves."""

    registration: RegistrationMode = "invitation"
    """`closed`: administrators add users; `invitation`: or invite them; `open`: or anybody registers."""
    invitation_ttl_s: float = 7 * 86_400.0
    password_reset_ttl_s: float = 3_600.0
    public_url: str | None = None
    """Where people find the pages; None: mails hold the token only."""
