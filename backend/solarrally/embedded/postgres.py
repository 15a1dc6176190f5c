"""A PostgreSQL server of our own: made on first use, on loopback with a password, a direct child of this
process.
"""

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import structlog

from solarrally.embedded.child import Child, environment_with
from solarrally.embedded.cluster_processes import clear_leftovers, is_ready
from solarrally.embedded.errors import AlreadyRunning, StartFailed
from solarrally.embedded.identity import Identity, unprivileged_identity
from solarrally.embedded.ports import LOOPBACK, any_free_port
from solarrally.embedded.postgres_binaries import find_postgres
from solarrally.embedded.postgres_home import PostgresHome, settle
from solarrally.embedded.private_files import write_private
from solarrally.embedded.server_process import ServerProcess

log: structlog.stdlib.BoundLogger = structlog.get_logger()

ROLE = "solarrally"
DATABASE = "solarrally"
SUPERUSER = "postgres"

INITIALISE_TIMEOUT_S = 120.0
READY_TIMEOUT_S = 60.0  # crash recovery of a large write-ahead log can take a while
POLL_INTERVAL_S = 0.01

# Passwords only, from this machine only: written over initdb's own file before the server ever starts.
CLIENT_AUTHENTICATION = f"host all all {LOOPBACK}/32 scram-sha-256\n"

# For a small machine; everything else is PostgreSQL's default, fsync and full_page_writes included.
SETTINGS = {
    "shared_buffers": "128MB",
    "max_connections": "100",
    "synchronous_commit": "on",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
    "logging_collector": "off",  # it writes to stderr, and that is our file
}

# The server speaks plain English in its log and takes nothing from a developer's own PostgreSQL settings.
SERVER_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PGDATA": None, "PGPORT": None}


class EmbeddedPostgres(ServerProcess):
    """One PostgreSQL server with the database `solarrally`, owned by the role `solarrally`.

    The data survives in data_dir; what an earlier process left running or half done there is cleaned up.
    Use it as `async with EmbeddedPostgres(path) as server`, or call start() and stop(), which block. A stop
    rolls open transactions back, committed ones are on disk; a restart after kill() is crash recovery.
    """

    called = "PostgreSQL"
    stop_steps = ((signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0))  # fast, then immediate

    def __init__(
        self, data_dir: Path, port: int | None = None, *, settings: Mapping[str, str] | None = None
    ) -> None:
        """Nothing is touched yet. Without a port a free one is taken at each start(); restart() keeps it.

        `settings` are added to PostgreSQL's configuration, for example {"fsync": "off"} for throw-away data.
        """
        super().__init__(data_dir, "postgres.lock", port)
        self._fixed_port = port
        self._settings = {**SETTINGS, **(settings or {})}
        self._home: PostgresHome | None = None
        self._version = ""
        self._password = ""

    @property
    def dsn(self) -> str:
        """The address of the database for its owner, password included."""
        return f"postgresql://{ROLE}:{self._password}@{LOOPBACK}:{self.port}/{DATABASE}"

    @property
    def superuser_dsn(self) -> str:
        """The address for the superuser; for tests that terminate backends or make other databases."""
        return f"postgresql://{SUPERUSER}:{self._password}@{LOOPBACK}:{self.port}/{DATABASE}"

    @property
    def version(self) -> str:
        """The server's version, such as "18.6"."""
        return self._version

    @property
    def log_path(self) -> Path:
        """Where the server writes its log."""
        return self.data_dir / "postgres.log"

    @property
    def directory(self) -> Path:
        """Where the cluster's files really are: in data_dir, unless root had to put them elsewhere."""
        if self._home is None:
            raise RuntimeError("PostgreSQL has not been started")
        return self._home.directory

    # -- the steps of a start ----------------------------------------------------------------------

    def prepare(self) -> None:
        """Take the data directory, make the cluster if there is none, clear what an earlier process left.
        Blocks.
        """
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self._lock.acquire(f"process {os.getpid()}")
        except AlreadyRunning as error:
            raise AlreadyRunning(f"the PostgreSQL data in {self.data_dir} is in use by {error}") from None
        identity = unprivileged_identity()
        binaries = find_postgres()
        self._version = binaries.version()
        self._home = settle(self.data_dir, binaries, identity)
        if self._home.cluster_dir.exists():
            self._check_data_version()
            clear_leftovers(self._home.cluster_dir)
            self._load_password(identity)
        else:
            self._create_cluster(identity)
        if self._fixed_port is None:
            self._port = any_free_port()

    def spawn(self) -> None:
        """Start the server process; returns at once."""
        settings = {
            **self._settings,
            "listen_addresses": LOOPBACK,
            "unix_socket_directories": "",
            "port": self.port,
        }
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._child = Child(
            "postgres",
            [str(self._settled.binaries.postgres), "-D", str(self._settled.cluster_dir), *arguments],
            log_path=self.log_path,
            env=SERVER_ENVIRONMENT,
            identity=unprivileged_identity(),
            death_signal=signal.SIGINT,
        )
        self._child.spawn()

    def wait_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Block until the server accepts connections. Raises StartFailed with the end of its log."""
        started_at_s = time.monotonic()
        while not is_ready(self._settled.cluster_dir, self.pid):
            took_s = time.monotonic() - started_at_s
            if not self.is_running:
                raise StartFailed(f"PostgreSQL ended at its start:\n{self.child.log_tail()}")
            if took_s > timeout_s:
                raise StartFailed(f"PostgreSQL was not ready after {took_s:.0f} s:\n{self.child.log_tail()}")
            time.sleep(POLL_INTERVAL_S)
        log.info("postgres_ready", pid=self.pid, port=self.port, version=self.version)

    def before_restart(self) -> None:
        """Clear what the old postmaster left behind. Blocks."""
        clear_leftovers(self._settled.cluster_dir)

    # -- inside ------------------------------------------------------------------------------------

    @property
    def _settled(self) -> PostgresHome:
        if self._home is None:
            raise RuntimeError("PostgreSQL has not been prepared")
        return self._home

    @property
    def _is_durable(self) -> bool:
        return self._settings.get("fsync", "on") == "on"

    @property
    def _password_path(self) -> Path:
        return self.data_dir / "postgres-password"

    def _check_data_version(self) -> None:
        data_version = (self._settled.cluster_dir / "PG_VERSION").read_text().strip()
        if data_version != self._version.split(".")[0]:
            raise StartFailed(
                f"the data in {self.data_dir} was written by PostgreSQL {data_version},"
                f" the programs here are {self._version}: start with --fresh, or install the other version"
            )

    def _load_password(self, identity: Identity) -> None:
        if self._password_path.exists():
            self._password = self._password_path.read_text().strip()
            return
        log.warning("postgres_password_lost", action="setting a new one")
        self._password = secrets.token_urlsafe(24)
        self._run_sql(
            identity,
            self._settled.cluster_dir,
            [f"ALTER ROLE {role} PASSWORD '{self._password}'" for role in (SUPERUSER, ROLE)],
        )
        write_private(self._password_path, self._password)

    def _create_cluster(self, identity: Identity) -> None:
        """initdb, roles and database in a directory that gets its final name when all of it is done."""
        started_at_s = time.monotonic()
        unfinished = self._settled.cluster_dir.with_suffix(".unfinished")
        if unfinished.exists():
            clear_leftovers(unfinished)
            shutil.rmtree(unfinished)
        major = int(self._version.split(".")[0])
        locale = ["--locale-provider=builtin", "--locale=C.UTF-8"] if major >= 17 else ["--no-locale"]
        self._run_program(
            identity,
            [
                str(self._settled.binaries.initdb), "-D", str(unfinished), "-U", SUPERUSER,
                "--auth=reject", "--encoding=UTF8", *locale, *([] if self._is_durable else ["--no-sync"]),
            ],
        )  # fmt: skip
        (unfinished / "pg_hba.conf").write_text(CLIENT_AUTHENTICATION)
        self._password = secrets.token_urlsafe(24)
        self._run_sql(
            identity,
            unfinished,
            [
                f"ALTER ROLE {SUPERUSER} PASSWORD '{self._password}'",
                f"CREATE ROLE {ROLE} LOGIN PASSWORD '{self._password}'",
                f"CREATE DATABASE {DATABASE} OWNER {ROLE}",
            ],
        )
        write_private(self._password_path, self._password)
        unfinished.rename(self._settled.cluster_dir)
        log.info(
            "postgres_cluster_made", took_s=round(time.monotonic() - started_at_s, 2), version=self.version
        )

    def _run_sql(self, identity: Identity, cluster_dir: Path, statements: list[str]) -> None:
        """Run statements without a server, in PostgreSQL's single-user mode: one per line, the first error
        ends it.
        """
        command = [
            str(self._settled.binaries.postgres), "--single", "-D", str(cluster_dir),
            "-c", "exit_on_error=on", "-c", "password_encryption=scram-sha-256",
            "-c", f"fsync={'on' if self._is_durable else 'off'}", "postgres",
        ]  # fmt: skip
        self._run_program(identity, command, text="\n".join(statements) + "\n")

    def _run_program(self, identity: Identity, command: list[str], *, text: str = "") -> None:
        done = subprocess.run(
            identity.argv_for(command),
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=INITIALISE_TIMEOUT_S,
            cwd=self._settled.directory,
            env=environment_with(SERVER_ENVIRONMENT),
        )
        if done.returncode != 0:
            raise StartFailed(
                f"{Path(command[0]).name} failed:\n{done.stderr.strip() or done.stdout.strip()}"
            )
