"""What a device says after a command, as the command's result.

Most have no answers, and say again what has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from solarrally.dialects.family import Confirmation, IsOrder, Read, Said, Value
from solarrally.domain.command import Answer


def shown_by(
    read: Read,
    is_order: IsOrder,
    is_done: Callable[[Mapping[str, Value]], bool],
    known: Mapping[str, Value],
) -> Confirmation:
    """Completed with the first message after which the device is as it was asked to be.

    A device that publishes changes only is silent about a command that changes nothing: then any message of
    it will do.
    """
    seen: Said = dict(known)

    def confirmation(key: str, payload: bytes) -> Answer | None:
        if is_order(key, payload):
            return None
        seen.update(read(key, payload) or {})
        return Answer.COMPLETED if is_done(seen) else None

    return confirmation


def shown_anew(read: Read, is_order: IsOrder, is_done: Callable[[Mapping[str, Value]], bool]) -> Confirmation:
    """Completed with the first message that says it itself, whatever was known before."""

    def confirmation(key: str, payload: bytes) -> Answer | None:
        if is_order(key, payload):
            return None
        return Answer.COMPLETED if is_done(read(key, payload) or {}) else None

    return confirmation
