"""Let a station have a base topic of its own.

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a station have a base topic of its own."""
    op.add_column("evse", sa.Column("base_topic", sa.Text()))
    op.create_unique_constraint(op.f("uq_evse_base_topic"), "evse", ["base_topic"])


def downgrade() -> None:
    """Take it back."""
    op.drop_constraint(op.f("uq_evse_base_topic"), "evse")
    op.drop_column("evse", "base_topic")
