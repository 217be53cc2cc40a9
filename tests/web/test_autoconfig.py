from xml.etree import ElementTree as ET

import msgspec

from postroom.admin.client_settings import ClientSettings, Service
from postroom.web.autoconfig import document

SETTINGS = ClientSettings(
    "example.org",
    "mail.example.org",
    (
        Service("imap", 993, "implicit"),
        Service("imap", 143, "starttls"),
        Service("pop3", 995, "implicit"),
        Service("smtp", 465, "implicit"),
        Service("smtp", 587, "starttls"),
        Service("managesieve", 4190, "starttls"),
    ),
)


def servers(settings: ClientSettings) -> list[tuple[str | None, ...]]:
    root = ET.fromstring(document(settings))
    return [
        (
            server.tag,
            server.get("type"),
            server.findtext("hostname"),
            server.findtext("port"),
            server.findtext("socketType"),
        )
        for server in root.findall("emailProvider/*")
        if server.tag.endswith("Server")
    ]


def test_every_door_is_told_the_preferred_first() -> None:
    host = "mail.example.org"
    assert servers(SETTINGS) == [
        ("incomingServer", "imap", host, "993", "SSL"),
        ("incomingServer", "imap", host, "143", "STARTTLS"),
        ("incomingServer", "pop3", host, "995", "SSL"),
        ("outgoingServer", "smtp", host, "465", "SSL"),
        ("outgoingServer", "smtp", host, "587", "STARTTLS"),
    ]


def test_the_user_is_the_whole_address_and_the_domain_is_named() -> None:
    root = ET.fromstring(document(SETTINGS))
    provider = root.find("emailProvider")
    assert provider is not None
    assert provider.get("id") == provider.findtext("domain") == "example.org"
    assert {one.text for one in root.iter("username")} == {"%EMAILADDRESS%"}
    assert {one.text for one in root.iter("authentication")} == {"password-cleartext"}


def test_people_read_their_domain_as_they_write_it() -> None:
    found = ET.fromstring(document(msgspec.structs.replace(SETTINGS, domain="xn--bcher-kva.test")))
    assert found.findtext("emailProvider/displayName") == "b\u00fccher.test"
    assert found.findtext("emailProvider/domain") == "xn--bcher-kva.test"
