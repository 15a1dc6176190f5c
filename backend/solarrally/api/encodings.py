"""Which content encodings a client accepts (RFC 9110 12.5.3)."""

from __future__ import annotations

from collections.abc import Sequence


def chosen_encoding(accept_encoding: str | None, offered: Sequence[str]) -> str | None:
    """The first of the offered encodings, best first, that the client accepts; None: send it as it is."""
    if not accept_encoding:
        return None
    accepted: dict[str, bool] = {}
    for part in accept_encoding.lower().split(","):
        name, *parameters = (word.strip() for word in part.split(";"))
        accepted[name] = not any(_is_zero(parameter) for parameter in parameters)
    for encoding in offered:
        if accepted.get(encoding, accepted.get("*", False)):
            return encoding
    return None


def _is_zero(parameter: str) -> bool:
    """Whether it is `q=0`, `q=0.0` and the like: not acceptable."""
    name, _, value = parameter.partition("=")
    return name.strip() == "q" and not value.strip().strip("0.")
