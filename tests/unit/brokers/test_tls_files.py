"""When certificates end, as their files and the broker say it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from structlog.testing import capture_logs

from solarrally.brokers.tls_files import TlsFiles, end_of_shown
from tests.support.tls_mosquitto import Authority

EARLY = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
LATE = EARLY + timedelta(days=400)


def test_of_a_chain_the_first_certificate_is_ours(tmp_path: Path) -> None:
    authority = Authority(tmp_path, ends_at=LATE)
    ours = authority.identity("ingestor", ends_at=EARLY)
    ours.cert_file.write_bytes(ours.cert_file.read_bytes() + authority.ca_file.read_bytes())

    assert ours.ends() == {"client": EARLY, "authority": LATE}


def test_an_old_authority_beside_its_successor_says_nothing_of_the_end(tmp_path: Path) -> None:
    old, new = Authority(tmp_path, "old", ends_at=EARLY), Authority(tmp_path, "new", ends_at=LATE)
    both = tmp_path / "both.pem"
    both.write_bytes(new.ca_file.read_bytes() + old.ca_file.read_bytes())

    assert TlsFiles(ca_file=both, cert_file=None, key_file=None).ends() == {"authority": LATE}


def test_what_cannot_be_read_is_unknown_and_said(tmp_path: Path) -> None:
    empty, missing = tmp_path / "empty.pem", tmp_path / "missing.pem"
    empty.write_text("no certificate")
    with capture_logs() as logs:
        assert TlsFiles(ca_file=empty, cert_file=missing, key_file=None).ends() == {}
        assert end_of_shown(b"no certificate") is None

    assert [entry["event"] for entry in logs] == ["certificate_end_unknown"] * 3
    assert {entry["file"] for entry in logs if "file" in entry} == {str(empty), str(missing)}


def test_without_tls_the_broker_shows_none() -> None:
    assert end_of_shown(None) is None
