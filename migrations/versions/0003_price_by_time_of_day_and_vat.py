"""Add prices by time of day and VAT to tariffs, and what they make of a bill.

Only columns with constant defaults: no table is rewritten.

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


def upgrade() -> None:
    """Add prices by time of day and VAT to tariffs, and what they make of a bill."""
    op.add_column(
        "tariff", sa.Column("vat_percent", sa.Numeric(5, 2), server_default=sa.text("0"), nullable=False)
    )
    op.add_column("tariff", sa.Column("elements", JSONB(), server_default=sa.text("'[]'"), nullable=False))
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
    for name in ("elements", "vat_percent"):
        op.drop_column("tariff", name)
