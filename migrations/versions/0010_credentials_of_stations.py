"""Note what stations prove their identity with.

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
NOW = sa.text("now()")


def upgrade() -> None:
    """Note what stations prove their identity with."""
    op.create_table(
        "evse_credential",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("evse_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("serial_hex", sa.Text()),
        sa.Column("not_before", INSTANT),
        sa.Column("not_after", INSTANT),
        sa.Column("created_at", INSTANT, server_default=NOW, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("revoked_at", INSTANT),
        sa.Column("revoked_by", sa.Text()),
        sa.CheckConstraint(
            "kind IN ('certificate', 'password', 'aws_iot')", name=op.f("ck_evse_credential_kind_is_known")
        ),
        sa.ForeignKeyConstraint(
            ["evse_id"], ["evse.id"], name=op.f("fk_evse_credential_evse_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evse_credential")),
        sa.UniqueConstraint("kind", "reference", name=op.f("uq_evse_credential_kind_reference")),
    )
    op.create_index("ix_evse_credential_evse_id", "evse_credential", ["evse_id"], unique=False)


def downgrade() -> None:
    """Take it back."""
    op.drop_table("evse_credential")
