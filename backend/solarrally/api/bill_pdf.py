"""A bill as a PDF that a customer can be given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fpdf import FPDF
from fpdf.enums import Align, MethodReturnValue, XPos, YPos
from fpdf.fonts import TTFFont

from solarrally.domain.periods import PricedPeriod
from solarrally.domain.tariff import rounded
from solarrally.storage.queries import BillContext, BillRow

MAX_ROWS_SHOWN: Final = 15
"""Of more rows than these, only what was taken at each price is shown: the bill stays one page."""
MAX_NAME_LENGTH: Final = 120
"""Longer names are cut, visibly."""

_CORE_FONT: Final = "Helvetica"
_OWN_FONT: Final = "bill"
_MARGIN_MM: Final = 20
_WIDTH_MM: Final = 210 - 2 * _MARGIN_MM
_COLUMNS_MM: Final = (44, 50, 24, 26, 26)
_LABEL_MM: Final = 44
_ROW_MM: Final = 6


@dataclass(slots=True, frozen=True)
class _Row:
    """What was taken from one source at one price."""

    source: str
    when: str
    energy_wh: int
    price_per_kwh: Decimal

    @property
    def cost(self) -> Decimal:
        return self.energy_wh * self.price_per_kwh / 1000


def render_bill(bill: BillRow, context: BillContext, font_file: Path | None) -> bytes:
    """The PDF. Characters that the font lacks become question marks. Blocks for a few hundredths of a
    second; the same bill always gives the same bytes.
    """
    page = _Page(font_file)
    zone, zone_name = _zone_of(bill)
    is_credit = bill.kind == "credit"
    page.set_title(f"{'Credit note' if is_credit else 'Invoice'} {bill.number}")
    page.pdf.set_creation_date(bill.issued_at)
    page.title("Credit note" if is_credit else "Invoice", f"No. {bill.number}")
    page.issuer(bill)
    page.fact("Issued", _local(bill.issued_at, zone))
    if is_credit:
        page.fact("Credits", f"invoice no. {context.credited_number}, in full")
    page.fact("Charged from", _local(bill.started_at, zone))
    page.fact("until", _local(bill.ended_at, zone))
    page.fact("Times are of", zone_name)
    page.fact("Station", f"{bill.evse_uid}, connector {bill.connector_id}")
    page.fact("Site", bill.issuer.name or "not recorded")
    page.fact("Identified by", bill.id_token or "nobody")
    page.fact("Session", str(bill.session_id))
    page.pdf.ln(_ROW_MM)
    sign = -1 if is_credit else 1
    page.table(
        ("Energy", "When", "kWh", f"{bill.currency} a kWh", bill.currency),
        [
            (
                row.source,
                row.when,
                f"{Decimal(row.energy_wh) / 1000:,.3f}",
                _plain(row.price_per_kwh, bill.currency),
                _plain(sign * row.cost, bill.currency),
            )
            for row in _rows(bill, zone)
        ],
    )
    page.sum("Net", bill.total, bill.currency)
    page.sum(f"VAT {bill.vat_percent.normalize():f} %", bill.vat, bill.currency)
    page.sum("Total", bill.total + bill.vat, bill.currency, is_last=True)
    if bill.energy_unattributed_wh:
        page.note("Energy whose source is not known is charged at the price of grid energy.")
    page.note("Energy is billed to the watt-hour and rounded once, in the net amount.")
    return page.finished()


class _Page:
    """A PDF that is written from top to bottom."""

    def __init__(self, font_file: Path | None) -> None:
        self.pdf = FPDF(format="A4")
        self.pdf.set_margins(_MARGIN_MM, _MARGIN_MM)
        self.pdf.set_auto_page_break(True, _MARGIN_MM)
        self.pdf.set_lang("en")
        self._known: frozenset[int] | None = None
        self._font = _CORE_FONT
        if font_file is not None:
            self._font = _OWN_FONT
            for style in ("", "B"):
                self.pdf.add_font(_OWN_FONT, style=style, fname=font_file)
            font = self.pdf.fonts[_OWN_FONT]
            assert isinstance(font, TTFFont)
            self._known = frozenset(font.cmap)
        self.pdf.add_page()

    def set_title(self, text: str) -> None:
        self.pdf.set_title(text)

    def title(self, text: str, number: str) -> None:
        self._style(20, is_bold=True)
        self.pdf.cell(_WIDTH_MM / 2, 12, self._printable(text))
        self._style(14)
        self.pdf.cell(
            _WIDTH_MM / 2, 12, self._printable(number), align=Align.R, new_x=XPos.LMARGIN, new_y=YPos.NEXT
        )
        self.pdf.ln(2)

    def issuer(self, bill: BillRow) -> None:
        issuer = bill.issuer
        place = " ".join(part for part in (issuer.postal_code, issuer.city) if part)
        tax_id = None if issuer.operator_tax_id is None else f"Tax no. {issuer.operator_tax_id}"
        self._style(11, is_bold=True)
        self._paragraph(issuer.operator_name or issuer.name or "Operator not recorded")
        self._style(10)
        for text in (issuer.address, place, issuer.country, tax_id):
            if text:
                self._paragraph(text)
        self.pdf.ln(_ROW_MM)

    def fact(self, label: str, text: str) -> None:
        top = self.pdf.get_y()
        self._style(10)
        self.pdf.cell(_LABEL_MM, _ROW_MM, label)
        self.pdf.set_xy(_MARGIN_MM + _LABEL_MM, top)
        self._paragraph(text, _WIDTH_MM - _LABEL_MM)

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self._style(10, is_bold=True)
        self._row(heads)
        self._rule()
        self._style(10)
        for row in rows:
            self._row(row)
        self._rule()

    def sum(self, label: str, amount: Decimal, currency: str, *, is_last: bool = False) -> None:
        self._style(12 if is_last else 10, is_bold=is_last)
        text = f"{rounded(amount, currency):,} {currency}"
        self.pdf.cell(_WIDTH_MM - 60, _ROW_MM + 1)
        self.pdf.cell(24, _ROW_MM + 1, label)
        self.pdf.cell(36, _ROW_MM + 1, text, align=Align.R, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def note(self, text: str) -> None:
        self.pdf.ln(2)
        self._style(8)
        self._paragraph(text)

    def finished(self) -> bytes:
        return bytes(self.pdf.output())

    def _row(self, texts: Sequence[str]) -> None:
        """Cells side by side, as high as the highest; the first two are words, the others numbers."""
        words = [self._printable(text) for text in texts]
        height_mm = max(self._height_mm(width, text) for width, text in zip(_COLUMNS_MM, words, strict=True))
        if self.pdf.will_page_break(height_mm):
            self.pdf.add_page()
        left_mm, top_mm = float(_MARGIN_MM), self.pdf.get_y()
        for n, (width, text) in enumerate(zip(_COLUMNS_MM, words, strict=True)):
            self.pdf.set_xy(left_mm, top_mm)
            self.pdf.multi_cell(width, _ROW_MM, text, align=Align.L if n < 2 else Align.R)
            left_mm += width
        self.pdf.set_xy(_MARGIN_MM, top_mm + height_mm)

    def _height_mm(self, width_mm: float, text: str) -> float:
        lines = self.pdf.multi_cell(
            width_mm, _ROW_MM, text, dry_run=True, output=MethodReturnValue.LINES, align=Align.L
        )
        assert isinstance(lines, list)
        return _ROW_MM * max(1, len(lines))

    def _rule(self) -> None:
        y_mm = self.pdf.get_y() + 1
        self.pdf.line(_MARGIN_MM, y_mm, _MARGIN_MM + _WIDTH_MM, y_mm)
        self.pdf.set_y(y_mm + 1)

    def _paragraph(self, text: str, width_mm: float = _WIDTH_MM) -> None:
        self.pdf.multi_cell(
            width_mm, _ROW_MM, self._printable(text), align=Align.L, new_x=XPos.LMARGIN, new_y=YPos.NEXT
        )

    def _style(self, size_pt: int, *, is_bold: bool = False) -> None:
        self.pdf.set_font(self._font, style="B" if is_bold else "", size=size_pt)

    def _printable(self, text: str) -> str:
        """The text as the font can write it, not too long, in one line."""
        if len(text) > MAX_NAME_LENGTH:
            text = text[: MAX_NAME_LENGTH - 3] + "..."
        return "".join(char if self._can_write(char) else "?" for char in text)

    def _can_write(self, char: str) -> bool:
        if not char.isprintable():
            return False
        return ord(char) < 256 if self._known is None else ord(char) in self._known


def _rows(bill: BillRow, zone: tzinfo) -> list[_Row]:
    by_line = [
        row
        for line in bill.lines
        for row in _rows_at_price([line], f"{_clock(line.started_at, zone)} - {_clock(line.ended_at, zone)}")
    ]
    if len(by_line) <= MAX_ROWS_SHOWN:
        return by_line
    by_price: dict[tuple[Decimal, Decimal], list[PricedPeriod]] = {}
    for line in bill.lines:
        by_price.setdefault((line.price_solar_per_kwh, line.price_grid_per_kwh), []).append(line)
    return [row for lines in by_price.values() for row in _rows_at_price(lines, f"in {len(lines)} periods")]


def _rows_at_price(lines: Sequence[PricedPeriod], when: str) -> Iterator[_Row]:
    price_solar, price_grid = lines[0].price_solar_per_kwh, lines[0].price_grid_per_kwh
    rows = (
        _Row("Solar", when, sum(line.energy_solar_wh for line in lines), price_solar),
        _Row("Grid", when, sum(line.energy_grid_wh for line in lines), price_grid),
        _Row("Source not known", when, sum(line.energy_unattributed_wh for line in lines), price_grid),
    )
    taken = [row for row in rows if row.energy_wh]
    yield from taken or [_Row("None", when, 0, price_grid)]


def _zone_of(bill: BillRow) -> tuple[tzinfo, str]:
    name = bill.issuer.timezone
    if name is None:
        return UTC, "UTC"
    try:
        return ZoneInfo(name), name
    except (ZoneInfoNotFoundError, ValueError):  # a bill made where more zones are known
        return UTC, "UTC"


def _local(instant: datetime, zone: tzinfo) -> str:
    at = instant.astimezone(zone)
    offset = f"{at:%z}"
    return f"{at:%Y-%m-%d %H:%M:%S} (UTC{offset[:3]}:{offset[3:5]})"


def _clock(instant: datetime, zone: tzinfo) -> str:
    return f"{instant.astimezone(zone):%m-%d %H:%M}"


def _plain(amount: Decimal, currency: str) -> str:
    """The exact amount, with at least the decimals of its currency."""
    shown = rounded(amount, currency)
    return f"{shown if shown == amount else amount.normalize():,f}"
