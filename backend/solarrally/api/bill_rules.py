"""What bills need beyond the data: who we are to others, and what they are printed with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True, frozen=True, kw_only=True)
class BillRules:
    """The settings about bills, as plain values."""

    country_code: str = "JM"
    """ISO 3166-1 alpha-2; with `party_id` the name of the operator in OCPI."""
    party_id: str = "SRY"
    font_file: Path | None = None
    """TTF or OTF for names that Latin-1 cannot write; None: the PDF core fonts."""
