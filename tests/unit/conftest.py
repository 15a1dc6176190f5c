"""Unit tests run silently: what is logged is asserted where it matters."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs


@pytest.fixture(scope="module", autouse=True)
def silent_logs() -> Iterator[None]:
    with capture_logs():
        yield
