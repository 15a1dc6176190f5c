"""The whole of SolarRally for the browser's tests: `solarrally up` as a child, and a quick fleet behind it.

The fleet is a simulator of our own rather than the one of `up`: its stations speak every second, so that
something moves while a test looks, and first it tells of the last day, so that there is something to look at.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx

from solarrally.embedded.child import Child, environment_with
from solarrally.embedded.ports import any_free_port
from solarrally.embedded.temporary import temporary_dir
from tests.browser.people import DRIVER_TOKEN, Person, new_password, new_username, newcomers

STATIONS: Final = 6
INTERVAL_S: Final = 1.0
HISTORY: Final = timedelta(hours=26)
HISTORY_INTERVAL_S: Final = 60.0
HISTORY_TOLD_IN_S: Final = 12.0
PATIENCE_S: Final = 90.0
ATTEMPTS: Final = 5
STOP: Final = [(signal.SIGTERM, 30.0)]

_T = TypeVar("_T")


class NotRunning(RuntimeError):
    """The stack did not start; the text is what it said."""


class Stack:
    """One SolarRally in a folder of its own, on ports of its own. Made by `running_stack`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._api_port = any_free_port()
        self._mqtt_port = any_free_port()
        self._up: Child | None = None
        self._fleet: Child | None = None
        self._token: str | None = None
        self.people: dict[str, Person] = {}
        """By role."""

    @property
    def url(self) -> str:
        """Where a browser goes; the same after a restart."""
        return f"http://127.0.0.1:{self._api_port}"

    # -- its life --

    def start(self) -> None:
        """Start everything but the fleet, and wait until it is ready. Raises NotRunning."""
        environment_file = self._folder / "environment"
        environment_file.unlink(missing_ok=True)
        ports = ["--api-port", str(self._api_port), "--mqtt-port", str(self._mqtt_port)]
        self._up = Child(
            "up",
            [sys.executable, "-m", "solarrally", "up", "--data-dir", str(self._folder), "--no-sim", *ports],
            log_path=self._folder / "up.log",
            env=without_our_settings(),
        )
        self._up.spawn()
        try:
            until(environment_file.exists, "up writes its settings", alive=lambda: self._up_runs)
        except NotRunning as failure:
            raise NotRunning(f"{failure}\n{self.log_tail()}") from None
        self._environment = exported(environment_file.read_text())
        if self._environment["SOLARRALLY_API_PORT"] != str(self._api_port):
            raise NotRunning(f"port {self._api_port} was taken meanwhile: run the tests again")
        until(self._is_ready, "the API is ready", alive=lambda: self._up_runs)

    def stop(self) -> None:
        """Stop the fleet, then all the rest; the data stays for the next start."""
        for child in (self._fleet, self._up):
            if child is not None:
                child.stop(STOP)

    def restart(self) -> None:
        """Everything away and back again, on the same ports and data."""
        had_fleet = self._fleet is not None
        self.stop()
        self.start()
        if had_fleet:
            self.start_fleet()

    def kill_api(self) -> None:
        """End the API as a crash does; `up` starts it again by itself within two seconds or so."""
        os.kill(self._api_pid(), signal.SIGKILL)

    def until_ready(self) -> None:
        """Wait for the API to be back."""
        until(self._is_ready, "the API is ready", alive=lambda: self._up_runs)

    @contextmanager
    def api_away(self) -> Iterator[None]:
        """No API within the block; back and ready after it. Its connections are reset, as in a crash."""
        assert self._up is not None
        api_pid = self._api_pid()
        self._up.send_signal(signal.SIGSTOP)  # else it would start another at once
        try:
            os.kill(api_pid, signal.SIGKILL)
            yield
        finally:
            self._up.send_signal(signal.SIGCONT)
            until(lambda: self._api_pids() not in ([], [api_pid]), "another API is started")
            self.until_ready()

    def start_fleet(self) -> None:
        """Stations that speak every second, and obey commands."""
        self._fleet = self._simulator("fleet", "--interval-s", str(INTERVAL_S))
        self._fleet.spawn()
        started_at = datetime.now(UTC).isoformat()
        until(
            lambda: len([one for one in self.connectors() if one["ts"] > started_at]) == STATIONS,
            "all stations are heard of",
        )

    def tell_history(self) -> None:
        """What the same stations did in the last day: sessions, energy and bills."""
        start = datetime.now(UTC) - HISTORY
        length_s = HISTORY.total_seconds() - 120.0
        telling = self._simulator(
            "history",
            *("--interval-s", str(HISTORY_INTERVAL_S), "--start", start.isoformat(), "--seed", "8"),
            *("--speed", str(length_s / HISTORY_TOLD_IN_S), "--duration-s", str(HISTORY_TOLD_IN_S)),
        )
        telling.spawn()
        if not telling.wait(PATIENCE_S) or telling.exit_code != 0:
            telling.stop(STOP)
            raise NotRunning(f"the history was not told:\n{telling.log_tail()}")

    # -- what is in it --

    def add_people(self) -> None:
        """An account for every role."""
        secrets = json.loads((self._folder / "secrets.json").read_text())
        admin = Person(username="admin", password=secrets["admin_password"], role="admin")
        self.people = {"admin": admin}
        for person in newcomers():
            body = {"username": person.username, "password": person.password, "role": person.role}
            self.post("/users", {**body, "id_token": person.id_token})
            self.people[person.role] = person

    def newcomer(self, role: str) -> Person:
        """One more person of that role, with logins that no other test uses."""
        person = Person(username=new_username(), password=new_password(), role=role)
        self.post("/users", {"username": person.username, "password": person.password, "role": role})
        return person

    def end_logins_of(self, person: Person) -> None:
        """End all of somebody's logins, as an administrator does."""
        (user,) = self.get(f"/users?q={person.username}")["items"]
        for login in self.get(f"/users/{user['id']}/logins?is_active=true")["items"]:
            self.delete(f"/users/{user['id']}/logins/{login['id']}")

    def publish(self, topic: str, payload: str) -> None:
        """Send one message to the broker, as a station does; sense or nonsense."""
        subprocess.run(
            [sys.executable, "-m", "solarrally_sim", "publish", "--topic", topic, "--raw", payload],
            env=environment_with({**without_our_settings(), **self._environment}),
            check=True,
            capture_output=True,
            timeout=PATIENCE_S,
        )

    def connectors(self) -> list[dict[str, Any]]:
        """The newest of every connector, as `/latest` gives it."""
        found: list[dict[str, Any]] = self.get("/latest")["items"]
        return found

    def session_of_driver(self) -> str:
        """The id of the session that the driver charges in; begun now, if there is none."""
        session = self._driver_charges_in()
        for _ in range(ATTEMPTS):  # a car of the fleet's own may come to the station first
            if session is not None:
                return str(session["id"])
            params = {"id_token": DRIVER_TOKEN}
            if self.command(self.free_station(), "start", params)["status"] == "completed":
                session = until(self._driver_charges_in, "the driver's session is stored")
        raise NotRunning(f"no station started for the driver:\n{self.get('/commands?limit=10')}")

    def charging_station(self) -> str:
        """The evse_uid of a station where somebody charges; begun now, if nobody does."""
        charging = self._first_that("charging")
        if charging is None:
            self.command(self.free_station(), "start", {})
            charging = until(lambda: self._first_that("charging"), "a station charges")
        return charging

    def newest_bill(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """A session that has ended, with energy in it, and its invoice."""
        for session in self.get("/sessions?status=COMPLETED&limit=50")["items"]:
            bills = self.get(f"/sessions/{session['id']}/bills")["items"]
            if session["energy_wh"] >= 1 and len(bills) == 1:
                return session, bills[0]
        raise NotRunning("no session has ended with energy in it")

    def free_station(self) -> str:
        """The evse_uid of a station where nobody charges. When all are taken, one is stopped."""
        free = self._first_that("available")
        if free is None:
            self.command(until(lambda: self._first_that("charging"), "a station charges"), "stop", {})
            free = until(lambda: self._first_that("available"), "a station is free")
        return free

    def command(self, evse_uid: str, command: str, params: dict[str, Any]) -> dict[str, Any]:
        """Ask a station for something; how it ended."""
        asked = self.post("/commands", {"evse_uid": evse_uid, "command": command, "params": params})

        def ended() -> dict[str, Any] | None:
            now: dict[str, Any] = self.get(f"/commands/{asked['id']}")
            return now if now["finished_at"] is not None else None

        return until(ended, f"{evse_uid} obeys")

    def _first_that(self, status: str) -> str | None:
        found = (one["evse_uid"] for one in self.connectors() if one["status"] == status and one["is_online"])
        return next(found, None)

    def _driver_charges_in(self) -> dict[str, Any] | None:
        running = self.get("/sessions?status=ACTIVE&limit=100")["items"]
        return next((one for one in running if one["id_token"] == DRIVER_TOKEN), None)

    # -- the API, as the administrator --

    def get(self, path: str) -> Any:
        """What `/api/v1` answers."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """What `/api/v1` answers."""
        return self._ask("POST", path, body)

    def delete(self, path: str) -> None:
        """What is there no more afterwards."""
        self._ask("DELETE", path, None)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        with httpx.Client(base_url=f"{self.url}/api/v1", trust_env=False, timeout=20.0) as client:
            answer = client.request(method, path, json=body, headers=self._authorization(client))
            if answer.status_code == httpx.codes.UNAUTHORIZED:  # the token held for 15 minutes
                self._token = None
                answer = client.request(method, path, json=body, headers=self._authorization(client))
        if answer.is_error:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    def _authorization(self, client: httpx.Client) -> dict[str, str]:
        if self._token is None:
            admin = self.people["admin"]
            form = {"username": admin.username, "password": admin.password}
            answer = client.post("/auth/login", data=form).raise_for_status()
            self._token = str(answer.json()["access_token"])
        return {"Authorization": f"Bearer {self._token}"}

    # -- how it is --

    def log_tail(self) -> str:
        """The last that `up` said."""
        return "" if self._up is None else self._up.log_tail(30)

    @property
    def _up_runs(self) -> bool:
        return self._up is not None and self._up.is_running

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", trust_env=False, timeout=5.0).status_code == 200
        except httpx.TransportError:
            return False

    def _api_pid(self) -> int:
        """The process of the API. `up` has just one, unless it is starting it again at this moment."""
        (pid,) = until(lambda: pids if len(pids := self._api_pids()) == 1 else None, "one API runs")
        return pid

    def _api_pids(self) -> list[int]:
        assert self._up is not None
        listing = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True, timeout=10
        )
        rows = (line.split(None, 2) for line in listing.stdout.splitlines())
        return [
            int(pid)
            for pid, parent, arguments in rows
            if int(parent) == self._up.pid and arguments.endswith("solarrally serve")
        ]

    def _simulator(self, name: str, *options: str) -> Child:
        return Child(
            name,
            [
                sys.executable,
                "-m",
                "solarrally_sim",
                "run",
                "standard",
                "--stations",
                str(STATIONS),
                *options,
            ],
            log_path=self._folder / f"{name}.log",
            env={**without_our_settings(), **self._environment},
        )


@contextmanager
def running_stack(*, with_history: bool = True) -> Iterator[Stack]:
    """A stack with people in it, a day behind it and a fleet on it; gone without a trace after the block."""
    with temporary_dir() as folder:
        stack = Stack(folder)
        try:
            stack.start()
            stack.add_people()
            if with_history:
                stack.tell_history()
            stack.start_fleet()
            yield stack
        finally:
            stack.stop()


def without_our_settings() -> dict[str, str | None]:
    """Changes of the environment that take away what a developer has set for a SolarRally of their own."""
    return {name: None for name in os.environ if name.startswith("SOLARRALLY_")}


def exported(text: str) -> dict[str, str]:
    """The variables of a file of `export NAME=value` lines."""
    words = shlex.split(text)
    return dict(word.split("=", 1) for word in words if "=" in word)


def until(probe: Callable[[], _T | None], what: str, *, alive: Callable[[], bool] | None = None) -> _T:
    """The first answer of the probe that is not false or empty. Raises NotRunning after a while."""
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        if answer := probe():
            return answer
        if alive is not None and not alive():
            raise NotRunning(f"it ended before: {what}")
        if time.monotonic() > deadline_s:
            raise NotRunning(f"not within {PATIENCE_S:.0f} s: {what}")
        time.sleep(0.1)
