import datetime as dt
import plistlib
import subprocess
from pathlib import Path

import msgspec
import pytest

from postroom.net.tls import Certificates
from postroom.web.mobileconfig import profile, signed
from tests.web.test_autoconfig import SETTINGS

NOW = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)


def test_a_profile_sets_up_reading_and_sending_and_holds_no_password() -> None:
    octets = profile(SETTINGS, "alice@example.org")
    assert octets is not None
    found = plistlib.loads(octets)
    (mail,) = found["PayloadContent"]
    assert mail["IncomingMailServerPortNumber"] == 993
    assert mail["OutgoingMailServerPortNumber"] == 465
    assert mail["IncomingMailServerHostName"] == "mail.example.org"
    assert mail["IncomingMailServerUsername"] == mail["EmailAddress"] == "alice@example.org"
    assert not {"IncomingPassword", "OutgoingPassword"} & set(mail)


def test_each_address_has_its_own_profile_and_always_the_same() -> None:
    first = profile(SETTINGS, "alice@example.org")
    assert first == profile(SETTINGS, "alice@example.org")
    assert first is not None
    other = profile(SETTINGS, "bob@example.org")
    assert other is not None
    for what in ("PayloadUUID", "PayloadIdentifier"):  # of the same identifier one stays
        assert plistlib.loads(first)[what] != plistlib.loads(other)[what]


def test_people_read_their_domain_as_they_write_it() -> None:
    octets = profile(
        msgspec.structs.replace(SETTINGS, domain="xn--bcher-kva.test"), "a@xn--bcher-kva.test"
    )
    assert octets is not None
    found = plistlib.loads(octets)
    (mail,) = found["PayloadContent"]
    assert found["PayloadDisplayName"] == "Mail for a@b\u00fccher.test"
    assert mail["EmailAccountDescription"] == "a@b\u00fccher.test"
    assert mail["EmailAddress"] == mail["IncomingMailServerUsername"] == "a@xn--bcher-kva.test"


@pytest.mark.parametrize("protocol", ["imap", "smtp"])
def test_without_reading_or_sending_there_is_none(protocol: str) -> None:
    left = tuple(one for one in SETTINGS.services if one.protocol != protocol)
    less = msgspec.structs.replace(SETTINGS, services=left)
    assert profile(less, "alice@example.org") is None


def test_openssl_accepts_the_signature_of_the_server(data: Path) -> None:
    certificates = Certificates("mail.example.org", data, now=NOW)
    octets = signed(b"content", *certificates.signer())
    command = ["openssl", "cms", "-verify", "-inform", "DER", "-noverify"]
    done = subprocess.run(command, input=octets, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"content"
    broken = bytes(octets[:-1]) + bytes([octets[-1] ^ 1])
    done = subprocess.run(command, input=broken, capture_output=True, check=False)
    assert done.returncode != 0
