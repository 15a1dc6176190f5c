"""Stations at AWS IoT Core: a thing each, one policy for all, and certificates that come and go.

Every step may be the last before a crash; doing the whole again then ends at one thing, one policy and no
certificate that nobody has the key of. A certificate is active only when all else is done. While one is being
made, the thing carries a mark: when that began, and which certificates there were. Whoever finds it removes
what was made since under this station's name. Keys are made here or by the device, never by AWS, so that a
certificate names its station also before it is attached to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from solarrally.errors import SolarRallyError
from solarrally.provisioning.aws_iot_policies import (
    Document,
    document_text,
    ingestor_policy,
    station_policy,
)

if TYPE_CHECKING:
    from mypy_boto3_iot import IoTClient

log = structlog.get_logger()

_BEGUN: Final = "certificate_begun"
_ID_IN_MARK: Final = 16
"""So many characters of each certificate's id: an attribute holds 800."""
_MOST_CERTIFICATES: Final = 20
_CLOCK_SKEW: Final = timedelta(minutes=15)
"""The mark is by our clock, the certificate's instant by AWS's."""
_THING_NAME: Final = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
"""docs.aws.amazon.com/iot/latest/apireference/API_CreateThing.html"""
_PAGE: Final = 250


class AwsIotRefused(SolarRallyError):
    """What was asked cannot be done at AWS IoT Core; the text says why and what to do."""


@dataclass(slots=True, frozen=True, kw_only=True)
class ProvisionedThing:
    """What a device needs to connect."""

    certificate_id: str
    certificate_arn: str
    certificate_pem: str
    private_key_pem: str | None
    """PKCS#8; None when the device made its key itself."""
    endpoint: str
    """Host name of the account's MQTT endpoint."""


@dataclass(slots=True, frozen=True, kw_only=True)
class RegisteredCertificate:
    """A certificate attached to a thing."""

    evse_uid: str
    certificate_id: str
    status: str
    """`ACTIVE`, `INACTIVE`, `REVOKED`, …"""
    created_at: datetime
    expires_at: datetime


class AwsIotRegistry:
    """The control plane of AWS IoT Core. Blocking: call it in a thread.

    Region and credentials are boto3's own (AWS_REGION, AWS_PROFILE, …). `name` begins the names of the thing
    type, the thing group and the policies, as in infra/.
    """

    def __init__(
        self,
        *,
        name: str = "solarrally",
        topic_root: str = "evse",
        iot: IoTClient | None = None,
        data: Any = None,
    ) -> None:
        """`iot` and `data`: boto3's clients of these names, made when they are not given."""
        import boto3  # a second to import, and only with the extra `aws`

        self._iot: IoTClient = iot or boto3.client("iot")
        self._data = data
        self._topic_root = topic_root
        self.thing_type = f"{name}-station"
        self.thing_group = f"{name}-stations"
        self.station_policy_name = f"{name}-station"
        self.ingestor_policy_name = f"{name}-ingestor"

    # -- what is asked of it ---------------------------------------------------------------------

    def provision(
        self, evse_uid: str, csr_pem: str | None = None, *, known: Collection[str] | None = None
    ) -> ProvisionedThing:
        """A new certificate for this station, beside those it has.

        `csr_pem`: signed by the device's own key, with the station's id as common name. `known`: the ids of
        the certificates that somebody has the key of; all others of this thing are removed first. Raises
        `AwsIotRefused`.
        """
        key, csr_pem = _request(evse_uid, csr_pem)
        self.ensure_fleet()
        self._ensure_thing(evse_uid)
        self._clear_up(evse_uid, known)
        made = self._certify(evse_uid, csr_pem, self.station_policy_name)
        return ProvisionedThing(
            certificate_id=made.certificate_id,
            certificate_arn=made.certificate_arn,
            certificate_pem=made.certificate_pem,
            private_key_pem=key,
            endpoint=self.endpoint(),
        )

    def rotate(
        self, evse_uid: str, csr_pem: str | None = None, *, known: Collection[str] | None = None
    ) -> ProvisionedThing:
        """A second certificate for a station that has one: both are good until `revoke` ends the old one.
        Raises `AwsIotRefused` for a station without any.
        """
        if not any(each.status == "ACTIVE" for each in self._certificates_of(evse_uid)):
            raise AwsIotRefused(f"{evse_uid} has no active certificate at AWS IoT: provision it instead")
        return self.provision(evse_uid, csr_pem, known=known)

    def revoke(self, evse_uid: str, certificate_id: str | None = None) -> list[str]:
        """Revoke one certificate of a station, or all of them, and cut its connection; the ids of those that
        are revoked now.

        AWS itself disconnects a client "within a few minutes" of its certificate no longer being active
        (UpdateCertificate, API reference); `DeleteConnection` does it at once, and needs the permission
        `iot:DeleteConnection`. Without it the rest is done all the same, and the delay is logged.
        """
        attached = self._arns_of(evse_uid)
        arns = attached if certificate_id is None else [self._arn_of(evse_uid, certificate_id, attached)]
        for arn in arns:
            self._iot.update_certificate(certificateId=_id_of(arn), newStatus="REVOKED")
        if arns:
            self._disconnect(evse_uid, forget_session=set(arns) >= set(attached))
        for arn in arns:
            self._detach(evse_uid, arn)  # from the thing last: until then a repetition finds it
        return [_id_of(arn) for arn in arns]

    def list(self, evse_uid: str | None = None) -> list[RegisteredCertificate]:
        """The certificates attached to this station, or to any station of the group, oldest first."""
        names = [evse_uid] if evse_uid is not None else list(self._stations())
        found = [certificate for name in names for certificate in self._certificates_of(name)]
        return sorted(found, key=lambda each: (each.evse_uid, each.created_at))

    def endpoint(self) -> str:
        """Host name of the account's MQTT endpoint, whose certificate Amazon has signed."""
        return self._iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]

    def ensure_fleet(self) -> None:
        """The thing type, the thing group and the stations' policy. Those that exist stay as they are: they
        are Terraform's, where that runs.
        """
        try:
            self._iot.describe_thing_type(thingTypeName=self.thing_type)
        except self._iot.exceptions.ResourceNotFoundException:
            self._iot.create_thing_type(thingTypeName=self.thing_type)
        try:
            self._iot.describe_thing_group(thingGroupName=self.thing_group)
        except self._iot.exceptions.ResourceNotFoundException:
            self._iot.create_thing_group(thingGroupName=self.thing_group)
        arn_prefix = self._arn_prefix()
        self._ensure_policy(self.station_policy_name, station_policy(arn_prefix, topic_root=self._topic_root))

    def ensure_ingestor_policy(self, client_id: str) -> str:
        """The policy of an ingestor that connects as `client_id`; its name."""
        document = ingestor_policy(self._arn_prefix(), client_id=client_id, topic_root=self._topic_root)
        self._ensure_policy(self.ingestor_policy_name, document)
        return self.ingestor_policy_name

    # -- steps -----------------------------------------------------------------------------------

    def _ensure_policy(self, name: str, document: Document) -> None:
        try:
            existing = self._iot.get_policy(policyName=name)["policyDocument"]
        except self._iot.exceptions.ResourceNotFoundException:
            try:
                text = document_text(document)
            except ValueError as error:
                raise AwsIotRefused(f"{name}: {error}; a shorter topic root helps") from error
            self._iot.create_policy(policyName=name, policyDocument=text)
            return
        if grants(json.loads(existing)) != grants(document):
            log.warning(
                "iot_policy_differs", policy=name, hint="it is left as it is; is infra/ of another version?"
            )

    def _ensure_thing(self, name: str) -> None:
        try:
            self._iot.describe_thing(thingName=name)
        except self._iot.exceptions.ResourceNotFoundException:
            self._iot.create_thing(thingName=name, thingTypeName=self.thing_type)
        self._iot.add_thing_to_thing_group(thingGroupName=self.thing_group, thingName=name)

    def _clear_up(self, name: str, known: Collection[str] | None) -> None:
        """Remove what an attempt left that did not come to its end."""
        leftovers = set()
        for arn in self._arns_of(name):
            described = self._iot.describe_certificate(certificateId=_id_of(arn))
            is_inactive = described["certificateDescription"]["status"] == "INACTIVE"
            if is_inactive or (known is not None and _id_of(arn) not in known):
                leftovers.add(arn)
        mark = self._iot.describe_thing(thingName=name).get("attributes", {}).get(_BEGUN)
        if mark:
            begun_at, *before = mark.split(",")
            since = datetime.fromisoformat(begun_at) - _CLOCK_SKEW
            leftovers.update(
                arn for arn in self._made_since(since, name) if _id_of(arn)[:_ID_IN_MARK] not in before
            )
        for arn in sorted(leftovers):
            self._remove(name, arn)

    def _certify(self, name: str, csr_pem: str, policy_name: str) -> _Made:
        before = [_id_of(arn)[:_ID_IN_MARK] for arn in self._arns_of(name)]
        if len(before) > _MOST_CERTIFICATES:
            raise AwsIotRefused(f"{name} has {len(before)} certificates at AWS IoT: revoke those not in use")
        self._mark(name, ",".join([datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), *before]))
        made = self._iot.create_certificate_from_csr(certificateSigningRequest=csr_pem, setAsActive=False)
        self._iot.attach_policy(policyName=policy_name, target=made["certificateArn"])
        self._iot.attach_thing_principal(thingName=name, principal=made["certificateArn"])
        self._iot.update_certificate(certificateId=made["certificateId"], newStatus="ACTIVE")
        self._mark(name, "")
        return _Made(made["certificateId"], made["certificateArn"], made["certificatePem"])

    def _mark(self, name: str, text: str) -> None:
        """Merging an empty value removes the attribute."""
        self._iot.update_thing(thingName=name, attributePayload={"attributes": {_BEGUN: text}, "merge": True})

    def _remove(self, name: str, arn: str) -> None:
        """A certificate that nobody can use."""
        self._iot.update_certificate(certificateId=_id_of(arn), newStatus="INACTIVE")
        self._detach(name, arn)
        self._iot.delete_certificate(certificateId=_id_of(arn))
        log.info("iot_certificate_removed", evse_uid=name, certificate_id=_id_of(arn))

    def _detach(self, name: str, arn: str) -> None:
        for policy in self._iot.list_attached_policies(target=arn)["policies"]:
            self._iot.detach_policy(policyName=policy["policyName"], target=arn)
        if arn in self._arns_of(name):
            self._iot.detach_thing_principal(thingName=name, principal=arn)

    def _disconnect(self, name: str, *, forget_session: bool) -> None:
        from botocore.exceptions import ClientError

        data = self._data_plane()
        try:
            data.delete_connection(clientId=name, cleanSession=forget_session, preventWillMessage=False)
        except data.exceptions.ResourceNotFoundException:
            return  # it is not connected
        except ClientError as error:
            log.warning(
                "iot_connection_not_cut",
                evse_uid=name,
                error=str(error),
                hint="AWS ends it within a few minutes; to have it at once, allow iot:DeleteConnection",
            )

    # -- what there is ---------------------------------------------------------------------------

    def _stations(self) -> Iterator[str]:
        pages = self._iot.get_paginator("list_things_in_thing_group")
        for page in pages.paginate(thingGroupName=self.thing_group, PaginationConfig={"PageSize": _PAGE}):
            yield from page["things"]

    def _arns_of(self, name: str) -> Sequence[str]:
        """The certificates attached to a thing; none when there is no such thing."""
        pages = self._iot.get_paginator("list_thing_principals")
        try:
            return [arn for page in pages.paginate(thingName=name) for arn in page["principals"]]
        except self._iot.exceptions.ResourceNotFoundException:
            return []

    def _arn_of(self, name: str, certificate_id: str, attached: Sequence[str]) -> str:
        """Of a certificate of this station, attached or not any more."""
        for arn in attached:
            if _id_of(arn) == certificate_id:
                return arn
        try:
            described = self._iot.describe_certificate(certificateId=certificate_id)["certificateDescription"]
        except self._iot.exceptions.ResourceNotFoundException as error:
            raise AwsIotRefused(f"AWS IoT has no certificate {certificate_id}") from error
        if _common_name(x509.load_pem_x509_certificate(described["certificatePem"].encode())) != name:
            raise AwsIotRefused(f"certificate {certificate_id} is not one of {name}")
        return described["certificateArn"]

    def _certificates_of(self, name: str) -> Iterator[RegisteredCertificate]:
        for arn in self._arns_of(name):
            described = self._iot.describe_certificate(certificateId=_id_of(arn))["certificateDescription"]
            parsed = x509.load_pem_x509_certificate(described["certificatePem"].encode())
            yield RegisteredCertificate(
                evse_uid=name,
                certificate_id=described["certificateId"],
                status=described["status"],
                created_at=described["creationDate"].astimezone(UTC),
                expires_at=parsed.not_valid_after_utc,
            )

    def _made_since(self, since: datetime, name: str) -> Iterator[str]:
        """Certificates that name this station and were made from then on, whatever became of them."""
        pages = self._iot.get_paginator("list_certificates")
        for page in pages.paginate(PaginationConfig={"PageSize": _PAGE}):
            for entry in page["certificates"]:
                if entry["creationDate"] < since or entry["status"] == "REVOKED":
                    continue
                described = self._iot.describe_certificate(certificateId=entry["certificateId"])
                pem = described["certificateDescription"]["certificatePem"]
                if _common_name(x509.load_pem_x509_certificate(pem.encode())) == name:
                    yield entry["certificateArn"]

    def _arn_prefix(self) -> str:
        """`arn:aws:iot:<region>:<account>`, as of the thing type: AWS China and GovCloud have another."""
        arn = self._iot.describe_thing_type(thingTypeName=self.thing_type)["thingTypeArn"]
        return ":".join(arn.split(":")[:5])

    def _data_plane(self) -> Any:
        if self._data is None:
            import boto3

            is_aws = self._iot.meta.endpoint_url.endswith((".amazonaws.com", ".amazonaws.com.cn"))
            self._data = boto3.client(
                "iot-data",
                region_name=self._iot.meta.region_name,
                endpoint_url=f"https://{self.endpoint()}" if is_aws else self._iot.meta.endpoint_url,
            )
        return self._data


@dataclass(slots=True, frozen=True)
class _Made:
    certificate_id: str
    certificate_arn: str
    certificate_pem: str


def grants(document: Document) -> set[tuple[str, str, str]]:
    """What a policy allows, as (action, resource, conditions): equal for documents that mean the same."""
    found = set()
    for statement in document["Statement"]:
        if statement["Effect"] != "Allow":
            raise ValueError(f"a statement that does not allow: {statement}")
        conditions = json.dumps(statement.get("Condition", {}), sort_keys=True)
        for action in _several(statement["Action"]):
            for resource in _several(statement["Resource"]):
                found.add((action, resource, conditions))
    return found


def _several(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value


def _request(name: str, csr_pem: str | None) -> tuple[str | None, str]:
    """The private key made here, if one was, and the signing request."""
    if _THING_NAME.fullmatch(name) is None:
        raise AwsIotRefused(
            f"{name!r} cannot be the name of a thing: AWS IoT takes letters, digits, and : _ - only"
        )
    if csr_pem is not None:
        return None, _checked(name, csr_pem)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    csr = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return key_pem.decode(), csr.public_bytes(serialization.Encoding.PEM).decode()


def _checked(name: str, csr_pem: str) -> str:
    try:
        csr = x509.load_pem_x509_csr(csr_pem.encode())
    except ValueError as error:
        raise AwsIotRefused(f"the signing request of {name} is no PEM of one: {error}") from error
    if not csr.is_signature_valid:
        raise AwsIotRefused(f"the signing request of {name} is not signed by the key it names")
    if _common_name(csr) != name:
        raise AwsIotRefused(
            f"the signing request is for {_common_name(csr)!r} and not for {name}: make it with CN={name}"
        )
    return csr_pem


def _common_name(named: x509.Certificate | x509.CertificateSigningRequest) -> str | None:
    names = named.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if len(names) == 1 else None


def _id_of(certificate_arn: str) -> str:
    return certificate_arn.rpartition("/")[2]
