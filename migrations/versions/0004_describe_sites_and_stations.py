"""Describe sites, stations and connectors as OCPI does.

Only columns without defaults: no table is rewritten.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Describe sites, stations and connectors as OCPI does."""
    for name in ("address", "city", "postal_code", "country", "operator_name", "operator_tax_id"):
        op.add_column("site", sa.Column(name, sa.Text()))
    op.create_check_constraint(op.f("ck_site_country_is_iso3166_alpha3"), "site", "country ~ '^[A-Z]{3}$'")
    for name in ("name", "credentials_ref"):
        op.add_column("evse", sa.Column(name, sa.Text()))
    for name in ("standard", "format", "power_type"):
        op.add_column("connector", sa.Column(name, sa.Text()))


def downgrade() -> None:
    """Take it back."""
    for name in ("power_type", "format", "standard"):
        op.drop_column("connector", name)
    for name in ("credentials_ref", "name"):
        op.drop_column("evse", name)
    for name in ("operator_tax_id", "operator_name", "country", "postal_code", "city", "address"):
        op.drop_column("site", name)
