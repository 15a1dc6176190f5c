"""`solarrally stations provision` broken off at every step: nothing is half done, and repeating goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, Literal

import boto3
import moto
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy.ext.asyncio import AsyncConnection

from solarrally.errors import SolarRallyError
from solarrally.provisioning import private_files
from solarrally.provisioning.aws_iot import AwsIotRegistry
from solarrally.provisioning.dynsec import BrokerRefused, DynamicSecurity
from solarrally.provisioning.handover_folder import MARK, FolderRefused, HandoverFolder
from solarrally.provisioning.pki import PkiError
from tests.support.command_line import Cli, Rows, done, rows_of
from tests.support.secured_broker import SecuredBroker, secured_broker
from tests.support.stations_command import command_line, tried

Side = Literal["before", "after"]
KILLED = 9


class Broken(Exception):
    """What fails for a reason of its own."""


class BrokenOff:
    """Breaks the n-th step off: before it is done, or after, when only its answer is lost.

    Steps are every file written, every command to the broker, what AWS is asked for, the commit, and the
    removal of the folder's mark.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, n: int, side: Side, how: Callable[[], None]) -> None:
        self._left = n
        self._side = side
        self._how = how
        self.at: str | None = None
        """The step; None while none was broken off."""
        self._patch(monkeypatch, private_files, "_replace")
        self._patch(monkeypatch, HandoverFolder, "finish")
        self._patch(monkeypatch, AwsIotRegistry, "provision")
        self._patch_async(monkeypatch, DynamicSecurity, "_ask")
        self._patch_async(monkeypatch, AsyncConnection, "commit")

    def _break(self, side: Side, name: str) -> None:
        if side == "before":
            self._left -= 1
        if self._left == 0 and side == self._side:
            self.at = name
            self._how()

    def _patch(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        step = getattr(owner, name)

        def broken(*arguments: Any, **named: Any) -> Any:
            self._break("before", name)
            answer = step(*arguments, **named)
            self._break("after", name)
            return answer

        monkeypatch.setattr(owner, name, broken)

    def _patch_async(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        step = getattr(owner, name)

        async def broken(*arguments: Any, **named: Any) -> Any:
            self._break("before", name)
            answer = await step(*arguments, **named)
            self._break("after", name)
            return answer

        monkeypatch.setattr(owner, name, broken)


def fail() -> None:
    raise Broken


def be_killed() -> None:
    os._exit(KILLED)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[SecuredBroker]:
    with secured_broker(tmp_path) as running:
        yield running


@pytest.fixture
def cli(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    return command_line(database_url, tmp_path, monkeypatch)


@pytest.fixture
def rows(database_url: str) -> Rows:
    return rows_of(database_url)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An account of its own, whose certificates all get one key: to make one takes up to a second."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    monkeypatch.setattr("moto.iot.models.rsa.generate_private_key", lambda **_: key)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with moto.mock_aws():
        yield boto3.client("iot")


def broken_at(words: list[str], cli: Cli, n: int, side: Side) -> str | None:
    """The step; None when there are fewer."""
    with pytest.MonkeyPatch.context() as patched:
        breaks = BrokenOff(patched, n, side, fail)
        try:
            cli(*words)
        except Broken:
            return breaks.at
    return None


def killed_at(words: list[str], cli: Cli, n: int) -> bool:
    """In a process that is a copy of this one, and gone at once; False when there are fewer steps."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            BrokenOff(pytest.MonkeyPatch(), n, "after", be_killed)
            cli(*words)
            code = 0
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, KILLED)
    return code == KILLED


def check_nothing_half_done(rows: Rows, evse_uid: str) -> None:
    [(stations, credentials)] = rows(
        "SELECT count(DISTINCT e.id), count(c.id) FROM evse e"
        f" LEFT JOIN evse_credential c ON c.evse_id = e.id WHERE e.evse_uid = '{evse_uid}'"
    )
    assert stations == credentials


def finish(cli: Cli, words: list[str]) -> None:
    """Repeat the command, unless nothing is left to do."""
    folder = Path("stations") / words[1]
    if not folder.exists() or (folder / MARK).exists():
        done(cli(*words))


def check_finished(rows: Rows, evse_uid: str) -> None:
    """Registered once, with one credential, and both in the audit log once."""
    entries = rows(f"SELECT action FROM audit_log WHERE object_id = '{evse_uid}' ORDER BY id")
    assert [entry["action"] for entry in entries] == ["evse.create", "evse_credential.create"]
    check_nothing_half_done(rows, evse_uid)
    folder = Path("stations") / evse_uid
    assert not [path.name for path in folder.iterdir() if MARK in path.name or "unfinished" in path.name]


@pytest.mark.parametrize("more", [[], ["--password"]], ids=["certificate", "password"])
@pytest.mark.parametrize("side", ["before", "after"])
def test_what_fails_at_any_step_is_not_half_done_and_is_finished_by_repeating(
    cli: Cli, rows: Rows, broker: SecuredBroker, side: Side, more: list[str]
) -> None:
    steps = []
    for n in count(1):
        evse_uid = f"CP-{n}"
        words = ["provision", evse_uid, *more]
        step = broken_at(words, cli, n, side)
        if step is None:
            break
        steps.append(step)
        check_nothing_half_done(rows, evse_uid)

        finish(cli, words)

        check_finished(rows, evse_uid)
        assert tried(Path("stations") / evse_uid).returncode == 0
    assert steps[0] == "_replace"
    assert steps[-2:] == ["commit", "finish"]
    assert ("_ask" in steps) == ("--password" in more)


@pytest.mark.parametrize("more", [[], ["--password"]], ids=["certificate", "password"])
def test_what_is_killed_at_any_step_is_not_half_done_and_is_finished_by_repeating(
    cli: Cli, rows: Rows, broker: SecuredBroker, more: list[str]
) -> None:
    for n in count(1):
        evse_uid = f"CP-{n}"
        words = ["provision", evse_uid, *more]
        if not killed_at(words, cli, n):
            break
        check_nothing_half_done(rows, evse_uid)

        finish(cli, words)

        check_finished(rows, evse_uid)
        assert tried(Path("stations") / evse_uid).returncode == 0
    assert n > 6


def test_at_aws_what_fails_at_any_step_is_finished_by_repeating(cli: Cli, rows: Rows, aws: Any) -> None:
    """Its steps at AWS are in test_aws_iot_provisioning.py, one by one."""
    for n in count(1):
        evse_uid = f"CP-{n}"
        words = ["provision", evse_uid, "--aws"]
        if broken_at(words, cli, n, "after") is None:
            break
        check_nothing_half_done(rows, evse_uid)

        finish(cli, words)

        check_finished(rows, evse_uid)
        [(reference,)] = rows(
            "SELECT c.reference FROM evse_credential c JOIN evse e ON e.id = c.evse_id"
            f" WHERE e.evse_uid = '{evse_uid}'"
        )
        [arn] = aws.list_thing_principals(thingName=evse_uid)["principals"]
        assert arn.endswith(reference)
    assert n > 6


def test_a_rotation_that_is_broken_off_is_finished_by_repeating(
    cli: Cli, rows: Rows, broker: SecuredBroker, tmp_path: Path
) -> None:
    for kind, more in (("certificate", []), ("password", ["--password"])):
        done(cli("provision", kind, *more))
        words = ["rotate", kind, "--out", f"{kind}.new"]
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(HandoverFolder, "finish", lambda _: fail())
            with pytest.raises(Broken):
                cli(*words)

        said = done(cli(*words)).output

        assert "what an earlier command made counts" in said
        assert tried(tmp_path / f"{kind}.new").returncode == 0
    held = rows("SELECT kind FROM evse_credential WHERE revoked_at IS NULL ORDER BY kind")
    assert [row["kind"] for row in held] == ["certificate", "certificate", "password"]  # that has one entry


def test_an_account_of_an_interrupted_provision_is_taken_away_without_a_registered_station(
    cli: Cli, rows: Rows, broker: SecuredBroker, tmp_path: Path
) -> None:
    async def lost(_: AsyncConnection) -> None:
        fail()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(AsyncConnection, "commit", lost)
        with pytest.raises(Broken):
            cli("provision", "CP-1", "--password")
    folder = tmp_path / "stations" / "CP-1"
    assert rows("SELECT * FROM evse") == []
    assert tried(folder).returncode == 0  # the broker has done it

    assert "was never noted" in done(cli("revoke", "CP-1")).output

    assert tried(folder).returncode != 0
    with pytest.raises(SolarRallyError, match="there is no station CP-1"):
        cli("revoke", "CP-1")


def test_a_folder_with_files_that_are_not_ours_is_left_alone(
    cli: Cli, rows: Rows, broker: SecuredBroker, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "CP-1.key").write_text("the device's own")

    for more in ([], ["--password"]):
        with pytest.raises(FolderRefused, match="holds something already"):
            cli("provision", "CP-1", "--out", "mine", *more)

    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["CP-1.key"]
    assert rows("SELECT * FROM evse") == []


@pytest.mark.parametrize("more", [[], ["--password"], ["--aws"]], ids=["certificate", "password", "aws"])
def test_a_folder_that_cannot_be_written_is_said_before_anything_is_made(
    cli: Cli, rows: Rows, broker: SecuredBroker, aws: Any, tmp_path: Path, more: list[str]
) -> None:
    (tmp_path / "stations").write_text("a file")

    with pytest.raises(FolderRefused, match="stations/CP-1 cannot be used"):
        cli("provision", "CP-1", *more)

    assert rows("SELECT * FROM evse") == []
    assert aws.list_things()["things"] == []
    (tmp_path / "stations").unlink()
    with pytest.raises(SolarRallyError, match="there is no station CP-1"):
        cli("revoke", "CP-1")  # it has no account either


def test_without_the_account_that_makes_others_no_password_is_begun(
    cli: Cli, rows: Rows, broker: SecuredBroker, tmp_path: Path
) -> None:
    broker.pki.provisioner_password.unlink()

    with pytest.raises(PkiError, match="server-certificate HOST"):
        cli("provision", "CP-1", "--password")
    broker.pki.provisioner_password.write_text("another")
    with pytest.raises(BrokerRefused, match="does not let provisioner in"):
        cli("provision", "CP-1", "--password")

    assert rows("SELECT * FROM evse") == []
    assert not (tmp_path / "stations").exists()


def test_two_who_provision_one_station_at_once_make_one_credential(
    cli: Cli, rows: Rows, broker: SecuredBroker, tmp_path: Path
) -> None:
    words = [sys.executable, "-m", "solarrally", "stations", "provision", "CP-1", "--password", "--out"]
    processes = [
        subprocess.Popen([*words, out], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        for out in ("one", "two")
    ]

    said = [process.communicate(timeout=60)[1] for process in processes]

    assert sorted(process.returncode for process in processes) == [0, 1], said
    assert any("CP-1 has a password already" in text for text in said)
    [made] = [tmp_path / out for out in ("one", "two") if (tmp_path / out).exists()]
    assert len(rows("SELECT * FROM evse_credential")) == len(rows("SELECT * FROM evse")) == 1
    assert tried(made).returncode == 0
