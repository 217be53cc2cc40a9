"""Certificates in files, good ones and others."""

import asyncio
import datetime as dt
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from postroom.admin.tls import certificate_file, certificates
from postroom.config.model import Config, Tls
from tests.admin.bureau import offices
from tests.admin.dns.test_table import configured
from tests.conftest import Opener
from tests.fakes import Clock

NOW = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def made(
    folder: Path, *names: str, begins: dt.datetime = NOW - DAY, ends: dt.datetime = NOW + 50 * DAY
) -> tuple[Path, Path]:
    """A certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.demo.test")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(begins)
        .not_valid_after(ends)
    )
    if names:
        alternative = x509.SubjectAlternativeName([x509.DNSName(one) for one in names])
        builder = builder.add_extension(alternative, critical=False)
    folder.mkdir(exist_ok=True)
    chain, private = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return chain, private


def config(chain: Path, key: Path) -> Config:
    return Config(hostname="Mail.Demo.Test", tls=Tls(certificate=str(chain), key=str(key)))


def problem(chain: Path, key: Path) -> str:
    found = certificate_file.look(config(chain, key), NOW)
    assert found is not None
    assert found.file == str(chain)
    return found.problem


@pytest.mark.parametrize(
    ("names", "is_ours"),
    [
        (("MAIL.demo.test",), True),
        (("www.demo.test", "mail.demo.test"), True),
        (("*.demo.test",), True),
        (("*.test",), False),
        (("demo.test",), False),
        (("mail.demo.test.other.test",), False),
        ((), False),
    ],
)
def test_whose_it_is(tmp_path: Path, names: tuple[str, ...], is_ours: bool) -> None:
    said = problem(*made(tmp_path, *names))
    assert said == ("" if is_ours else said)
    assert ("not for Mail.Demo.Test" in said) is not is_ours


def test_when_it_counts(tmp_path: Path) -> None:
    over = made(tmp_path / "over", "mail.demo.test", begins=NOW - 9 * DAY, ends=NOW - DAY)
    assert problem(*over) == "it expired 2026-04-30"
    early = made(tmp_path / "early", "mail.demo.test", begins=NOW + DAY)
    assert problem(*early) == "it is not valid before 2026-05-02 00:00 UTC"


def test_files_that_are_none_or_no_pair(tmp_path: Path) -> None:
    chain, key = made(tmp_path / "a", "mail.demo.test")
    other, _ = made(tmp_path / "b", "mail.demo.test")
    assert problem(other, key) == f"{key} is not its key"
    assert problem(tmp_path / "none", key) == "it can't be read: No such file or directory"
    assert "holds no certificate" in problem(key, key)
    assert "holds no private key" in problem(chain, chain)
    assert "can't be read" in problem(chain, tmp_path / "none")
    locked = tmp_path / "locked.pem"
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    locked.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"x"),
        )
    )
    assert "without a password" in problem(chain, locked)
    assert certificate_file.look(Config(hostname="x"), NOW) is None


def test_it_stands_in_the_list(database: Opener, data: Path) -> None:
    clock = Clock()
    now = dt.datetime.fromtimestamp(clock.now / 1000, dt.UTC)
    chain, key = made(data, "*.demo.test", begins=now - DAY, ends=now + DAY)

    async def inside() -> None:
        async with offices(database, data, clock)() as opened:
            office = configured(opened, config(chain, key))
            (found,) = await certificates.every(office)
            assert (found.name, found.names) == ("Mail.Demo.Test", ("*.demo.test",))
            assert (found.state, found.problem) == ("from a file", "")
            assert (found.file, found.next_look) == (str(chain), None)
            clock.advance(days=2)
            (found,) = await certificates.every(office)
            assert found.problem.startswith("it expired")

    asyncio.run(inside())
