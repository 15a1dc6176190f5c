"""`solarrally up` as a whole, with small stand-ins for the backend's own programs."""

import asyncio
import json
import os
import re
import shlex
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from solarrally.embedded.services import rotate
from solarrally.embedded.supervise import BackOff
from solarrally.embedded.temporary import temporary_dir
from solarrally.embedded.up_options import UpOptions
from solarrally.embedded.up_programs import (
    Addresses,
    backend_environment,
    backend_programs,
    simulator_environment,
)
from solarrally.embedded.up_secrets import load_secrets

PATIENCE_S = 60.0

# What the stand-ins do: the API answers 200 to everything; the others wait. All note when they are told to
# stop.
STAND_INS = """
import asyncio, sys
from pathlib import Path
from solarrally.embedded.up import run_up
from solarrally.embedded.up_options import UpOptions
from solarrally.embedded.up_programs import Program, Programs

WAIT = '''
import signal, sys, time
def stop(*_):
    with open(sys.argv[2], "a") as file: file.write(sys.argv[1] + " ")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print("working", flush=True)
while True: time.sleep(0.05)
'''
SERVE = '''
import http.server, os, sys, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"ok")
    def log_message(self, *_): pass
port = os.environ["SOLARRALLY_METRICS_PORT" if sys.argv[1] == "ingestor" else "SOLARRALLY_API_PORT"]
server = http.server.HTTPServer(("127.0.0.1", int(port)), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
''' + WAIT
MIGRATE = '''
import asyncio, asyncpg, os
async def main():
    connection = await asyncpg.connect(os.environ["SOLARRALLY_DATABASE_URL"], timeout=10)
    await connection.execute("CREATE TABLE IF NOT EXISTS start (number serial)")
    await connection.execute("INSERT INTO start DEFAULT VALUES")
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS app_user AS SELECT 'admin' AS username, true AS is_active,"
        " now() AS created_at, now() AS password_changed_at"
    )
    print("start number", await connection.fetchval("SELECT count(*) FROM start"))
    await connection.close()
asyncio.run(main())
'''
data_dir, port, broken = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
order = str(data_dir) + ".order"
def program(name, code):
    code = "print('the reason it ends'); raise SystemExit(3)" if name == broken else code
    return Program(name=name, argv=(sys.executable, "-c", code, name, order))
programs = Programs(
    migrate=program("migrate", MIGRATE), ingestor=program("ingestor", SERVE),
    api=program("api", SERVE), simulator=program("simulator", WAIT),
)
options = UpOptions(
    data_dir=data_dir, api_port=port, mqtt_port=port + 1, postgres_port=port + 2, metrics_port=port + 3,
    fresh="--fresh" in sys.argv, python_broker="--python-broker" in sys.argv,
)
sys.exit(asyncio.run(run_up(options, programs=programs)))
"""


class RunningUp:
    """An `up` in a process of its own."""

    def __init__(self, data_dir: Path, port: int, *extra: str, broken: str = "-") -> None:
        self.output = ""
        self.process = subprocess.Popen(
            [sys.executable, "-c", STAND_INS, str(data_dir), str(port), broken, *extra],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def until(self, text: str) -> str:
        """Read what it says until this comes; returns that line."""
        assert self.process.stdout is not None
        impatience = threading.Timer(PATIENCE_S, self.process.kill)
        impatience.start()
        try:
            for line in self.process.stdout:
                self.output += line
                if text in line:
                    return line
        finally:
            impatience.cancel()
        raise AssertionError(f"{text!r} was never said:\n{self.output}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to stop; returns the exit code."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        """The exit code, once it has ended by itself."""
        rest, _ = self.process.communicate(timeout=PATIENCE_S)
        self.output += rest
        return self.process.returncode


StartUp = Callable[..., RunningUp]


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with temporary_dir() as directory:
        yield directory / "data"


@pytest.fixture
def start_up(data_dir: Path, port: int) -> Iterator[StartUp]:
    """Starts `up` on the test's data; whatever still runs at the end is stopped."""
    started: list[RunningUp] = []

    def start(*extra: str, broken: str = "-") -> RunningUp:
        started.append(RunningUp(data_dir, port, *extra, broken=broken))
        return started[-1]

    yield start
    for up in started:
        if up.process.poll() is None:
            up.stop()


@pytest.fixture
def port() -> int:
    """The first of a few ports that are free together, most likely."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
    return min(found, 65000)


async def _change_the_admin(dsn: str, change: str) -> None:
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        await connection.execute(f"UPDATE app_user SET {change}")
    finally:
        await connection.close()


def test_the_first_password_is_told_until_the_admin_has_another_one(
    start_up: StartUp, data_dir: Path
) -> None:
    first = start_up()
    first.until("Next, in another terminal")
    password = load_secrets(data_dir / "secrets.json").admin_password
    dsn = re.search(r"SOLARRALLY_DATABASE_URL=(\S+)", (data_dir / "environment").read_text())
    assert dsn is not None
    asyncio.run(
        _change_the_admin(shlex.split(dsn[1])[0], "password_changed_at = created_at + interval '1 day'")
    )
    first.stop()
    second = start_up()
    second.until("Next, in another terminal")

    assert f"password {password}" in first.output
    assert password not in second.output
    assert "with the password that it was given since" in second.output


def until_written(path: Path, text: str) -> None:
    """Wait until the text is in the file."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not path.exists() or text not in path.read_text():
        assert time.monotonic() < deadline_s, f"{text!r} never came in {path.name}"
        time.sleep(0.02)


def children_of(pid: int) -> dict[str, int]:
    """Direct children by a word of their command line."""
    listing = subprocess.run(
        ["ps", "-axwwo", "pid=,ppid=,args="], capture_output=True, text=True, check=True, timeout=10
    )
    found = {}
    for line in listing.stdout.splitlines():
        child, parent, command = line.split(maxsplit=2)
        if int(parent) == pid:
            for word in (" -D ", "mosquitto.conf", " ingestor ", " api ", " simulator "):
                if word in command:
                    found[word] = int(child)
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_starts_says_where_and_stops_in_order_keeping_the_data(
    start_up: StartUp, data_dir: Path, number: int
) -> None:
    up = start_up()
    up.until("Next, in another terminal")
    address = re.search(r"API +(http://[^/]+)/", up.output)
    assert address is not None
    with urllib.request.urlopen(f"{address[1]}/healthz", timeout=10) as answer:
        assert answer.status == 200
    until_written(data_dir / "logs" / "simulator.log", "working")
    left_behind = set(children_of(up.process.pid).values())
    assert len(left_behind) >= 4  # the Python broker looks like none of them
    assert up.stop(number) == 0
    assert Path(f"{data_dir}.order").read_text().split() == ["simulator", "api", "ingestor"]
    assert "the data is kept" in up.output
    assert not any(Path(f"/proc/{pid}").exists() for pid in left_behind)

    again = start_up()
    again.until("Next, in another terminal")
    assert again.stop() == 0
    assert "start number 2" in (data_dir / "logs" / "migrate.log").read_text()
    password = re.compile(r"password (\S+)")
    assert password.findall(again.output) == password.findall(up.output)


def test_a_second_up_says_which_process_and_address_has_the_data(start_up: StartUp) -> None:
    up = start_up()
    up.until("Next, in another terminal")
    second = start_up()
    assert second.ended() == 1
    assert f"process {up.process.pid}, http://127.0.0.1:" in second.output
    assert up.stop() == 0


def test_what_dies_is_started_again_and_said(start_up: StartUp) -> None:
    up = start_up()
    up.until("Next, in another terminal")
    children = children_of(up.process.pid)
    for word, name in ((" -D ", "PostgreSQL"), (" ingestor ", "ingestor")):
        os.kill(children[word], signal.SIGKILL)
        assert "SIGKILL" in up.until(f"{name} was ended")
        up.until(f"{name} runs again")
    renewed = children_of(up.process.pid)
    assert renewed[" -D "] != children[" -D "]
    assert renewed[" ingestor "] != children[" ingestor "]
    assert up.stop() == 0


@pytest.mark.parametrize("broken", ["migrate", "ingestor", "api"])
def test_a_program_that_cannot_start_ends_everything_and_shows_its_last_words(
    start_up: StartUp, broken: str
) -> None:
    up = start_up(broken=broken)
    assert up.ended() == 1
    assert f"{broken} ended with exit code 3" in up.output
    assert "the reason it ends" in up.output


def test_it_can_be_stopped_while_it_starts(start_up: StartUp, data_dir: Path) -> None:
    up = start_up()
    time.sleep(0.6)
    deadline_s = time.monotonic() + PATIENCE_S
    while not (data_dir / "secrets.json").exists():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    assert up.stop(signal.SIGINT) == 0


def test_busy_ports_are_stepped_over_and_said(start_up: StartUp, port: int) -> None:
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", port))
        squatter.listen()
        up = start_up()
        up.until(f"port {port} is busy: the API uses")
        up.until("Next, in another terminal")
        assert up.stop() == 0


def test_without_mosquitto_it_runs_on_the_python_broker_and_says_what_that_cannot_do(
    start_up: StartUp,
) -> None:
    up = start_up("--python-broker")
    up.until("Next, in another terminal")
    assert "embedded Python broker" in up.output
    assert "what waits for an absent client is lost when it stops" in up.output
    assert up.stop() == 0


def test_fresh_puts_the_old_data_aside(start_up: StartUp, data_dir: Path) -> None:
    first = start_up()
    first.until("Next, in another terminal")
    assert first.stop() == 0
    second = start_up("--fresh")
    second.until("Next, in another terminal")
    assert second.stop() == 0
    assert "start number 1" in (data_dir / "logs" / "migrate.log").read_text()
    (aside,) = data_dir.parent.glob("data-until-*")
    assert (aside / "secrets.json").exists()


def test_secrets_are_made_once_and_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    first = load_secrets(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_secrets(path) == first
    without_one = json.loads(path.read_text())
    del without_one["jwt_secret"]
    path.write_text(json.dumps(without_one))
    completed = load_secrets(path)
    assert completed.admin_password == first.admin_password
    assert completed.jwt_secret != first.jwt_secret


def test_the_commands_and_settings_of_the_children() -> None:
    programs = backend_programs(UpOptions(stations=7))
    assert programs.api.argv[1:] == ("-m", "solarrally", "serve")
    assert programs.simulator is not None
    assert programs.simulator.argv[-2:] == ("--stations", "7")
    assert backend_programs(UpOptions(simulator=False)).simulator is None
    addresses = Addresses(
        database_url="postgresql://d", ingestor_mqtt_url="mqtt://i", fleet_mqtt_url="mqtt://f",
        devices_mqtt_url="mqtt://d",
        api_host="127.0.0.1", api_port=8001, metrics_port=9465,
    )  # fmt: skip
    environment = backend_environment(addresses, jwt_secret="j", admin_password="a")
    assert environment["SOLARRALLY_MQTT_URL"] == "mqtt://i"
    assert environment["SOLARRALLY_API_PORT"] == "8001"
    assert simulator_environment(addresses)["SOLARRALLY_SIM_BROKER"] == "mqtt://f"


def test_the_waits_grow_and_a_long_life_forgives() -> None:
    policy = BackOff(first_s=1, longest_s=4, calm_s=60)
    waits_s, wait_s = [], 0.0
    for lived_s in (0, 1, 1, 1, 61):
        wait_s = policy.next_s(wait_s, lived_s)
        waits_s.append(wait_s)
    assert waits_s == [1, 2, 4, 4, 1]


def test_a_new_start_keeps_the_last_logs(tmp_path: Path) -> None:
    path = tmp_path / "api.log"
    for number in range(6):
        rotate(path)
        path.write_text(str(number))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [
        "api.log",
        "api.log.1",
        "api.log.2",
        "api.log.3",
    ]
    assert (tmp_path / "api.log.1").read_text() == "4"
