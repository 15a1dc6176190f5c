"""A client gets the best encoding that it accepts, and none that it refuses."""

from __future__ import annotations

import pytest

from solarrally.api.encodings import chosen_encoding


@pytest.mark.parametrize(
    ("accept_encoding", "chosen"),
    [
        (None, None),
        ("", None),
        ("identity", None),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, deflate", "gzip"),
        ("GZIP", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("br;q=0.000, gzip;q=0.1", "gzip"),
        ("br ; q=0.5,gzip", "br"),
        ("*", "br"),
        ("br;q=0, *", "gzip"),
        ("gzip, *;q=0", "gzip"),
        ("deflate", None),
        ("brx, xgzip", None),
        (";;,,=;q", None),
    ],
)
def test_the_best_of_those_that_are_accepted(accept_encoding: str | None, chosen: str | None) -> None:
    assert chosen_encoding(accept_encoding, ["br", "gzip"]) == chosen


def test_what_is_not_offered_is_not_chosen() -> None:
    assert chosen_encoding("gzip, br, *", []) is None
    assert chosen_encoding("br", ["gzip"]) is None
