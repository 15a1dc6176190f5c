"""Describe sites, stations and connectors as OCPI does, and file sessions by site.

Columns without defaults: no table is rewritten. Sessions are given their site while stations go on sending,
and their indexes are built concurrently; all of that may be interrupted and begun again.

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

SITE_COLUMNS = ("address", "city", "postal_code", "country", "operator_name", "operator_tax_id")
INDEXES = {
    "ix_charging_session_site_started": "charging_session (site_id, started_at, id)",
    "ix_charging_session_evse_started": "charging_session (evse_id, started_at, id)",
    "ix_charging_session_device_session": "charging_session (device_session_id, started_at, id)",
    "ix_charging_session_settled_id": "charging_session (settled_at, id) WHERE settled_at IS NOT NULL",
    "ix_station_event_evse_ts_id": "station_event (evse_id, ts, id)",
}


def upgrade() -> None:
    """Describe sites, stations and connectors as OCPI does, and file sessions by site."""
    with op.get_context().autocommit_block():
        file_sessions()
    for name in SITE_COLUMNS:
        op.add_column("site", sa.Column(name, sa.Text()))
    op.create_check_constraint(op.f("ck_site_country_is_iso3166_alpha3"), "site", "country ~ '^[A-Z]{3}$'")
    for name in ("name", "credentials_ref"):
        op.add_column("evse", sa.Column(name, sa.Text()))
    op.add_column("evse", sa.Column("edited_at", sa.DateTime(timezone=True)))
    op.create_index(
        "ix_evse_edited", "evse", ["edited_at"], postgresql_where=sa.text("edited_at IS NOT NULL")
    )
    op.create_table(
        "evse_move",
        sa.Column("evse_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("from_site_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["evse_id"], ["evse.id"], name=op.f("fk_evse_move_evse_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["from_site_id"], ["site.id"], name=op.f("fk_evse_move_from_site_id")),
        sa.PrimaryKeyConstraint("evse_id", "moved_at", name=op.f("pk_evse_move")),
    )
    for name in ("standard", "format", "power_type"):
        op.add_column("connector", sa.Column(name, sa.Text()))


def file_sessions() -> None:
    """Each session knows its site, and when it was settled. Every statement is a transaction of its own."""
    op.execute(
        "ALTER TABLE charging_session ADD COLUMN IF NOT EXISTS site_id integer"
        " CONSTRAINT fk_charging_session_site_id REFERENCES site (id),"
        " ADD COLUMN IF NOT EXISTS settled_at timestamptz"
    )
    op.execute(
        """
        CREATE OR REPLACE FUNCTION charging_session_is_filed() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.site_id IS NULL THEN
                SELECT site_id INTO NEW.site_id FROM evse WHERE id = NEW.evse_id;
            END IF;
            NEW.settled_at := CASE NEW.status WHEN 'COMPLETED' THEN NEW.updated_at END;
            RETURN NEW;
        END
        $$
        """
    )
    op.execute("DROP TRIGGER IF EXISTS charging_session_is_filed ON charging_session")
    # It costs nothing where a running session goes on, which is nearly always.
    op.execute(
        """
        CREATE TRIGGER charging_session_is_filed BEFORE INSERT OR UPDATE ON charging_session
        FOR EACH ROW
        WHEN (NEW.site_id IS NULL OR NEW.status = 'COMPLETED' OR NEW.settled_at IS NOT NULL)
        EXECUTE FUNCTION charging_session_is_filed()
        """
    )
    op.execute("UPDATE charging_session SET site_id = NULL WHERE site_id IS NULL")  # the trigger finds it
    op.execute(
        "ALTER TABLE charging_session DROP CONSTRAINT IF EXISTS site_is_known,"
        " ADD CONSTRAINT site_is_known CHECK (site_id IS NOT NULL) NOT VALID"
    )
    op.execute("ALTER TABLE charging_session VALIDATE CONSTRAINT site_is_known")
    op.execute(  # needs no scan, thanks to the constraint
        "ALTER TABLE charging_session ALTER COLUMN site_id SET NOT NULL, DROP CONSTRAINT site_is_known"
    )
    for name, definition in INDEXES.items():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")  # one that was not finished
        op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {definition}")
    op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_station_event_evse_ts")


def downgrade() -> None:
    """Take it back."""
    for name in ("power_type", "format", "standard"):
        op.drop_column("connector", name)
    op.drop_table("evse_move")
    for name in ("edited_at", "credentials_ref", "name"):
        op.drop_column("evse", name)
    for name in reversed(SITE_COLUMNS):
        op.drop_column("site", name)
    op.drop_index("ix_station_event_evse_ts_id", "station_event")
    op.create_index("ix_station_event_evse_ts", "station_event", ["evse_id", "ts"])
    op.execute("DROP TRIGGER charging_session_is_filed ON charging_session")
    op.execute("DROP FUNCTION charging_session_is_filed")
    for name in ("ix_charging_session_evse_started", "ix_charging_session_device_session"):
        op.drop_index(name, "charging_session")
    for name in ("settled_at", "site_id"):
        op.drop_column("charging_session", name)
