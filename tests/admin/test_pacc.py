import base64
import hashlib

import msgspec

from postroom.admin import pacc
from postroom.admin.client_settings import ClientSettings, Service

SETTINGS = ClientSettings(
    "example.org",
    "mail.example.org",
    (
        Service("imap", 993, "implicit"),
        Service("pop3", 1995, "implicit"),
        Service("smtp", 587, "starttls"),
        Service("smtp", 465, "implicit"),
        Service("managesieve", 4190, "starttls"),
    ),
)


def test_only_doors_on_standard_ports_are_told_for_ports_are_not() -> None:
    octets = pacc.document(SETTINGS)
    assert octets is not None
    found = msgspec.json.decode(octets)
    host = {"host": "mail.example.org"}
    assert found["protocols"] == {
        "imap": host, "submit": host, "smtp": host, "managesieve": host,
    }  # fmt: skip
    assert found["authentication"] == {"password": True}
    assert found["info"]["provider"] == {"name": "example.org", "shortName": "example.org"}
    assert octets == pacc.document(SETTINGS)


def test_a_long_domain_has_no_short_name() -> None:
    long = f"{'a' * 63}.example.org"
    octets = pacc.document(msgspec.structs.replace(SETTINGS, domain=long))
    assert octets is not None
    assert msgspec.json.decode(octets)["info"]["provider"] == {"name": long[:60]}


def test_without_any_there_is_no_document() -> None:
    odd = msgspec.structs.replace(SETTINGS, services=(Service("imap", 1993, "implicit"),))
    assert pacc.document(odd) is None


def test_the_record_vouches_for_exactly_these_octets() -> None:
    digest = base64.b64encode(hashlib.sha256(b"x").digest()).decode()
    assert pacc.record(b"x") == f"v=UAAC1; a=sha256; d={digest}"
    assert pacc.record(b"x ") != pacc.record(b"x")
