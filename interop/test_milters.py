"""opendkim as a milter: verifies what comes in, and signs what people here send."""

import contextlib
import re
import shutil
import smtplib
import socket
from collections.abc import Iterator
from pathlib import Path

import dkim  # type: ignore[import-untyped]
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from interop.conftest import ALICE, BOB, PASSWORD, Mailbox
from interop.test_filters import LINES, running
from rig.ports import HOST
from rig.server import DOMAIN, Server

SELECTOR = "milter"
LETTER = (
    f"From: {BOB}\r\nTo: {ALICE}\r\nSubject: %s\r\nMessage-ID: <%s@{DOMAIN}>\r\n"
    "Date: Mon, 21 Sep 2026 14:13:20 +0000\r\n\r\nhello\r\n%s"
)


class Keys:
    """A key pair on disk; the public one as opendkim and dkimpy look it up."""

    def __init__(self, folder: Path) -> None:
        key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
        self.private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.record = b"v=DKIM1; k=rsa; p=" + b"".join(public.splitlines()[1:-1])
        self.path = folder / "key.pem"
        self.path.write_bytes(self.private)
        self.path.chmod(0o600)
        self.zone = folder / "keys.txt"
        name = f"{SELECTOR}._domainkey.{DOMAIN}"
        self.zone.write_bytes(f"{name} ".encode() + self.record + b"\n")

    def answer(self, name: bytes, **_timeout: int) -> bytes | None:
        return self.record if name.startswith(SELECTOR.encode() + b"._domainkey.") else None


@contextlib.contextmanager
def opendkim(folder: Path, mode: str, *lines: str) -> Iterator[Path]:
    if shutil.which("opendkim", path="/usr/sbin") is None:
        pytest.fail("opendkim is missing: apt-get install opendkim")
    folder.mkdir()
    path = folder / "opendkim.sock"
    settings = folder / "opendkim.conf"
    fixed = [f"Mode {mode}", f"Socket local:{path}", "RequireSafeKeys no", "InternalHosts 192.0.2.1",
             "UMask 0", "SyslogFacility local7", f"PidFile {folder}/pid"]  # fmt: skip
    settings.write_text("\n".join([*fixed, *lines]) + "\n")
    command = ["opendkim", "-f", "-l", "-x", str(settings)]
    with running(command, path, "opendkim"):
        yield path


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path)


@pytest.fixture
def server(tmp_path: Path, keys: Keys) -> Iterator[Server]:
    with (
        opendkim(tmp_path / "v", "v", f"TestPublicKeys {keys.zone}") as verifier,
        opendkim(
            tmp_path / "s", "s", f"Domain {DOMAIN}", f"Selector {SELECTOR}",
            f"KeyFile {keys.path}", "Canonicalization relaxed/relaxed",
            "SignHeaders From,To,Subject,Date,Message-ID",
        ) as signer,
    ):  # fmt: skip
        settings = "".join([
            f'[[filter]]\nkind = "milter"\naddress = "unix:{path}"\nfor = "{sees}"\n'
            f'name = "{name}"\non_failure = "defer"\n'
            for path, sees, name in (
                (verifier, "incoming", "verifier"), (signer, "outgoing", "signer"),
            )
        ])  # fmt: skip
        server = Server(
            tmp_path / "server", doors=("smtp", "submission", "imap"), settings=settings
        )
        for address in (ALICE, BOB):
            server.add_account(address, PASSWORD)
        with server:
            yield server


def received(server: Server, subject: str) -> bytes:
    with contextlib.closing(Mailbox(server, ALICE)) as alice:
        (letter,) = alice.find(subject)
        return letter


@pytest.mark.parametrize("more", ["", LINES], ids=["small", "large"])
def test_what_comes_in_is_verified(server: Server, keys: Keys, more: str) -> None:
    octets = (LETTER % ("good", "1", more)).encode()
    signature = dkim.sign(octets, SELECTOR.encode(), DOMAIN.encode(), keys.private)
    forged = f"Authentication-Results: mail.{DOMAIN}; dkim=pass header.d=forged.test\r\n".encode()
    with smtplib.SMTP(HOST, server.ports["smtp"], timeout=60) as client:
        client.sendmail(BOB, ALICE, forged + signature + octets)
        client.sendmail(BOB, ALICE, (signature + octets).replace(b"good", b"evil"))
    good, evil = received(server, "good"), received(server, "evil")
    name = f"Authentication-Results: mail.{DOMAIN};".encode()
    assert b"dkim=pass" in good.split(name)[-1].partition(b"\r\n\r\n")[0]
    assert b"forged.test" not in good
    assert f"header.d={DOMAIN}".encode() in good
    assert b"dkim=fail" in evil.split(name)[-1].partition(b"\r\n\r\n")[0]
    assert good.endswith(octets.partition(b"\r\n\r\n")[2])


@pytest.mark.parametrize("more", ["", LINES], ids=["small", "large"])
def test_what_people_here_send_is_signed(server: Server, keys: Keys, more: str) -> None:
    octets = (LETTER % ("signed", "1", more)).encode().replace(b"Message-ID: <1@rig.test>\r\n", b"")
    with smtplib.SMTP(HOST, server.ports["submission"], timeout=60) as client:
        client.login(BOB, PASSWORD)
        client.sendmail(BOB, ALICE, octets)
    letter = received(server, "signed")
    signed = letter[letter.index(b"DKIM-Signature:") :]
    assert f"s={SELECTOR};".encode() in signed
    assert re.search(rb"h=[^;]*Message-ID", signed)
    assert dkim.verify(signed, dnsfunc=keys.answer)


def test_mail_waits_while_it_is_away(tmp_path: Path) -> None:
    settings = f'[[filter]]\nkind = "milter"\naddress = "{tmp_path}/none"\non_failure = "defer"\n'
    server = Server(tmp_path / "server", settings=settings)
    server.add_account(ALICE, PASSWORD)
    with server, socket.create_connection((HOST, server.ports["smtp"]), 30) as client:
        wire = client.makefile("rwb")
        for line, code in ((b"", b"220"), (b"HELO c.test", b"250"), (b"MAIL FROM:<>", b"451")):
            if line:
                wire.write(line + b"\r\n")
                wire.flush()
            assert wire.readline()[:3] == code
