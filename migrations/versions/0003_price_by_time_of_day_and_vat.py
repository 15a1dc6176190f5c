"""Add prices by time of day and VAT to tariffs, and what they make of a bill.

Only columns with constant defaults: no table is rewritten. The indexes of bills are built concurrently while
stations go on sending; that may be interrupted and begun again.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BILL_INDEXES = {
    "ix_bill_issued_id": "bill (issued_at, id)",
    "ix_bill_id_token_issued": "bill (id_token, issued_at, id)",
    "ix_bill_evse_issued": "bill (evse_uid, issued_at, id)",
}


def upgrade() -> None:
    """Add prices by time of day and VAT to tariffs, and what they make of a bill."""
    with op.get_context().autocommit_block():
        for name, definition in BILL_INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")  # one that was not finished
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {definition}")
    op.add_column(
        "tariff", sa.Column("vat_percent", sa.Numeric(5, 2), server_default=sa.text("0"), nullable=False)
    )
    op.add_column("tariff", sa.Column("elements", JSONB(), server_default=sa.text("'[]'"), nullable=False))
    op.add_column("tariff", sa.Column("timezone", sa.Text()))
    op.create_index("ix_tariff_valid_from_id", "tariff", ["valid_from", "id"])
    op.create_check_constraint(
        op.f("ck_tariff_vat_is_a_percentage"), "tariff", "vat_percent >= 0 AND vat_percent <= 100"
    )
    op.add_column(
        "bill", sa.Column("vat_percent", sa.Numeric(5, 2), server_default=sa.text("0"), nullable=False)
    )
    op.add_column("bill", sa.Column("vat", sa.Numeric(14, 4), server_default=sa.text("0"), nullable=False))
    op.add_column("bill", sa.Column("lines", JSONB(), server_default=sa.text("'[]'"), nullable=False))
    op.add_column("bill", sa.Column("issuer", JSONB(), server_default=sa.text("'{}'"), nullable=False))


def downgrade() -> None:
    """Take it back."""
    for name in ("issuer", "lines", "vat", "vat_percent"):
        op.drop_column("bill", name)
    for name in BILL_INDEXES:
        op.drop_index(name, "bill")
    op.drop_index("ix_tariff_valid_from_id", "tariff")
    for name in ("timezone", "elements", "vat_percent"):
        op.drop_column("tariff", name)
