"""What a device says after a command, as the command's result.

Most have no answers, and say again what has changed. Whether a device is as it was asked to be shows in what
is known of it now: so it does not matter whether the process that waits is the one that asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from solarrally.dialects.family import Confirmation, Heard, Outcome, Value
from solarrally.domain.command import Answer

SAME_A: Final = 0.06
"""Half of the 0.1 A that some count in, and a little."""

IsDone: TypeAlias = Callable[[Mapping[str, Value]], bool]


def shown_by(is_done: IsDone) -> Confirmation:
    """Completed with the first message after which the device is as it was asked to be.

    A device that publishes changes only is silent about a command that changes nothing: then any message of
    it will do.
    """
    return lambda heard: Outcome(Answer.COMPLETED) if is_done(heard.known) else None


def shown_anew(is_done: IsDone) -> Confirmation:
    """Completed with the first message that says it itself, whatever was known before."""
    return lambda heard: Outcome(Answer.COMPLETED) if is_done(heard.said) else None


def limit_shown(
    name: str,
    *,
    asked_a: float,
    sent_a: float,
    before: Value,
    is_free: IsDone = lambda known: True,
    tighter: Callable[[Mapping[str, Value]], tuple[float, str] | None] = lambda known: None,
) -> Confirmation:
    """Completed when the device says that its limit (`name`, in A) is the one that was sent, or is lower than
    that, and was another `before`: it has cut it. `before` None: not known. What is not as asked for is told.
    What another command has set since is what was before.

    `is_free`: whether it may charge, where the limit takes back a pause. `tighter`: what else limits it, in
    A, and how that is called.
    """

    before_a = before

    def confirmation(heard: Heard) -> Outcome | None:
        nonlocal before_a
        if heard.obeyed_a is not None:
            before_a = heard.obeyed_a
        limit_a = heard.known.get(name)
        if not isinstance(limit_a, float) or not is_free(heard.known):
            return None
        is_obeyed = is_same(limit_a, sent_a)
        is_cut = isinstance(before_a, float) and limit_a < sent_a and not is_same(limit_a, before_a)
        if not is_obeyed and not is_cut:
            return None
        detail = told_limit(asked_a, limit_a, tighter(heard.known))
        return Outcome(Answer.COMPLETED, detail, limit_a if is_obeyed else None)

    return confirmation


def is_same(one_a: float, other_a: float) -> bool:
    """Whether a device that rounds would say the one for the other."""
    return abs(one_a - other_a) < SAME_A


def told_limit(asked_a: float, set_a: float, tighter: tuple[float, str] | None = None) -> str | None:
    """What is not as asked for; None when all of it is."""
    told = [] if is_same(asked_a, set_a) else [f"it set {set_a:g} A instead of {asked_a:g} A"]
    if tighter is not None and tighter[0] < set_a:
        told.append(f"{tighter[1]} allows {tighter[0]:g} A")
    return "; ".join(told) or None
