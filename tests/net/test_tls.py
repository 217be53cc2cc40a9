import datetime as dt
import ssl
import subprocess
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from postroom.errors import ConfigurationError
from postroom.net.tls import Certificates, Named, key_digest, self_signed
from tests import certificates
from tests.powercut import Disk

NOW = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)


def shown(server: ssl.SSLContext, name: str | None = None) -> bytes:
    """The certificate that a peer who asks for ``name`` sees, after a handshake in memory."""
    octets = certificates.shaken(server, name).getpeercert(binary_form=True)
    assert octets
    return octets


def test_a_self_signed_one_is_for_programs_on_this_machine_too(data: Path) -> None:
    certificate, _ = self_signed("mail.demo.test", data, NOW)
    read = x509.load_pem_x509_certificate(certificate.read_bytes())
    names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["mail.demo.test", "localhost"]
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]


def test_a_self_signed_one_is_made_once_and_is_private(data: Path) -> None:
    first = Certificates("mail.demo.test", data, now=NOW)
    seen = shown(first.context())
    assert seen == shown(Certificates("mail.demo.test", data, now=NOW).context())
    assert first.key.stat().st_mode & 0o777 == 0o600
    assert first.key.parent.stat().st_mode & 0o777 == 0o700
    assert seen != shown(Certificates("other.demo.test", data, now=NOW).context())


def test_what_was_made_is_durable(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch)
    made = Certificates("mail.demo.test", data, now=NOW)
    assert disk.has_octets(made.key)


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
    with pytest.raises(ConfigurationError, match="holds no private key"):
        certificates.reload()
    assert shown(certificates.context()) == before


def test_which_file_is_wrong_is_told(data: Path) -> None:
    certificate, key = write(trustme.CA(), data)
    (data / "other").mkdir()
    _, another = write(trustme.CA(), data / "other")
    for pair, words in (
        ((str(data / "none"), key), r"tls\.certificate: .*none can't be read: No such file"),
        ((certificate, str(data / "none")), r"tls\.key: .*none can't be read: No such file"),
        ((key, certificate), "holds no certificate"),
        ((certificate, another), "is not the key of"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            Certificates("x", data, certificate=pair[0], key=pair[1], now=NOW)
    Path(certificate).write_text("-----BEGIN CERTIFICATE-----\nrubbish\n")
    with pytest.raises(ConfigurationError, match="full chain"):
        Certificates("x", data, certificate=certificate, key=key, now=NOW)


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


def installed(data: Path) -> tuple[Certificates, dict[str, bytes]]:
    """Certificates for mail.demo.test and two names of another domain; which is whose."""
    certificates = Certificates("mail.demo.test", data, now=NOW)
    authority = trustme.CA()
    named, ders = [], {"self": shown(certificates.context(), None)}
    for names in (("mail.demo.test",), ("a.other.test", "B.other.test")):
        leaf = authority.issue_cert(*names)
        chain = b"".join(one.bytes() for one in leaf.cert_chain_pems)
        named.append(Named(names, chain, leaf.private_key_pem.bytes()))
        ders[names[0]] = ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())
    certificates.install(named)
    return certificates, ders


def test_who_names_a_host_gets_its_certificate_and_others_the_servers(data: Path) -> None:
    certificates, ders = installed(data)
    for context in (certificates.context(), certificates.for_people(), certificates.live()):
        assert shown(context, "a.other.test") == ders["a.other.test"]
        assert shown(context, "b.OTHER.test") == ders["a.other.test"]
        for name in ("mail.demo.test", "unknown.test", None):
            assert shown(context, name) == ders["mail.demo.test"]
    assert not [path for path in (data / "tls").iterdir() if "self-signed" not in path.name]
    chain, _ = certificates.signer()
    assert chain[0].public_bytes(serialization.Encoding.DER) == ders["mail.demo.test"]


def test_what_is_taken_away_is_shown_no_more_also_by_a_context_that_lives_on(data: Path) -> None:
    certificates, ders = installed(data)
    live = certificates.live()
    certificates.install([])
    assert shown(certificates.context(), "a.other.test") == ders["self"]
    assert shown(live, "a.other.test") == ders["self"]


def test_a_bad_one_changes_nothing(data: Path) -> None:
    certificates, ders = installed(data)
    for bad in (Named(("x.test",), b"chain", b"key"), Named(("x.test",), b"", b"")):
        with pytest.raises(ConfigurationError, match=r"x\.test"):
            certificates.install([bad])
    assert shown(certificates.context(), "a.other.test") == ders["a.other.test"]


def test_files_win_for_the_name_of_the_server(data: Path) -> None:
    leaf = trustme.CA().issue_cert("mail.demo.test")
    leaf.cert_chain_pems[0].write_to_path(data / "c.pem")
    leaf.private_key_pem.write_to_path(data / "k.pem")
    certificates = Certificates(
        "mail.demo.test", data, certificate=str(data / "c.pem"), key=str(data / "k.pem"), now=NOW
    )
    before = shown(certificates.context(), "mail.demo.test")
    other = trustme.CA().issue_cert("mail.demo.test")
    certificates.install(
        [
            Named(
                ("mail.demo.test",), other.cert_chain_pems[0].bytes(), other.private_key_pem.bytes()
            )
        ]
    )
    assert shown(certificates.context(), "mail.demo.test") == before
