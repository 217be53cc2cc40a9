import datetime as dt
import ssl
import subprocess
from pathlib import Path

import pytest
import trustme

from postroom.errors import ConfigurationError
from postroom.net.tls import Certificates, key_digest, self_signed

NOW = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)


def shown(server: ssl.SSLContext) -> bytes:
    """The certificate that a peer sees, after a whole handshake in memory."""
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust.check_hostname = False
    trust.verify_mode = ssl.CERT_NONE
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trust.wrap_bio(to_client, to_server)
    served = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (client, served):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                pass
    octets = client.getpeercert(binary_form=True)
    assert octets
    return octets


def test_a_self_signed_one_is_made_once_and_is_private(data: Path) -> None:
    first = Certificates("mail.demo.test", data, now=NOW)
    seen = shown(first.context())
    assert seen == shown(Certificates("mail.demo.test", data, now=NOW).context())
    assert first.key.stat().st_mode & 0o777 == 0o600
    assert first.key.parent.stat().st_mode & 0o777 == 0o700
    assert seen != shown(Certificates("other.demo.test", data, now=NOW).context())


def test_a_damaged_one_is_made_again(data: Path) -> None:
    certificate, _ = self_signed("mail.demo.test", data, NOW)
    certificate.write_text("rubbish")
    self_signed("mail.demo.test", data, NOW)
    assert b"BEGIN CERTIFICATE" in certificate.read_bytes()


def write(authority: trustme.CA, folder: Path) -> tuple[str, str]:
    issued = authority.issue_cert("mail.demo.test")
    certificate, key = folder / "chain.pem", folder / "key.pem"
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    return str(certificate), str(key)


def test_reload_counts_for_the_next_handshake(data: Path) -> None:
    certificate, key = write(trustme.CA(), data)
    certificates = Certificates("x", data, certificate=certificate, key=key, now=NOW)
    before = shown(certificates.context())
    write(trustme.CA(), data)
    assert shown(certificates.context()) == before
    certificates.reload()
    assert shown(certificates.context()) != before


def test_bad_files_are_refused_and_the_old_certificate_stays(data: Path) -> None:
    certificate, key = write(trustme.CA(), data)
    certificates = Certificates("x", data, certificate=certificate, key=key, now=NOW)
    before = shown(certificates.context())
    Path(key).write_text("rubbish")
    with pytest.raises(ConfigurationError, match="full chain"):
        certificates.reload()
    assert shown(certificates.context()) == before
    with pytest.raises(ConfigurationError):
        Certificates("x", data, certificate=str(data / "none"), key=key, now=NOW)


def test_people_may_show_a_certificate_and_servers_are_not_asked(data: Path) -> None:
    authority = trustme.CA()
    certificate, key = write(authority, data)
    file = data / "people.pem"
    certificates = Certificates("localhost", data, certificate=certificate, key=key, now=NOW)
    assert certificates.for_people() is certificates.context()
    with pytest.raises(ConfigurationError, match=r"tls\.client_ca_file"):
        Certificates(
            "localhost", data, certificate=certificate, key=key, client_ca=str(file), now=NOW
        )
    authority.cert_pem.write_to_path(str(file))
    certificates = Certificates(
        "localhost", data, certificate=certificate, key=key, client_ca=str(file), now=NOW
    )
    assert certificates.context().verify_mode is ssl.CERT_NONE
    assert certificates.for_people().verify_mode is ssl.CERT_OPTIONAL


def test_the_digest_of_a_key_is_that_of_openssl(data: Path) -> None:
    certificate, _ = self_signed("mail.demo.test", data, NOW)
    command = (
        f"openssl x509 -in {certificate} -noout -pubkey | openssl pkey -pubin -outform DER"
        " | openssl dgst -sha256 -r"
    )
    told = subprocess.run(["sh", "-c", command], capture_output=True, check=True, text=True)
    assert told.stdout.split()[0] == key_digest(certificate)
    certificate.write_text("no certificate")
    with pytest.raises(ConfigurationError, match=r"self-signed\.pem can't be read"):
        key_digest(certificate)
