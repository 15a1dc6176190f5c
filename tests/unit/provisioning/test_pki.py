"""What our authorities sign, for whom, and for how long."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store

from solarrally.provisioning.pki import (
    PROBE_LIFETIME,
    Authority,
    KeyPair,
    PassphraseNeeded,
    PkiError,
    certificate_for_request,
    certificate_pem,
    common_name,
    device_pair,
    fingerprint,
    key_pem,
    load_authority,
    load_certificate,
    new_authority,
    probe_pair,
    revocation_list,
    serial_hex,
    server_pair,
    service_pair,
)
from tests.builders import T0

A_YEAR = timedelta(days=365)


@pytest.fixture(scope="module")
def devices() -> Authority:
    return new_authority("SolarRally devices", now=T0, days=3650)


def a_request(key: Any, name: str = "CP-1", **extensions: Any) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    )
    for extension in extensions.values():
        builder = builder.add_extension(extension, critical=True)
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, digest).public_bytes(serialization.Encoding.PEM)


def extension(certificate: x509.Certificate, kind: Any) -> Any:
    return certificate.extensions.get_extension_for_class(kind).value


def signed(devices: Authority, request: bytes) -> x509.Certificate:
    return certificate_for_request(devices, "CP-1", request, now=T0, lifetime=A_YEAR)


def test_a_stations_certificate_holds_its_name_and_lets_it_be_a_client_only(devices: Authority) -> None:
    pair = device_pair(devices, "CP-1", now=T0, lifetime=A_YEAR)
    certificate = pair.certificate

    assert common_name(certificate) == "CP-1"
    assert list(extension(certificate, x509.ExtendedKeyUsage)) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not extension(certificate, x509.BasicConstraints).ca
    assert not extension(certificate, x509.KeyUsage).key_cert_sign
    names = extension(certificate, x509.SubjectAlternativeName)
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["urn:solarrally:evse:CP-1"]
    assert certificate.public_key() == pair.key.public_key()
    assert certificate.not_valid_after_utc == T0 + A_YEAR
    assert certificate.not_valid_before_utc == T0 - timedelta(hours=1)
    certificate.verify_directly_issued_by(devices.certificate)


def test_keys_are_p_256_and_written_as_pkcs_8(devices: Authority) -> None:
    pair = device_pair(devices, "CP-1", now=T0, lifetime=A_YEAR)

    assert isinstance(pair.key.curve, ec.SECP256R1)
    assert key_pem(pair.key).startswith("-----BEGIN PRIVATE KEY-----")
    assert key_pem(pair.key, "secret").startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")


def test_certificates_pass_a_verifier_that_is_not_ours(devices: Authority) -> None:
    """The library's own, which goes by the CA/Browser Forum's rules for chains."""
    services = new_authority("SolarRally services", now=T0)
    store = Store([services.certificate])
    server = server_pair(services, ["mqtt.example.org"], now=T0, lifetime=timedelta(days=90)).certificate

    verifier = PolicyBuilder().store(store).time(T0).build_server_verifier(x509.DNSName("mqtt.example.org"))
    assert verifier.verify(server, []) == [server, services.certificate]
    client = PolicyBuilder().store(Store([devices.certificate])).time(T0).build_client_verifier()
    station = device_pair(devices, "CP-1", now=T0, lifetime=A_YEAR).certificate
    assert client.verify(station, []).chain == [station, devices.certificate]


def test_of_a_request_only_the_key_is_used(devices: Authority) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    request = a_request(
        key,
        "ingestor",
        authority=x509.BasicConstraints(ca=True, path_length=None),
        usage=x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
        names=x509.SubjectAlternativeName([x509.DNSName("mqtt.example.org")]),
    )

    certificate = signed(devices, request)

    assert certificate.public_key() == key.public_key()
    assert common_name(certificate) == "CP-1"
    assert list(extension(certificate, x509.ExtendedKeyUsage)) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not extension(certificate, x509.BasicConstraints).ca
    assert extension(certificate, x509.SubjectAlternativeName).get_values_for_type(x509.DNSName) == []


def test_a_request_that_somebody_else_signed_is_refused(devices: Authority) -> None:
    """The key of another in one's own request: a certificate for it would be of no use, and of some harm."""
    theirs = a_request(ec.generate_private_key(ec.SECP256R1()))
    mine = a_request(ec.generate_private_key(ec.SECP256R1()))
    der_theirs, der_mine = (x509.load_pem_x509_csr(one) for one in (theirs, mine))
    forged = der_mine.public_bytes(serialization.Encoding.DER).replace(
        _point(der_mine.public_key()), _point(der_theirs.public_key())
    )
    pem = x509.load_der_x509_csr(forged).public_bytes(serialization.Encoding.PEM)

    with pytest.raises(PkiError, match="not signed with the key"):
        signed(devices, pem)


def _point(key: Any) -> bytes:
    return bytes(key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint))


@pytest.mark.parametrize(
    ("key", "complaint"),
    [
        (ec.generate_private_key(ec.SECP192R1()), "P-256 or P-384"),
        (ec.generate_private_key(ec.SECP256K1()), "P-256 or P-384"),
        (rsa.generate_private_key(65537, 1024), "2048"),
        (ed25519.Ed25519PrivateKey.generate(), "neither EC"),
    ],
    ids=["P-192", "secp256k1", "RSA-1024", "Ed25519"],
)
def test_a_key_that_is_weak_or_unusual_is_refused(devices: Authority, key: Any, complaint: str) -> None:
    with pytest.raises(PkiError, match=complaint):
        signed(devices, a_request(key))


@pytest.mark.parametrize(
    "key",
    [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)],
    ids=["P-384", "RSA-2048"],
)
def test_usual_keys_of_devices_are_signed(devices: Authority, key: Any) -> None:
    assert signed(devices, a_request(key)).public_key() == key.public_key()


@pytest.mark.parametrize(
    "request_pem",
    [
        b"",
        b"no request",
        b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
        key_pem(ec.generate_private_key(ec.SECP256R1())).encode(),
    ],
    ids=["empty", "text", "no DER", "a key"],
)
def test_what_is_no_request_is_refused(devices: Authority, request_pem: bytes) -> None:
    with pytest.raises(PkiError, match="no certificate signing request"):
        signed(devices, request_pem)


@pytest.mark.parametrize("evse_uid", ["", "x" * 65])
def test_a_name_that_no_certificate_can_hold_is_refused(devices: Authority, evse_uid: str) -> None:
    with pytest.raises(PkiError, match="cannot be a certificate's name"):
        device_pair(devices, evse_uid, now=T0, lifetime=A_YEAR)


def test_every_station_id_can_be_a_certificates_name(devices: Authority) -> None:
    for evse_uid in ("a", "A9._:@-" + "x" * 57):
        certificate = device_pair(devices, evse_uid, now=T0, lifetime=A_YEAR).certificate
        assert common_name(certificate) == evse_uid
        assert load_certificate(certificate_pem(certificate).encode()) == certificate


def test_no_certificate_outlives_its_authority() -> None:
    short = new_authority("SolarRally devices", now=T0, days=10)

    assert device_pair(short, "CP-1", now=T0, lifetime=A_YEAR).certificate.not_valid_after_utc == (
        T0 + timedelta(days=10)
    )
    with pytest.raises(PkiError, match="has expired"):
        device_pair(short, "CP-1", now=T0 + timedelta(days=10), lifetime=A_YEAR)


def test_a_brokers_certificate_names_hosts_and_addresses_and_is_no_clients() -> None:
    services = new_authority("SolarRally services", now=T0)
    certificate = server_pair(
        services, ["mqtt.example.org", "192.0.2.7", "2001:db8::7"], now=T0, lifetime=A_YEAR
    ).certificate

    names = extension(certificate, x509.SubjectAlternativeName)
    assert names.get_values_for_type(x509.DNSName) == ["mqtt.example.org"]
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.7", "2001:db8::7"]
    assert list(extension(certificate, x509.ExtendedKeyUsage)) == [ExtendedKeyUsageOID.SERVER_AUTH]
    with pytest.raises(PkiError, match="neither a host name nor an address"):
        server_pair(services, ["brüssel.example"], now=T0, lifetime=A_YEAR)


def test_the_two_authorities_do_not_sign_for_each_other(devices: Authority) -> None:
    services = new_authority("SolarRally services", now=T0)
    ingestor = service_pair(services, "ingestor", now=T0, lifetime=A_YEAR).certificate

    ingestor.verify_directly_issued_by(services.certificate)
    with pytest.raises((ValueError, InvalidSignature)):
        ingestor.verify_directly_issued_by(devices.certificate)
    assert list(extension(ingestor, x509.ExtendedKeyUsage)) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    for authority in (devices, services):
        assert extension(authority.certificate, x509.BasicConstraints).path_length == 0


def test_an_encrypted_key_opens_with_its_passphrase_only(devices: Authority) -> None:
    certificate = certificate_pem(devices.certificate).encode()
    encrypted = key_pem(devices.key, "open sesame").encode()

    loaded = load_authority(certificate, encrypted, "open sesame")
    assert loaded.key.private_numbers() == devices.key.private_numbers()
    with pytest.raises(PassphraseNeeded):
        load_authority(certificate, encrypted, None)
    with pytest.raises(PkiError, match="wrong passphrase"):
        load_authority(certificate, encrypted, "guessed")
    plain = key_pem(devices.key).encode()
    assert load_authority(certificate, plain, "needless").not_after == devices.not_after


def test_a_key_of_another_authority_is_not_taken(devices: Authority) -> None:
    other = new_authority("SolarRally devices", now=T0)
    with pytest.raises(PkiError, match="do not belong together"):
        load_authority(certificate_pem(devices.certificate).encode(), key_pem(other.key).encode(), None)
    with pytest.raises(PkiError, match="no certificate in PEM"):
        load_authority(b"nothing", key_pem(other.key).encode(), None)


def test_fingerprint_and_serial_are_written_as_openssl_writes_them(devices: Authority) -> None:
    certificate = device_pair(devices, "CP-1", now=T0, lifetime=A_YEAR).certificate

    assert fingerprint(certificate) == certificate.fingerprint(hashes.SHA256()).hex()
    assert int(serial_hex(certificate), 16) == certificate.serial_number
    assert serial_hex(certificate) == serial_hex(certificate).upper().lstrip("0")


# -- revocation lists --------------------------------------------------------------------------------------


def serials(crl: x509.CertificateRevocationList) -> set[int]:
    return {one.serial_number for one in crl}


def pairs(devices: Authority, count: int) -> list[KeyPair]:
    return [device_pair(devices, f"CP-{number}", now=T0, lifetime=A_YEAR) for number in range(count)]


def test_a_list_keeps_what_was_revoked_before(devices: Authority) -> None:
    first, second = (one.certificate.serial_number for one in pairs(devices, 2))
    one = revocation_list(devices, [(first, T0)], now=T0)
    two = revocation_list(devices, [(second, T0), (first, T0 + A_YEAR)], now=T0, previous=one)

    assert serials(two) == {first, second}
    assert two.get_revoked_certificate_by_serial_number(first) is not None
    assert {entry.revocation_date_utc for entry in two} == {T0}
    assert two.is_signature_valid(devices.key.public_key())


def test_what_has_ended_may_leave_the_list(devices: Authority) -> None:
    first, second = (one.certificate.serial_number for one in pairs(devices, 2))
    one = revocation_list(devices, [(first, T0), (second, T0)], now=T0)

    assert serials(revocation_list(devices, [], now=T0, previous=one, forget=[first])) == {second}


def test_lists_of_one_instant_follow_each_other_by_date_and_number(devices: Authority) -> None:
    """OpenSSL keeps every list it was given, and of two of one second it takes the older."""
    lists = [revocation_list(devices, [], now=T0)]
    for _ in range(3):
        lists.append(revocation_list(devices, [], now=T0, previous=lists[-1]))

    dates = [one.last_update_utc for one in lists]
    assert dates == sorted(set(dates))
    assert dates[-1] <= T0
    numbers = [one.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number for one in lists]
    assert numbers == [1, 2, 3, 4]


def test_a_list_does_not_end_before_its_authority(devices: Authority) -> None:
    """A broker with an ended list refuses everybody."""
    assert revocation_list(devices, [], now=T0).next_update_utc == devices.not_after


def test_probes_are_on_the_next_list_and_gone_from_later_ones(devices: Authority) -> None:
    station = pairs(devices, 1)[0].certificate.serial_number
    probe = probe_pair(devices, now=T0).certificate
    one = revocation_list(devices, [(station, T0), (probe.serial_number, T0)], now=T0)
    soon = revocation_list(devices, [], now=T0 + PROBE_LIFETIME / 2, previous=one)
    later = revocation_list(devices, [], now=T0 + PROBE_LIFETIME, previous=one)

    assert serials(soon) == {station, probe.serial_number}
    assert serials(later) == {station}
    assert probe.not_valid_after_utc == T0 + PROBE_LIFETIME
