"""Access tokens: short-lived JWTs that say who, never what they may do."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import jwt

ALGORITHM: Final = "HS256"
"""The only one: what a token says about its algorithm is never followed."""
ISSUER: Final = "solarrally"
AUDIENCE: Final = "solarrally-api"
TOKEN_TYPE: Final = "access"
MIN_SECRET_LENGTH: Final = 32
MAX_TOKEN_LENGTH: Final = 4_096
_REQUIRED: Final = ["exp", "iat", "sub", "aud", "iss", "jti", "sid", "typ"]
_MAX_USER_ID: Final = 2**31 - 1


class InvalidToken(Exception):
    """The token is not one that we made and that still holds."""


@dataclass(slots=True, frozen=True)
class Identity:
    """Who a token speaks for, by which login, and until when."""

    user_id: int
    login_id: UUID
    expires_at: datetime


class AccessTokens:
    """Makes and checks access tokens with one secret."""

    def __init__(self, secret: str, ttl_s: int) -> None:
        if len(secret) < MIN_SECRET_LENGTH:
            raise ValueError(f"the token secret needs at least {MIN_SECRET_LENGTH} characters")
        self._secret = secret
        self.ttl_s = ttl_s

    def issue(self, user_id: int, login_id: UUID, now: datetime) -> str:
        """A token for the user's login, valid from `now` for `ttl_s` or as long as the login holds."""
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(user_id),
            "sid": str(login_id),
            "typ": TOKEN_TYPE,
            "jti": uuid.uuid4().hex,
            "iat": now,
            "exp": now + timedelta(seconds=self.ttl_s),
        }
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM)

    def identify(self, token: str) -> Identity:
        """Whose token it is. Raises `InvalidToken`."""
        if len(token) > MAX_TOKEN_LENGTH:
            raise InvalidToken("too long")
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": _REQUIRED},
            )
            expires_s, issued_s = int(claims["exp"]), int(claims["iat"])
            login_id = UUID(claims["sid"])
        except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError, OverflowError) as error:
            raise InvalidToken(str(error)) from error
        subject = claims["sub"]
        if claims["typ"] != TOKEN_TYPE:
            raise InvalidToken("not an access token")
        if expires_s - issued_s > self.ttl_s:
            raise InvalidToken("lives longer than we allow")
        if not (subject.isascii() and subject.isdigit()) or len(subject) > 10 or int(subject) > _MAX_USER_ID:
            raise InvalidToken("not a user of ours")
        return Identity(int(subject), login_id, datetime.fromtimestamp(expires_s, UTC))
