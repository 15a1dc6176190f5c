"""Add roles, logins that can be ended, API keys, mailed tokens and the audit log.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
NOW = sa.text("now()")


def upgrade() -> None:
    """Add roles, logins that can be ended, API keys, mailed tokens and the audit log."""
    op.create_table(
        "role",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("permissions", ARRAY(sa.Text())),
        sa.Column("created_at", INSTANT, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_role")),
    )
    op.execute(
        "INSERT INTO role (name, description) VALUES ('admin', 'Everything.'),"
        " ('operator', 'Runs the stations.'), ('user', 'A driver: the own sessions.'),"
        " ('guest', 'Which stations are free.')"
    )
    op.add_column("app_user", sa.Column("email", sa.Text()))
    op.add_column("app_user", sa.Column("password_changed_at", INSTANT, server_default=NOW, nullable=False))
    op.execute("UPDATE app_user SET password_changed_at = created_at")
    op.create_unique_constraint(op.f("uq_app_user_email"), "app_user", ["email"])
    op.drop_constraint(op.f("ck_app_user_role_is_known"), "app_user")
    op.create_foreign_key(op.f("fk_app_user_role"), "app_user", "role", ["role"], ["name"])
    op.create_table(
        "login_session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, server_default=NOW, nullable=False),
        sa.Column("last_used_at", INSTANT, server_default=NOW, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("address", sa.Text()),
        sa.Column("user_agent", sa.Text()),
        sa.Column("ended_at", INSTANT),
        sa.Column("end_reason", sa.Text()),
        sa.ForeignKeyConstraint(
            ["user_id"], ["app_user.id"], name=op.f("fk_login_session_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_session")),
    )
    op.create_index("ix_login_session_user", "login_session", ["user_id", "created_at", "id"], unique=False)
    op.create_table(
        "refresh_token",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("login_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", INSTANT, server_default=NOW, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT),
        sa.Column("replaced_by_hash", sa.LargeBinary()),
        sa.Column("retried_at", INSTANT),
        sa.ForeignKeyConstraint(
            ["login_id"], ["login_session.id"], name=op.f("fk_refresh_token_login_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_refresh_token")),
    )
    op.create_index(op.f("ix_refresh_token_login_id"), "refresh_token", ["login_id"], unique=False)
    op.create_table(
        "api_key",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("scopes", ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", INSTANT, server_default=NOW, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("last_used_at", INSTANT),
        sa.Column("revoked_at", INSTANT),
        sa.ForeignKeyConstraint(
            ["user_id"], ["app_user.id"], name=op.f("fk_api_key_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_key_key_hash")),
    )
    op.create_index(op.f("ix_api_key_user_id"), "api_key", ["user_id"], unique=False)
    op.create_table(
        "mailed_token",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Integer()),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("role", sa.Text()),
        sa.Column("id_token", sa.Text()),
        sa.Column("created_by_user_id", sa.Integer()),
        sa.Column("created_at", INSTANT, server_default=NOW, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT),
        sa.CheckConstraint(
            "kind IN ('invitation', 'password_reset')", name=op.f("ck_mailed_token_kind_is_known")
        ),
        sa.ForeignKeyConstraint(
            ["created_by_user_id"],
            ["app_user.id"],
            name=op.f("fk_mailed_token_created_by_user_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(["role"], ["role.name"], name=op.f("fk_mailed_token_role")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["app_user.id"], name=op.f("fk_mailed_token_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_mailed_token")),
    )
    op.create_index(op.f("ix_mailed_token_user_id"), "mailed_token", ["user_id"], unique=False)
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", INSTANT, server_default=NOW, nullable=False),
        sa.Column("actor_user_id", sa.Integer()),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("actor_api_key_id", sa.Integer()),
        sa.Column("address", sa.Text()),
        sa.Column("request_id", sa.Text()),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object_type", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text()),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("before", JSONB()),
        sa.Column("after", JSONB()),
        sa.Column("detail", sa.Text()),
        sa.CheckConstraint("outcome IN ('done', 'refused')", name=op.f("ck_audit_log_outcome_is_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    op.create_index("ix_audit_log_actor", "audit_log", ["actor_user_id", "at", "id"], unique=False)
    op.create_index("ix_audit_log_at", "audit_log", ["at", "id"], unique=False)
    op.create_index(
        "ix_audit_log_refused",
        "audit_log",
        ["at", "id"],
        unique=False,
        postgresql_where=sa.text("outcome = 'refused'"),
    )
    op.create_index("ix_audit_log_action", "audit_log", ["action", "at", "id"], unique=False)
    op.create_index("ix_audit_log_actor_name", "audit_log", ["actor_name", "at", "id"], unique=False)
    op.create_index(
        "ix_audit_log_object", "audit_log", ["object_type", "object_id", "at", "id"], unique=False
    )
    op.add_column("live_ticket", sa.Column("login_id", sa.Uuid()))
    op.create_foreign_key(
        op.f("fk_live_ticket_login_id"),
        "live_ticket",
        "login_session",
        ["login_id"],
        ["id"],
        ondelete="CASCADE",
    )
    op.execute(
        """
        CREATE FUNCTION audit_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'the audit log is append-only: % refused', TG_OP
                USING ERRCODE = 'restrict_violation';
        END
        $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER audit_log_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
        FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only()
        """
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("audit_log")
    op.execute("DROP FUNCTION audit_log_is_append_only()")
    op.drop_constraint(op.f("fk_live_ticket_login_id"), "live_ticket")
    op.drop_column("live_ticket", "login_id")
    for name in ("mailed_token", "api_key", "refresh_token", "login_session"):
        op.drop_table(name)
    op.drop_constraint(op.f("fk_app_user_role"), "app_user")
    op.execute("UPDATE app_user SET role = 'guest' WHERE role NOT IN ('admin', 'operator', 'user', 'guest')")
    op.create_check_constraint(
        op.f("ck_app_user_role_is_known"), "app_user", "role IN ('admin', 'operator', 'user', 'guest')"
    )
    op.drop_column("app_user", "password_changed_at")
    op.drop_column("app_user", "email")
    op.drop_table("role")
