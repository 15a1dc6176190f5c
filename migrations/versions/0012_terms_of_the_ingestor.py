"""Count how often an ingestor has begun to lead.

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Count how often an ingestor has begun to lead."""
    op.create_table(
        "ingest_lead",
        sa.Column("is_only_row", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("term", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("is_only_row", name=op.f("ck_ingest_lead_only_row")),
        sa.PrimaryKeyConstraint("is_only_row", name=op.f("pk_ingest_lead")),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("ingest_lead")
