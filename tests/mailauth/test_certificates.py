import warnings
from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from hypothesis import given, strategies as st

from postroom.mailauth import certificates
from postroom.mailauth.certificates import Certificate
from tests.mailauth.authority import CA, HOST, TODAY, certificate, extension, key, names, spki


def read(der: bytes) -> Certificate:
    found = certificates.read(der)
    assert found is not None
    return found


def usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=signs, crl_sign=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def test_what_stands_in_it() -> None:
    found = read(certificate("server", "root", names(HOST, "*.Example.NET")))
    assert found.names == (HOST, "*.example.net")
    assert not found.is_authority
    assert found.is_server
    assert found.is_valid(TODAY)
    assert found.is_valid(TODAY + timedelta(days=10))
    assert not found.is_valid(TODAY + timedelta(days=10, seconds=1))
    assert not found.is_valid(TODAY - timedelta(days=10, seconds=1))
    assert found.validity == "from 2026-09-11 to 2026-10-01"
    assert found.called == "mail.example.org, *.example.net"


@pytest.mark.parametrize(
    ("presented", "wanted", "is_named"),
    [
        (["mail.example.org"], "mail.example.org", True),
        (["mail.example.org"], "MAIL.example.org.", True),
        (["mail.example.org."], "mail.example.org", True),
        (["mail.example.org"], "example.org", False),
        (["a.example", "mail.example.org"], "mail.example.org", True),
        (["*.example.org"], "mail.example.org", True),
        (["*.example.org"], "a.mail.example.org", False),
        (["*.example.org"], "example.org", False),
        (["m*.example.org"], "mail.example.org", False),
        (["*.org"], "example.org", False),
        (["*"], "mail", False),
        ([""], "", True),
    ],
)
def test_names(presented: list[str], wanted: str, *, is_named: bool) -> None:
    found = read(certificate("server", "root", names(*presented)))
    assert found.has_name(["other.example", wanted]) is is_named
    assert not found.has_name([])


def test_the_common_name_counts_only_without_other_names() -> None:
    assert read(certificate(HOST, "root")).names == (HOST,)
    assert read(certificate(HOST, "root", names("a.example"))).names == ("a.example",)
    mail = x509.SubjectAlternativeName([x509.RFC822Name("a@b.example")])
    assert read(certificate(HOST, "root", mail)).names == (HOST,)


@pytest.mark.parametrize(
    ("extensions", "below", "may"),
    [
        ([CA], 0, True),
        ([CA], 9, True),
        ([], 0, False),
        ([x509.BasicConstraints(ca=False, path_length=None)], 0, False),
        ([x509.BasicConstraints(ca=True, path_length=1)], 1, True),
        ([x509.BasicConstraints(ca=True, path_length=1)], 2, False),
        ([CA, usage(signs=True)], 0, True),
        ([CA, usage(signs=False)], 0, False),
    ],
)
def test_authorities(extensions: list[x509.ExtensionType], below: int, *, may: bool) -> None:
    server = read(certificate("server", "root", names(HOST)))
    assert read(certificate("root", "root", *extensions)).may_vouch(server, below) is may


@pytest.mark.parametrize(
    ("permitted", "excluded", "may"),
    [
        (["example.org"], None, True),
        ([".example.org"], None, True),
        (["mail.example.org"], None, True),
        (["a.example", "EXAMPLE.org"], None, True),
        ([""], None, True),
        (["ample.org"], None, False),
        (["a.mail.example.org"], None, False),
        (None, ["example.org"], False),
        (None, [""], False),
        (None, ["ample.org"], True),
        (["example.org"], ["mail.example.org"], False),
    ],
)
def test_name_constraints(
    permitted: list[str] | None, excluded: list[str] | None, *, may: bool
) -> None:
    def subtrees(domains: list[str] | None) -> list[x509.GeneralName] | None:
        return None if domains is None else [x509.DNSName(domain) for domain in domains]

    constraints = x509.NameConstraints(subtrees(permitted), subtrees(excluded))
    root = read(certificate("root", "root", CA, extension(constraints)))
    server = read(certificate("server", "root", names(HOST)))
    assert root.may_vouch(server, 0) is may


def test_constraints_on_other_names_leave_host_names_alone() -> None:
    constraints = x509.NameConstraints([x509.RFC822Name("a.example")], None)
    root = read(certificate("root", "root", CA, extension(constraints)))
    assert root.may_vouch(read(certificate("server", "root", names(HOST))), 0)


@pytest.mark.parametrize(
    ("usages", "is_server"),
    [
        ([ExtendedKeyUsageOID.SERVER_AUTH], True),
        ([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH], True),
        ([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE], True),
        ([ExtendedKeyUsageOID.CLIENT_AUTH], False),
    ],
)
def test_what_it_is_for(usages: list[ObjectIdentifier], *, is_server: bool) -> None:
    found = read(certificate("server", "root", x509.ExtendedKeyUsage(usages)))
    assert found.is_server is is_server


def test_a_critical_extension_must_be_understood() -> None:
    unknown = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\0")
    assert certificates.read(certificate("server", "root", extension(unknown))) is None
    assert certificates.read(certificate("server", "root", unknown)) is not None


SIGNERS = ["root", "rsa-root", "ed25519-root"]


@pytest.mark.parametrize("root", SIGNERS)
def test_signatures(root: str) -> None:
    server = read(certificate("server", root))
    other = read(certificate("server", root, signer="other"))
    issuer = read(certificate(root, root, CA))
    assert server.is_issued_by(issuer)
    assert server.is_signed_by(spki(issuer.der))
    assert not other.is_issued_by(issuer)
    for each in SIGNERS:
        public = spki(certificate(each, each))
        assert server.is_signed_by(public) is (each == root)
        assert not other.is_signed_by(public)
    assert not issuer.is_issued_by(server)


def test_the_name_must_lead_to_the_issuer() -> None:
    server = read(certificate("server", "called otherwise", signer="root"))
    assert not server.is_issued_by(read(certificate("root", "root", CA)))
    assert server.is_signed_by(spki(certificate("root", "root")))


def test_pss() -> None:
    server = read(certificate("server", "rsa-root", pss=True))
    root = read(certificate("rsa-root", "rsa-root", CA))
    assert server.is_issued_by(root)
    assert server.is_signed_by(spki(root.der))


def test_sha1_proves_nothing() -> None:
    der = certificate("server", "rsa-root")
    parsed = x509.load_der_x509_certificate(der)
    sha256, sha1 = (bytes.fromhex("2a864886f70d0101" + last) for last in ("0b", "05"))
    private = key("rsa-root")
    assert isinstance(private, rsa.RSAPrivateKey)
    content = parsed.tbs_certificate_bytes.replace(sha256, sha1)
    signature = private.sign(content, padding.PKCS1v15(), hashes.SHA1())
    server = read(der.replace(sha256, sha1).replace(parsed.signature, signature))
    assert server.parsed.tbs_certificate_bytes == content
    assert isinstance(server.parsed.signature_hash_algorithm, hashes.SHA1)
    private.public_key().verify(server.parsed.signature, content, padding.PKCS1v15(), hashes.SHA1())
    root = certificate("rsa-root", "rsa-root", CA)
    assert not server.is_issued_by(read(root))
    assert not server.is_signed_by(spki(root))


def test_an_algorithm_that_nobody_knows_proves_nothing() -> None:
    sha256, unknown = (bytes.fromhex("2a864886f70d0101" + last) for last in ("0b", "7f"))
    server = read(certificate("server", "rsa-root").replace(sha256, unknown))
    root = certificate("rsa-root", "rsa-root", CA)
    assert not server.is_issued_by(read(root))
    assert not server.is_signed_by(spki(root))


def test_a_key_that_is_none_signs_nothing() -> None:
    server = read(certificate("server", "root"))
    for public in (b"", b"\x30\0", spki(certificate("root", "root"))[:-1]):
        assert not server.is_signed_by(public)


@pytest.mark.parametrize("subject", ["server", "rsa-server", "ed25519-server"])
def test_the_public_key_is_cut_out(subject: str) -> None:
    der = certificate(subject, "root", names(HOST))
    assert certificates.public_key_info(der) == spki(der)


def test_the_public_key_of_the_first_version() -> None:
    """Without the version field, and with a length in two octets more than it needs."""
    key = b"\x30\x03\x02\x01\x07"
    content = b"\x02\x01\x01" + b"\x30\0" * 4 + key
    tbs = b"\x30" + bytes([len(content)]) + content
    der = b"\x30\x82\0" + bytes([len(tbs)]) + tbs
    assert certificates.public_key_info(der) == key
    assert certificates.public_key_info(der[:5] + bytes([len(content) - 5]) + der[6:]) is None


def test_nonsense_is_no_certificate() -> None:
    for der in (b"", b"\x30", b"\x30\x80", b"\x30\x03\x30\x01\xa0", b"\x30\xff" + b"\xff" * 200):
        assert certificates.read(der) is None
        assert certificates.public_key_info(der) is None
    der = certificate("server", "root")
    for end in range(len(der)):
        assert certificates.public_key_info(der[:end]) is None
    assert certificates.read(der + b"\0" * certificates.MAX_SIZE) is None


def quietly(ask: Callable[[], object]) -> None:
    """The library warns of oddities; here they are the point."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ask()


ROOT = certificate("root", "root", CA)
SERVER = certificate("server", "root", names(HOST), x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]))  # fmt: skip


@given(st.binary(max_size=8), st.integers(0, 500))
def test_damaged_certificates_raise_nothing(octets: bytes, at: int) -> None:
    damaged = SERVER[:at] + octets + SERVER[at + len(octets) :]

    def ask() -> None:
        certificates.public_key_info(damaged)
        found = certificates.read(damaged)
        if found is not None:
            issuer = read(ROOT)
            assert not found.is_issued_by(issuer) or damaged[: len(SERVER)] == SERVER
            found.is_signed_by(spki(ROOT))
            found.has_name([HOST])
            issuer.may_vouch(found, 0)

    quietly(ask)


@given(st.binary(max_size=100))
def test_any_octets_raise_nothing(octets: bytes) -> None:
    quietly(lambda: certificates.read(octets))
    certificates.public_key_info(octets)
    certificates.public_key_info(b"\x30\x81" + octets)
