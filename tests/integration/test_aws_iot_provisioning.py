"""Stations at AWS IoT Core's control plane, on moto; and what its policies let whom do.

moto keeps the objects and their relations as AWS does. It evaluates no policies, cuts no connections, and
leaves a CSR's key out of the certificate that it makes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import moto
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs

from solarrally.provisioning.aws_iot import AwsIotRefused, AwsIotRegistry, grants
from solarrally.provisioning.aws_iot_policies import document_text, ingestor_policy, station_policy
from tests.support.moto_server import aws_environment

ARN = "arn:aws:iot:us-east-1:123456789012"
LONGEST_ARN = "arn:aws-us-gov:iot:us-gov-west-1:123456789012"
MUTATING = (
    *("create_thing_type", "create_thing_group", "create_policy", "create_thing", "add_thing_to_thing_group"),
    *("update_thing", "create_certificate_from_csr", "attach_policy", "attach_thing_principal"),
    *("update_certificate", "detach_policy", "detach_thing_principal", "delete_certificate"),
)


@pytest.fixture(scope="module")
def slow_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def iot(monkeypatch: pytest.MonkeyPatch, slow_key: rsa.RSAPrivateKey) -> Iterator[Any]:
    """boto3's client of an empty account. In this process, where the key that moto makes for every
    certificate can be one and the same: to make one takes up to a second.
    """
    for name, value in aws_environment("").items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setattr("moto.iot.models.rsa.generate_private_key", lambda **_: slow_key)
    with moto.mock_aws():
        yield boto3.client("iot")


class Data:
    """The data plane as far as it is used: moto has no DeleteConnection."""

    def __init__(self, iot: Any, *, refuses: bool = False) -> None:
        self.cut: list[tuple[str, bool]] = []
        self.exceptions = iot.exceptions
        self._refuses = refuses

    def delete_connection(self, *, clientId: str, cleanSession: bool, preventWillMessage: bool) -> None:
        assert not preventWillMessage  # its last will tells that it is offline
        if self._refuses:
            raise ClientError({"Error": {"Code": "ForbiddenException"}}, "DeleteConnection")
        if any(client_id == clientId for client_id, _ in self.cut):
            raise self.exceptions.ResourceNotFoundException({"Error": {"Code": "x"}}, "DeleteConnection")
        self.cut.append((clientId, cleanSession))


@pytest.fixture
def data(iot: Any) -> Data:
    return Data(iot)


@pytest.fixture
def registry(iot: Any, data: Data) -> AwsIotRegistry:
    return AwsIotRegistry(iot=iot, data=data)


class Failing:
    """A client whose n-th change fails: before it was made, or after, when only the answer is lost."""

    def __init__(self, client: Any, n: int, *, is_made: bool) -> None:
        self._client = client
        self._left = n
        self._is_made = is_made
        self.failed_at: str | None = None

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        if name not in MUTATING:
            return method

        def call(**arguments: Any) -> Any:
            self._left -= 1
            if self._left != 0:
                return method(**arguments)
            self.failed_at = name
            if self._is_made:
                method(**arguments)
            raise ConnectionError(name)

        return call


def signing_request(name: str, key: ec.EllipticCurvePrivateKey | None = None) -> str:
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def certificates(iot: Any) -> dict[str, str]:
    """Every certificate of the account and its status."""
    return {each["certificateId"]: each["status"] for each in iot.list_certificates()["certificates"]}


# -- what it makes -----------------------------------------------------------------------------------


def test_a_station_gets_a_thing_a_certificate_and_the_one_policy(iot: Any, registry: AwsIotRegistry) -> None:
    made = registry.provision("cp1")

    assert made.private_key_pem is not None
    assert made.private_key_pem.startswith("-----BEGIN PRIVATE KEY-----")
    assert made.endpoint.endswith("-ats.iot.us-east-1.amazonaws.com")
    thing = iot.describe_thing(thingName="cp1")
    assert thing["thingTypeName"] == "solarrally-station"
    assert not any(thing["attributes"].values())
    assert iot.list_things_in_thing_group(thingGroupName="solarrally-stations")["things"] == ["cp1"]
    assert iot.list_thing_principals(thingName="cp1")["principals"] == [made.certificate_arn]
    [policy] = iot.list_attached_policies(target=made.certificate_arn)["policies"]
    assert policy["policyName"] == "solarrally-station"
    assert certificates(iot) == {made.certificate_id: "ACTIVE"}


def test_stations_share_one_policy_type_and_group(iot: Any, registry: AwsIotRegistry) -> None:
    for number in range(20):
        registry.provision(f"cp{number}")

    assert [policy["policyName"] for policy in iot.list_policies()["policies"]] == ["solarrally-station"]
    assert len(iot.list_thing_types()["thingTypes"]) == len(iot.list_thing_groups()["thingGroups"]) == 1
    assert len(registry.list()) == 20


def test_a_device_that_made_its_key_keeps_it(registry: AwsIotRegistry) -> None:
    made = registry.provision("cp1", signing_request("cp1"))

    assert made.private_key_pem is None
    names = x509.load_pem_x509_certificate(made.certificate_pem.encode()).subject
    assert names.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "cp1"


@pytest.mark.parametrize(
    ("evse_uid", "csr", "said"),
    [
        ("cp1", "not a request", "no PEM"),
        ("cp1", signing_request("cp2"), "make it with CN=cp1"),
        ("site.cp1@home", None, "letters, digits, and : _ - only"),
    ],
    ids=["no request", "of another", "no name of a thing"],
)
def test_what_cannot_be_is_refused_before_anything_is_made(
    iot: Any, registry: AwsIotRegistry, evse_uid: str, csr: str | None, said: str
) -> None:
    with pytest.raises(AwsIotRefused, match=said):
        registry.provision(evse_uid, csr)

    assert iot.list_things()["things"] == []
    assert certificates(iot) == {}


def test_a_policy_that_is_there_stays_as_it_is_and_a_difference_is_said(
    iot: Any, registry: AwsIotRegistry
) -> None:
    spaced = json.dumps(station_policy(ARN), indent=4)
    iot.create_policy(policyName="solarrally-station", policyDocument=spaced)
    with capture_logs() as logs:
        registry.ensure_fleet()
    assert logs == []
    iot.delete_policy(policyName="solarrally-station")
    other = document_text(ingestor_policy(ARN, client_id="x"))
    iot.create_policy(policyName="solarrally-station", policyDocument=other)

    with capture_logs() as logs:
        registry.ensure_fleet()

    assert [entry["event"] for entry in logs] == ["iot_policy_differs"]
    assert iot.get_policy(policyName="solarrally-station")["policyDocument"] == other


def test_the_ingestor_gets_a_policy_of_its_own(iot: Any, registry: AwsIotRegistry) -> None:
    registry.ensure_fleet()
    name = registry.ensure_ingestor_policy("solarrally-ingestor")
    assert registry.ensure_ingestor_policy("solarrally-ingestor") == name

    document = json.loads(iot.get_policy(policyName=name)["policyDocument"])
    assert grants(document) == grants(ingestor_policy(ARN, client_id="solarrally-ingestor"))


# -- rotating and revoking ---------------------------------------------------------------------------


def test_a_rotated_station_has_two_certificates_until_the_old_one_is_revoked(
    iot: Any, registry: AwsIotRegistry, data: Data
) -> None:
    old = registry.provision("cp1")
    new = registry.rotate("cp1")
    assert {(each.certificate_id, each.status) for each in registry.list("cp1")} == {
        (old.certificate_id, "ACTIVE"),
        (new.certificate_id, "ACTIVE"),
    }

    assert registry.revoke("cp1", old.certificate_id) == [old.certificate_id]

    assert certificates(iot) == {old.certificate_id: "REVOKED", new.certificate_id: "ACTIVE"}
    assert iot.list_thing_principals(thingName="cp1")["principals"] == [new.certificate_arn]
    assert iot.list_attached_policies(target=old.certificate_arn)["policies"] == []
    assert data.cut == [("cp1", False)]  # its session waits for it to come back with the new one


def test_a_station_without_a_certificate_cannot_be_rotated(registry: AwsIotRegistry) -> None:
    with pytest.raises(AwsIotRefused, match="provision it instead"):
        registry.rotate("cp1")


def test_a_revoked_station_is_cut_off_and_its_session_forgotten(
    iot: Any, registry: AwsIotRegistry, data: Data
) -> None:
    one, two = registry.provision("cp1"), registry.rotate("cp1")
    other = registry.provision("cp2")

    assert set(registry.revoke("cp1")) == {one.certificate_id, two.certificate_id}

    assert data.cut == [("cp1", True)]
    assert certificates(iot)[other.certificate_id] == "ACTIVE"
    assert {certificates(iot)[each.certificate_id] for each in (one, two)} == {"REVOKED"}
    assert registry.list("cp1") == []
    assert registry.revoke("cp1") == []
    assert registry.revoke("cp1", one.certificate_id) == [one.certificate_id]  # said again, not done again


def test_without_the_permission_to_cut_it_off_it_is_revoked_all_the_same(iot: Any) -> None:
    registry = AwsIotRegistry(iot=iot, data=Data(iot, refuses=True))
    made = registry.provision("cp1")
    with capture_logs() as logs:
        registry.revoke("cp1")

    assert certificates(iot) == {made.certificate_id: "REVOKED"}
    assert "iot:DeleteConnection" in next(e["hint"] for e in logs if e["event"] == "iot_connection_not_cut")


def test_a_live_connection_is_cut_by_its_client_id(iot: Any) -> None:
    """The request as boto3 knows it; that no one is connected is no error."""
    data_plane = boto3.client("iot-data")
    registry = AwsIotRegistry(iot=iot, data=data_plane)
    expected = {"clientId": "cp1", "cleanSession": True, "preventWillMessage": False}
    with Stubber(data_plane) as stub, capture_logs() as logs:
        for answer in (None, "ResourceNotFoundException"):
            registry.provision("cp1")
            if answer is None:
                stub.add_response("delete_connection", {}, expected)
            else:
                stub.add_client_error("delete_connection", answer, expected_params=expected)
            registry.revoke("cp1")
        stub.assert_no_pending_responses()

    assert logs == []


def test_nobody_revokes_the_certificate_of_another(iot: Any, registry: AwsIotRegistry) -> None:
    made = registry.provision("cp1")
    with pytest.raises(AwsIotRefused, match="not one of cp2"):
        registry.revoke("cp2", made.certificate_id)
    with pytest.raises(AwsIotRefused, match="no certificate"):
        registry.revoke("cp1", "0" * 64)

    assert certificates(iot) == {made.certificate_id: "ACTIVE"}


def test_a_station_that_was_revoked_can_come_back(iot: Any, registry: AwsIotRegistry) -> None:
    registry.provision("cp1")
    registry.revoke("cp1")
    again = registry.provision("cp1")

    assert [each.certificate_id for each in registry.list("cp1")] == [again.certificate_id]


def test_certificates_that_nobody_has_the_key_of_are_removed_when_the_others_are_named(
    iot: Any, registry: AwsIotRegistry
) -> None:
    """The process died after AWS had done its part, before the key was written to a file."""
    kept, lost = registry.provision("cp1"), registry.provision("cp1")

    new = registry.provision("cp1", known=[kept.certificate_id])

    assert lost.certificate_id not in certificates(iot)
    assert certificates(iot) == {kept.certificate_id: "ACTIVE", new.certificate_id: "ACTIVE"}


# -- crashes -----------------------------------------------------------------------------------------

PROVISIONING_CHANGES = 11
"""Calls that change something, the first time."""


@pytest.mark.parametrize("is_made", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("n", range(1, PROVISIONING_CHANGES + 1))
def test_provisioning_that_broke_anywhere_is_whole_when_it_is_done_again(
    iot: Any, data: Data, n: int, is_made: bool
) -> None:
    failing = Failing(iot, n, is_made=is_made)
    with pytest.raises(ConnectionError):
        AwsIotRegistry(iot=failing, data=data).provision("cp1")  # type: ignore[arg-type]

    # When only the very last answer is lost, AWS has all it needs and nobody has the key: the caller says so.
    known = () if is_made and n == PROVISIONING_CHANGES else None
    made = AwsIotRegistry(iot=iot, data=data).provision("cp1", known=known)

    assert certificates(iot) == {made.certificate_id: "ACTIVE"}
    assert [thing["thingName"] for thing in iot.list_things()["things"]] == ["cp1"]
    assert iot.list_thing_principals(thingName="cp1")["principals"] == [made.certificate_arn]
    assert len(iot.list_attached_policies(target=made.certificate_arn)["policies"]) == 1
    assert len(iot.list_policies()["policies"]) == 1
    assert not any(iot.describe_thing(thingName="cp1")["attributes"].values())


def test_every_change_of_provisioning_was_a_place_to_break(iot: Any, data: Data) -> None:
    """Or the test above would miss some."""
    failing = Failing(iot, PROVISIONING_CHANGES + 1, is_made=False)
    AwsIotRegistry(iot=failing, data=data).provision("cp1")  # type: ignore[arg-type]
    assert failing.failed_at is None
    assert failing._left == 1


@pytest.mark.parametrize("n", range(1, 7))
def test_a_rotation_that_broke_leaves_the_old_certificate_alone(iot: Any, data: Data, n: int) -> None:
    """Also when the old one was made a moment ago: the mark says which there were."""
    registry = AwsIotRegistry(iot=iot, data=data)
    old = registry.provision("cp1")
    failing = Failing(iot, n, is_made=True)
    with pytest.raises(ConnectionError):
        AwsIotRegistry(iot=failing, data=data).rotate("cp1")  # type: ignore[arg-type]

    new = registry.rotate("cp1")

    assert certificates(iot) == {old.certificate_id: "ACTIVE", new.certificate_id: "ACTIVE"}


@pytest.mark.parametrize("is_made", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("n", range(1, 7))
def test_a_revocation_that_broke_is_whole_when_it_is_done_again(
    iot: Any, data: Data, n: int, is_made: bool
) -> None:
    registry = AwsIotRegistry(iot=iot, data=data)
    made = [registry.provision("cp1"), registry.rotate("cp1")]
    with pytest.raises(ConnectionError):
        AwsIotRegistry(iot=Failing(iot, n, is_made=is_made), data=data).revoke("cp1")  # type: ignore[arg-type]

    registry.revoke("cp1")

    assert set(certificates(iot).values()) == {"REVOKED"}
    assert iot.list_thing_principals(thingName="cp1")["principals"] == []
    for each in made:
        assert iot.list_attached_policies(target=each.certificate_arn)["policies"] == []


def test_the_first_change_of_a_revocation_ends_the_access(iot: Any, data: Data) -> None:
    made = AwsIotRegistry(iot=iot, data=data).provision("cp1")
    with pytest.raises(ConnectionError):
        AwsIotRegistry(iot=Failing(iot, 1, is_made=True), data=data).revoke("cp1")  # type: ignore[arg-type]

    assert certificates(iot) == {made.certificate_id: "REVOKED"}


def test_a_listing_says_when_certificates_end(registry: AwsIotRegistry) -> None:
    registry.provision("cp1")

    [listed] = registry.list("cp1")

    assert listed.expires_at > datetime.now(UTC) + timedelta(days=300)
    assert abs(listed.created_at - datetime.now(UTC)) < timedelta(minutes=5)


# -- what the policies say ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "document",
    [
        station_policy(LONGEST_ARN, topic_root="a" * 32),
        ingestor_policy(LONGEST_ARN, client_id="i" * 64, topic_root="a" * 32),
    ],
    ids=["station", "ingestor"],
)
def test_a_policy_is_within_awss_size_and_has_no_mqtt_wildcards(document: Any) -> None:
    assert len(document_text(document)) <= 2048
    for _, resource, _ in grants(document):
        assert "+" not in resource
        assert "#" not in resource


def test_a_station_may_do_nothing_outside_its_own_name() -> None:
    said = set()
    for action, resource, conditions in grants(station_policy(ARN)):
        kind, _, name = resource.removeprefix(f"{ARN}:").partition("/")
        if action == "iot:Connect":
            assert (kind, name) == ("client", "${iot:Connection.Thing.ThingName}")
            assert '"iot:Connection.Thing.IsAttached": "true"' in conditions
        else:
            assert name.startswith("evse/${iot:Connection.Thing.ThingName}/")
            assert kind == ("topicfilter" if action == "iot:Subscribe" else "topic")
        if action == "iot:Publish":
            said.add(name.rpartition("}/")[2])
    assert said == {"telemetry", "status", "session/*", "results/*"}


def test_the_ingestor_may_say_only_what_is_for_stations() -> None:
    said = {
        resource for action, resource, _ in grants(ingestor_policy(ARN, client_id="i")) if "Publish" in action
    }

    assert said == {f"{ARN}:topic/evse/*/commands/*", f"{ARN}:topic/evse/*/acks"}


def test_terraform_writes_the_same_policies(tmp_path: Path) -> None:
    """infra/iot.tf, its policies evaluated by Terraform itself; the account and names are this test's."""
    terraform = shutil.which("terraform")
    if terraform is None:
        pytest.skip("no terraform here to evaluate infra/iot.tf: https://developer.hashicorp.com/terraform")
    source = (Path(__file__).parents[2] / "infra" / "iot.tf").read_text(encoding="utf-8")
    names = f'locals {{\n  iot_arn = "{ARN}"\n  name = "solarrally"\n}}\n'
    (tmp_path / "main.tf").write_text(names + first_block("locals", source), encoding="utf-8")
    (tmp_path / "cli.tfrc").write_text("", encoding="utf-8")

    answer = subprocess.run(
        [terraform, "console"],
        cwd=tmp_path,
        input="jsonencode([local.station_policy, local.ingestor_policy])\n",
        env={**os.environ, "TF_CLI_CONFIG_FILE": str(tmp_path / "cli.tfrc"), "CHECKPOINT_DISABLE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    station, ingestor = json.loads(json.loads(answer.stdout))

    assert resources_of(station) == resources_of(station_policy(ARN))
    assert "iot:Connection.Thing.IsAttached" in json.dumps(station)
    # There it reads the Kinesis stream, so that it only speaks here.
    of_ours = ingestor_policy(ARN, client_id="solarrally-ingestor", hears_stations=False)
    assert resources_of(ingestor) == resources_of(of_ours)


def resources_of(document: Any) -> set[tuple[str, str]]:
    return {(action, resource) for action, resource, _ in grants(document)}


def first_block(keyword: str, source: str) -> str:
    """`keyword { … }`, up to the brace that closes it."""
    start = source.index(f"{keyword} {{")
    depth = 0
    for place in range(start, len(source)):
        depth += {"{": 1, "}": -1}.get(source[place], 0)
        if depth == 0 and source[place] == "}":
            return source[start : place + 1] + "\n"
    raise AssertionError(f"the block {keyword!r} does not end")
