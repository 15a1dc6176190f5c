"""Frames made once are frames that a client of another make reads."""

from __future__ import annotations

import random
import string

import pytest
from websockets.client import ClientProtocol
from websockets.extensions.base import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame as WireFrame
from websockets.protocol import OPEN
from websockets.uri import parse_uri

from solarrally.api.live_rendering import MIN_DEFLATED_BYTES, MIN_SHARED_BY, frame_of, text_of
from solarrally.api.live_wire import deflated_frame, text_frame
from solarrally.hub import Audience, Frame, Stale, Versioned
from tests.api.world import an_update

OPERATOR = Audience(sees_all_sessions=True)
LENGTHS = [0, 1, 125, 126, 127, 65_535, 65_536, 200_000]


def read_by_a_client(data: bytes, *extensions: Extension) -> bytes:
    """The one text message that a client makes of it."""
    client = ClientProtocol(parse_uri("ws://127.0.0.1/"), state=OPEN, max_size=None)
    client.extensions = list(extensions)
    client.receive_data(data)
    [event] = client.events_received()
    assert isinstance(event, WireFrame)
    assert event.fin
    assert event.opcode == 1
    return bytes(event.data)


def some_text(length: int) -> bytes:
    return "".join(random.Random(length).choices(string.ascii_letters, k=length)).encode()


@pytest.mark.parametrize("length", LENGTHS)
def test_a_text_of_any_length_is_one_message(length: int) -> None:
    assert read_by_a_client(text_frame(some_text(length))) == some_text(length)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("keeps_context", [True, False])
def test_so_is_a_deflated_one_whatever_was_sent_before(length: int, keeps_context: bool) -> None:
    """A client that keeps the context of earlier messages reads a frame that refers to none."""
    extension = PerMessageDeflate(not keeps_context, True, 15, 15)

    for _ in range(2):
        assert read_by_a_client(deflated_frame(some_text(length)), extension) == some_text(length)


def a_frame(updates: int, shared_by: int) -> Frame:
    return Frame([Versioned(an_update(f"CP-{number}")) for number in range(updates)], (), shared_by)


@pytest.mark.parametrize(
    ("updates", "shared_by", "deflates", "is_deflated"),
    [
        (20, MIN_SHARED_BY, True, True),
        (20, MIN_SHARED_BY, False, False),
        (20, MIN_SHARED_BY - 1, True, False),
        (1, MIN_SHARED_BY, True, False),
    ],
)
def test_what_is_large_and_shared_is_deflated_for_those_who_take_it(
    updates: int, shared_by: int, deflates: bool, is_deflated: bool
) -> None:
    event = a_frame(updates, shared_by)
    frame = frame_of(event, OPERATOR, deflates=deflates)

    assert (len(text_of(event, OPERATOR)) >= MIN_DEFLATED_BYTES) is (updates > 1)
    assert bool(frame[0] & 0x40) is is_deflated
    assert frame_of(event, OPERATOR, deflates=deflates) is frame
    assert read_by_a_client(frame, PerMessageDeflate(True, True, 15, 15)) == text_of(event, OPERATOR)


def test_those_who_take_it_deflated_and_those_who_do_not_are_told_the_same() -> None:
    event = a_frame(20, MIN_SHARED_BY)
    extension = PerMessageDeflate(True, True, 15, 15)

    plain, deflated = (frame_of(event, OPERATOR, deflates=deflates) for deflates in (False, True))
    assert read_by_a_client(plain) == read_by_a_client(deflated, extension)
    assert read_by_a_client(frame_of(Stale(), OPERATOR, deflates=True)) == b'{"type":"stale"}'
