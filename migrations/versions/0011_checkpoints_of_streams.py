"""Keep how far each shard of a stream has been taken in.

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
NOW = sa.text("now()")


def upgrade() -> None:
    """Keep how far each shard of a stream has been taken in."""
    op.create_table(
        "stream_checkpoint",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("shard_id", sa.Text(), nullable=False),
        sa.Column("sequence_number", sa.Text()),
        sa.Column("is_finished", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("updated_at", INSTANT, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("stream", "shard_id", name=op.f("pk_stream_checkpoint")),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("stream_checkpoint")
