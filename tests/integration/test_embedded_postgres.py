"""The embedded PostgreSQL: first start, crash, orphans, passwords. Needs no network, takes a few seconds."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from solarrally.embedded import identity, postgres
from solarrally.embedded.cluster_processes import processes_of
from solarrally.embedded.errors import AlreadyRunning, StartFailed
from solarrally.embedded.identity import setuid_identity
from solarrally.embedded.postgres import EmbeddedPostgres
from solarrally.embedded.temporary import FAST_AND_FORGETFUL, temporary_dir


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with temporary_dir() as directory:
        yield directory / "database"


def throw_away(data_dir: Path) -> EmbeddedPostgres:
    """A server as the product starts it, except that it does not wait for the disk."""
    return EmbeddedPostgres(data_dir, settings=FAST_AND_FORGETFUL)


async def value(server: EmbeddedPostgres, query: str) -> object:
    connection = await asyncpg.connect(server.dsn, timeout=10)
    try:
        return await connection.fetchval(query, timeout=10)
    finally:
        await connection.close(timeout=10)


async def execute(server: EmbeddedPostgres, statement: str) -> None:
    connection = await asyncpg.connect(server.dsn, timeout=10)
    try:
        await connection.execute(statement, timeout=10)
    finally:
        await connection.close(timeout=10)


async def test_the_first_start_makes_role_and_database(data_dir: Path) -> None:
    async with EmbeddedPostgres(data_dir) as server:
        assert (
            await value(server, "SELECT current_user || '/' || current_database()") == "solarrally/solarrally"
        )
        assert await value(server, "SHOW server_version") == server.version
        assert await value(server, "SHOW timezone") == "UTC"
        assert await value(server, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False


async def test_data_survives_a_stop(data_dir: Path) -> None:
    async with throw_away(data_dir) as server:
        await execute(server, "CREATE TABLE kept AS SELECT 42 AS number")
    async with throw_away(data_dir) as server:
        assert await value(server, "SELECT number FROM kept") == 42


async def test_committed_rows_survive_kill_9_and_the_restart_is_immediate(data_dir: Path) -> None:
    async with throw_away(data_dir) as server:
        await execute(server, "CREATE TABLE kept AS SELECT 42 AS number")
        busy = await asyncpg.connect(server.dsn, timeout=10)  # a backend that is left behind
        port = server.port
        server.kill()
        started_at_s = time.monotonic()
        await server.restart_async()
        assert time.monotonic() - started_at_s < 5
        assert server.port == port
        assert await value(server, "SELECT number FROM kept") == 42
        busy.terminate()


async def test_a_stale_pid_file_that_names_a_living_stranger_does_not_hinder(data_dir: Path) -> None:
    async with throw_away(data_dir) as server:
        cluster = server.directory / "cluster"
        server.kill()
    lines = (cluster / "postmaster.pid").read_text().splitlines()
    (cluster / "postmaster.pid").write_text("\n".join([str(os.getppid()), *lines[1:]]) + "\n")
    async with throw_away(data_dir) as server:
        assert await value(server, "SELECT 1") == 1


def orphan_of_a_killed_parent(data_dir: Path) -> int:
    """Start a server in another process, kill that process; returns the server's id."""
    script = (
        "import time; from pathlib import Path; from solarrally.embedded import child\n"
        "from solarrally.embedded.postgres import EmbeddedPostgres\n"
        "child.threading.main_thread = lambda: None  # as if started from another thread: nothing ends it\n"
        f"server = EmbeddedPostgres(Path({str(data_dir)!r})); server.start()\n"
        "print('pid', server.pid, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        orphan_pid = next(int(line.split()[1]) for line in parent.stdout if line.startswith("pid "))
        with pytest.raises(AlreadyRunning, match=str(parent.pid)):
            throw_away(data_dir).start()
        parent.kill()
    return orphan_pid


async def test_an_orphan_of_a_killed_parent_is_stopped_and_its_data_taken_over(data_dir: Path) -> None:
    orphan_pid = await asyncio.to_thread(orphan_of_a_killed_parent, data_dir)
    assert orphan_pid in processes_of(data_dir / "postgres" / "cluster")
    async with throw_away(data_dir) as server:
        assert server.pid != orphan_pid
        assert orphan_pid not in processes_of(server.directory / "cluster")
        assert await value(server, "SELECT 1") == 1


def owner_of(pid: int) -> int:
    """The user a process runs as, seen from here."""
    return Path(f"/proc/{pid}").stat().st_uid


def effective_capabilities(pid: int) -> int:
    """The powers of root that a process has."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("CapEff")), 16)


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux tells a child that its parent died"
)
def test_the_server_ends_when_its_parent_is_killed(data_dir: Path) -> None:
    script = (
        "import time; from pathlib import Path; from solarrally.embedded.postgres import EmbeddedPostgres\n"
        f"server = EmbeddedPostgres(Path({str(data_dir)!r})); server.start()\n"
        "print('ready', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert any(line.startswith("ready") for line in parent.stdout)
        parent.kill()
    deadline_s = time.monotonic() + 10
    while processes_of(data_dir / "postgres" / "cluster"):
        assert time.monotonic() < deadline_s, "PostgreSQL outlived its parent"
        time.sleep(0.05)


async def test_nobody_gets_in_without_the_password(data_dir: Path) -> None:
    async with throw_away(data_dir) as server:
        wrong = f"postgresql://solarrally:wrong@127.0.0.1:{server.port}/solarrally"
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(wrong, timeout=10)
    secret = data_dir / "postgres-password"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


async def test_a_lost_password_file_is_replaced(data_dir: Path) -> None:
    async with throw_away(data_dir) as server:
        first_dsn = server.dsn
    (data_dir / "postgres-password").unlink()
    async with throw_away(data_dir) as server:
        assert server.dsn.split("@")[0] != first_dsn.split("@")[0]
        assert await value(server, "SELECT 1") == 1


def test_a_second_start_on_the_same_data_says_who_has_it(data_dir: Path) -> None:
    first = throw_away(data_dir)
    first.start()
    try:
        with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"):
            throw_away(data_dir).start()
        assert first.is_running
    finally:
        first.stop()


def test_a_half_made_cluster_is_made_anew(data_dir: Path) -> None:
    half_made = data_dir / "postgres" / "cluster.unfinished"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")
    server = throw_away(data_dir)
    server.start()
    server.stop()
    assert not half_made.exists()


def test_data_of_another_major_version_is_left_alone(data_dir: Path) -> None:
    server = throw_away(data_dir)
    server.start()
    server.stop()
    (server.directory / "cluster" / "PG_VERSION").write_text("12\n")
    with pytest.raises(StartFailed, match="written by PostgreSQL 12"):
        server.start()


def test_a_server_that_cannot_start_shows_its_log(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir, settings={**FAST_AND_FORGETFUL, "shared_buffers": "nonsense"})
    with pytest.raises(StartFailed, match="nonsense"):
        server.start()
    assert not server.is_running


def test_a_stop_is_clean(data_dir: Path) -> None:
    server = throw_away(data_dir)
    server.start()
    server.stop()
    assert server.child.exit_code == 0
    assert "database system is shut down" in server.log_path.read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
async def test_root_without_user_namespaces_runs_it_as_an_ordinary_user(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "unprivileged_identity", setuid_identity)
    async with throw_away(data_dir) as server:
        assert owner_of(server.pid) == setuid_identity().uid
        await execute(server, "CREATE TABLE kept AS SELECT 42 AS number")
        closed_parent_mode = stat.S_IMODE(data_dir.parent.stat().st_mode)
    assert closed_parent_mode == 0o700, "permissions of parents are never loosened"
    monkeypatch.undo()
    async with throw_away(data_dir) as server:  # and back again
        assert await value(server, "SELECT number FROM kept") == 42


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
async def test_root_never_runs_it_with_roots_powers(data_dir: Path) -> None:
    async with throw_away(data_dir) as server:
        assert effective_capabilities(server.pid) == 0
        assert identity.unprivileged_identity().kind in ("userns", "setuid")


def test_a_signal_to_stop_leaves_nothing_running(data_dir: Path) -> None:
    server = throw_away(data_dir)
    server.start()
    os.kill(server.pid, signal.SIGINT)
    assert server.child.wait(10)
    assert processes_of(server.directory / "cluster") == set()
    server.stop()
