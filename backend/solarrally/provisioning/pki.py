"""Our own certificate authorities: who signs what, and for how long it holds. Nothing here touches a file.

There are two, and neither signs for the other. The one for devices signs stations only, so that nothing that
a station holds opens the backend's door at the broker; the one for services signs the broker, the ingestor
and whoever provisions. Keys are EC P-256 (NIST SP 800-186; every TLS library of a microcontroller has it),
certificates follow RFC 5280.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from solarrally.errors import SolarRallyError

CA_DAYS: Final = 3650
DEVICE_DAYS: Final = 365
SERVICE_DAYS: Final = 365
MAX_COMMON_NAME_LENGTH: Final = 64
"""ub-common-name of RFC 5280; a station's id is no longer."""
MIN_RSA_BITS: Final = 2048
CLOCK_SKEW: Final = timedelta(hours=1)
"""Certificates hold from so long ago: the clock of a charger may be a little behind."""
CRL_BACKDATING: Final = timedelta(hours=1)
PROBE_LIFETIME: Final = timedelta(minutes=10)
PROBE_NAME: Final = "revocation-check"
_PROBE_SERIALS: Final = 2**63
"""Serial numbers of probes are below it. Those of others have 159 random bits: none is, in practice."""


class PkiError(SolarRallyError):
    """A certificate, key, or signing request that cannot be used; the message says why and what to do."""


@dataclass(slots=True, frozen=True)
class Authority:
    """A certificate authority with its key in memory."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def not_after(self) -> datetime:
        return self.certificate.not_valid_after_utc


@dataclass(slots=True, frozen=True)
class KeyPair:
    """A new certificate with the private key that was made for it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def new_authority(name: str, *, now: datetime, days: int = CA_DAYS) -> Authority:
    """A self-signed authority that signs end certificates and revocation lists, and no further authority."""
    key = new_key()
    subject = _name(name)
    certificate = (
        _certificate(subject, subject, key.public_key(), now=now, not_after=now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(is_authority=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key)


def device_certificate(
    authority: Authority,
    evse_uid: str,
    public_key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    *,
    now: datetime,
    lifetime: timedelta,
) -> x509.Certificate:
    """The certificate of a station: its common name is the station's id, which the broker takes as the user
    name and the client id. For TLS clients only. It never outlives the authority.
    """
    return _signed(
        authority,
        evse_uid,
        public_key,
        x509.SubjectAlternativeName([x509.UniformResourceIdentifier(station_uri(evse_uid))]),
        ExtendedKeyUsageOID.CLIENT_AUTH,
        now=now,
        lifetime=lifetime,
    )


def certificate_for_request(
    authority: Authority, evse_uid: str, request_pem: bytes, *, now: datetime, lifetime: timedelta
) -> x509.Certificate:
    """Sign what a device asks for (PKCS #10, PEM). Of the request only the public key is used: name, purpose
    and lifetime are ours.

    Raises `PkiError` when it is no such request, its signature is not that of its key, or the key is weak.
    """
    return device_certificate(authority, evse_uid, request_key(request_pem), now=now, lifetime=lifetime)


def request_key(request_pem: bytes) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
    """The public key of a signing request, after a check that whoever asks has the private one."""
    try:
        request = x509.load_pem_x509_csr(request_pem)
        is_theirs = request.is_signature_valid
        key = request.public_key()
    except (ValueError, InvalidSignature, UnsupportedAlgorithm) as error:
        raise PkiError(f"no certificate signing request in PEM that we can read: {error}") from error
    if not is_theirs:
        raise PkiError("the signing request is not signed with the key that it holds")
    if isinstance(key, ec.EllipticCurvePublicKey):
        if not isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1):
            raise PkiError(f"the request's key is on the curve {key.curve.name}: P-256 or P-384 it must be")
        return key
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < MIN_RSA_BITS:
            raise PkiError(f"the request's RSA key has {key.key_size} bits: {MIN_RSA_BITS} it must have")
        return key
    raise PkiError("the request's key is neither EC (P-256, P-384) nor RSA")


def device_pair(authority: Authority, evse_uid: str, *, now: datetime, lifetime: timedelta) -> KeyPair:
    """A key of our making and the station's certificate for it."""
    key = new_key()
    return KeyPair(device_certificate(authority, evse_uid, key.public_key(), now=now, lifetime=lifetime), key)


def probe_pair(authority: Authority, *, now: datetime) -> KeyPair:
    """A certificate that exists to be revoked: a broker that refuses it has read the list that it is on.

    It holds for minutes, and its serial number says what it is, so that later lists leave it out.
    """
    key = new_key()
    certificate = _signed(
        authority,
        PROBE_NAME,
        key.public_key(),
        x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"urn:solarrally:{PROBE_NAME}")]),
        ExtendedKeyUsageOID.CLIENT_AUTH,
        now=now,
        lifetime=PROBE_LIFETIME,
        serial_number=secrets.randbelow(_PROBE_SERIALS - 1) + 1,
    )
    return KeyPair(certificate, key)


def server_pair(authority: Authority, hosts: Sequence[str], *, now: datetime, lifetime: timedelta) -> KeyPair:
    """Key and certificate of a broker that is reached under these names and addresses; the first is its
    common name.
    """
    key = new_key()
    certificate = _signed(
        authority,
        hosts[0][:MAX_COMMON_NAME_LENGTH],
        key.public_key(),
        x509.SubjectAlternativeName([_host(host) for host in hosts]),
        ExtendedKeyUsageOID.SERVER_AUTH,
        now=now,
        lifetime=lifetime,
    )
    return KeyPair(certificate, key)


def host_names(certificate: x509.Certificate) -> list[str]:
    """Names and addresses that a broker's certificate is for, in its order."""
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(name.value) for name in names]


def service_pair(authority: Authority, name: str, *, now: datetime, lifetime: timedelta) -> KeyPair:
    """Key and certificate with which a part of the backend logs in to the broker under this name."""
    key = new_key()
    certificate = _signed(
        authority,
        name,
        key.public_key(),
        x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"urn:solarrally:service:{name}")]),
        ExtendedKeyUsageOID.CLIENT_AUTH,
        now=now,
        lifetime=lifetime,
    )
    return KeyPair(certificate, key)


def revocation_list(
    authority: Authority,
    revoked: Iterable[tuple[int, datetime]],
    *,
    now: datetime,
    previous: x509.CertificateRevocationList | None = None,
    forget: Iterable[int] = (),
) -> x509.CertificateRevocationList:
    """The list with these serial numbers (and when each was revoked) added to those of the previous one.

    `forget` names serials that may go, as their certificates have expired; those of old probes go by
    themselves.

    It says "next update" at the authority's own end: brokers refuse everybody once that instant has passed
    (X509_V_ERR_CRL_HAS_EXPIRED), and a list that is handed to the broker as a file needs no such reminder.
    It is dated an hour back and always at least a second after the previous one: OpenSSL, which keeps every
    list that it was ever given, goes by the newest date, and takes the older list when two are of one second.
    """
    entries = {
        one.serial_number: one.revocation_date_utc
        for one in previous or ()
        if one.serial_number >= _PROBE_SERIALS or one.revocation_date_utc + PROBE_LIFETIME > now
    }
    for serial, revoked_at in revoked:
        entries.setdefault(serial, revoked_at)
    for serial in forget:
        entries.pop(serial, None)
    dated = _whole_second(now - CRL_BACKDATING)
    number = 1
    if previous is not None:
        dated = max(dated, previous.last_update_utc + timedelta(seconds=1))
        number = previous.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number + 1
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(dated)
        .next_update(authority.not_after)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False
        )
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    for serial, revoked_at in sorted(entries.items()):
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder()
            .serial_number(serial)
            .revocation_date(_whole_second(revoked_at))
            .build()
        )
    return builder.sign(authority.key, hashes.SHA256())


# -- as text ----------------------------------------------------------------------------------------------


def certificate_pem(certificate: x509.Certificate | x509.CertificateRevocationList) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def key_pem(key: ec.EllipticCurvePrivateKey, passphrase: str | None = None) -> str:
    """PKCS #8, encrypted when there is a passphrase."""
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase is not None:
        encryption = serialization.BestAvailableEncryption(passphrase.encode())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    ).decode("ascii")


def load_authority(certificate: bytes, key: bytes, passphrase: str | None) -> Authority:
    """Raises `PkiError` when the passphrase is missing or wrong, or key and certificate do not belong
    together.
    """
    try:
        private = serialization.load_pem_private_key(key, passphrase.encode() if passphrase else None)
    except TypeError as error:  # how the library says that there is a passphrase too few or too many
        if not passphrase:
            raise PassphraseNeeded("the authority's key is encrypted: its passphrase is needed") from error
        private = serialization.load_pem_private_key(key, None)
    except ValueError as error:
        raise PkiError(f"the authority's key cannot be read (a wrong passphrase?): {error}") from error
    loaded = load_certificate(certificate)
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.public_key() != loaded.public_key():
        raise PkiError("the authority's key and its certificate do not belong together")
    return Authority(loaded, private)


class PassphraseNeeded(PkiError):
    """The key is encrypted, and no passphrase was given."""


def load_certificate(pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise PkiError(f"no certificate in PEM: {error}") from error


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the certificate, as `openssl x509 -fingerprint -sha256` shows it, without the colons."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def serial_hex(certificate: x509.Certificate) -> str:
    """The serial number as OpenSSL writes it in names of files and in logs."""
    return f"{certificate.serial_number:X}"


def common_name(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def station_uri(evse_uid: str) -> str:
    return f"urn:solarrally:evse:{quote(evse_uid, safe='')}"


# -- what all of them share -------------------------------------------------------------------------------


def _signed(
    authority: Authority,
    common_name: str,
    public_key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    names: x509.SubjectAlternativeName,
    purpose: x509.ObjectIdentifier,
    *,
    now: datetime,
    lifetime: timedelta,
    serial_number: int | None = None,
) -> x509.Certificate:
    if now >= authority.not_after:
        raise PkiError(
            f"the authority has expired at {authority.not_after:%Y-%m-%d}: see docs/device-security.md"
        )
    issuer = authority.certificate.subject
    not_after = min(now + lifetime, authority.not_after)
    return (
        _certificate(
            _name(common_name),
            issuer,
            public_key,
            now=now,
            not_after=not_after,
            serial_number=serial_number,
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(is_authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(names, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False
        )
        .sign(authority.key, hashes.SHA256())
    )


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    *,
    now: datetime,
    not_after: datetime,
    serial_number: int | None = None,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(serial_number or x509.random_serial_number())
        .not_valid_before(_whole_second(now - CLOCK_SKEW))
        .not_valid_after(_whole_second(not_after))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _key_usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    try:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    except ValueError as error:
        raise PkiError(f"{common_name!r} cannot be a certificate's name: {error}") from error


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        try:
            return x509.DNSName(host)
        except ValueError as error:
            raise PkiError(f"{host!r} is neither a host name nor an address") from error


def _whole_second(at: datetime) -> datetime:
    """Certificates have no fractions of a second."""
    return at.astimezone(UTC).replace(microsecond=0)
