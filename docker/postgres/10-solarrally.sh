#!/bin/sh
# Runs once, when the database's volume is empty: a role that owns one database and may nothing else.
# The superuser's password (POSTGRES_PASSWORD_FILE) is for people and is in no program's settings.
set -eu

: "${DATABASE_PASSWORD_FILE:=/run/secrets/database_password}"
export DATABASE_PASSWORD_FILE

# psql reads the password itself: on a command line others could see it.
psql --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres --quiet <<'SQL'
\set password `cat "$DATABASE_PASSWORD_FILE"`
CREATE ROLE solarrally LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'password';
CREATE DATABASE solarrally OWNER solarrally ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE solarrally FROM PUBLIC;
SQL
