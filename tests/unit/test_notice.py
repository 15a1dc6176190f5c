"""Live updates survive the way through NOTIFY, whatever their texts."""

from __future__ import annotations

import string
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solarrally.domain.update import ConnectorUpdate, SessionUpdate
from solarrally.storage.notice import MAX_NOTICE_BYTES, decode_notice, encode_notices
from tests.api.world import a_session, an_update

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60)
INSTANTS = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False)
WH = st.integers(-(2**53), 2**53)

SESSIONS = st.builds(
    SessionUpdate,
    id=st.uuids(),
    evse_uid=ANY_TEXT,
    connector_id=st.integers(0, 2**15 - 1),
    device_session_id=st.none() | ANY_TEXT,
    id_token=st.none() | ANY_TEXT,
    status=st.sampled_from(["ACTIVE", "COMPLETED", "INVALID"]),
    started_at=INSTANTS,
    ended_at=st.none() | INSTANTS,
    end_reason=st.none() | ANY_TEXT,
    energy_wh=WH,
    energy_solar_wh=WH,
    energy_grid_wh=WH,
    energy_unattributed_wh=WH,
    peak_power_w=NUMBERS,
    cost=st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9),
    currency=st.text(string.ascii_uppercase, min_size=3, max_size=3),
)
CONNECTORS = st.builds(
    ConnectorUpdate,
    evse_uid=ANY_TEXT,
    site_id=st.integers(1, 2**31 - 1),
    connector_id=st.integers(0, 2**15 - 1),
    is_online=st.booleans(),
    ts=st.none() | INSTANTS,
    received_at=st.none() | INSTANTS,
    status=st.none() | ANY_TEXT,
    reported_status=st.none() | ANY_TEXT,
    power_w=NUMBERS,
    voltage_v=NUMBERS,
    current_a=NUMBERS,
    temperature_c=NUMBERS,
    soc_percent=NUMBERS,
    energy_source=st.none() | ANY_TEXT,
    error_code=st.none() | ANY_TEXT,
    quality=st.integers(0, 31),
    session=st.none() | SESSIONS,
)


@given(st.lists(CONNECTORS, max_size=30), st.lists(SESSIONS, max_size=30))
def test_updates_come_back_as_they_were_in_order(
    connectors: list[ConnectorUpdate], sessions: list[SessionUpdate]
) -> None:
    texts = encode_notices(connectors, sessions)
    notices = [decode_notice(text) for text in texts]

    assert all(len(text.encode()) < MAX_NOTICE_BYTES for text in texts)
    assert [update for notice in notices for update in notice.connectors] == connectors
    assert [update for notice in notices for update in notice.sessions] == sessions


@given(st.text(max_size=4), st.integers(0, 12_000))
def test_texts_of_any_length_fit(seed: str, length: int) -> None:
    text = (seed * length)[:length]
    session = a_session(
        "s", evse_uid=text, device_session_id=text, id_token=text, end_reason=text, currency=text
    )
    update = an_update(
        text, status=text, reported_status=text, energy_source=text, error_code=text, session=session
    )

    texts = encode_notices([update], [session])

    assert all(len(text.encode()) < MAX_NOTICE_BYTES for text in texts)
    notices = [decode_notice(text) for text in texts]
    assert sum(len(notice.connectors) for notice in notices) == 1
    assert sum(len(notice.sessions) for notice in notices) == 1


@pytest.mark.parametrize(
    "text", ["x" * 20_000, "\0" * 20_000, "€" * 20_000, "\U0001f50c" * 20_000, '"\\' * 9_000]
)
def test_a_long_text_is_cut_and_says_so(text: str) -> None:
    [notice] = [decode_notice(text) for text in encode_notices([an_update(error_code=text)], [])]

    shortened = notice.connectors[0].error_code
    assert shortened is not None
    assert shortened.endswith("…")
    assert text.startswith(shortened[:-1])
    assert notice.connectors[0].evse_uid == "CP-1"


def test_a_token_too_long_is_left_out_since_half_of_it_could_be_anothers() -> None:
    [text] = encode_notices([], [a_session("s", id_token="t" * 9_000)])

    assert decode_notice(text).sessions[0].id_token is None


def test_a_lone_surrogate_does_not_break_the_transaction() -> None:
    [text] = encode_notices([an_update(error_code="\ud800!")], [])

    assert decode_notice(text).connectors[0].error_code == "?!"


def test_money_is_exact_and_text() -> None:
    [text] = encode_notices([], [a_session("s", cost=Decimal("0.1000"))])

    assert '"cost":"0.1000"' in text
    assert str(decode_notice(text).sessions[0].cost) == "0.1000"


def test_few_updates_make_one_notice_and_none_make_none() -> None:
    assert len(encode_notices([an_update(f"CP-{number}") for number in range(10)], [])) == 1
    assert encode_notices([], []) == []


@pytest.mark.parametrize(
    "text", ["", "[]", '{"connectors":[{}],"sessions":[]}', '{"alerts":[1]}', "nonsense"]
)
def test_what_is_not_ours_is_refused(text: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_notice(text)
