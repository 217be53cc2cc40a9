"""Configurations made by hand in the program are checked like files."""

import msgspec
import pytest

from postroom.config.checks import check, faults
from postroom.config.connections import Connections, Dnsbl
from postroom.config.model import Config, Dns, Listen, Tls
from postroom.config.oauth import Oauth
from postroom.errors import ConfigurationError

GOOD = Config(hostname="mail.example.org")


def test_what_fits_is_handed_back() -> None:
    assert check(GOOD) is GOOD


def test_every_fault_is_found() -> None:
    config = msgspec.structs.replace(
        GOOD,
        hostname="",
        database="sqlite://x",
        trusted=("10.0.0.0/8", "x"),
        listen=(Listen(protocol="imap", port=1, auth="plain"),),
        tls=Tls(key="k"),
        dns=Dns(servers=("x",), public_addresses=("192.0.2.1", "mx.test")),
        connections=Connections(exempt=("192.0.2.0/24", "mx2.example.org", "::/0")),
        dnsbl=(
            Dnsbl(zone="zen.spamhaus.org", answers=("127.0.0.2-11", "127.0.*.3")),
            Dnsbl(zone="no zone", answers=("127.0.0.2", "10.0.0.1", "127.0.0.9-1")),
            Dnsbl(zone="[127.0.0.1]", score=-2, refuse=True),
        ),
    )
    assert [setting for setting, _ in faults(config)] == [
        "hostname",
        "database",
        "trusted[1]",
        "listen[0].auth",
        "tls.certificate",
        "dns.servers[0]",
        "dns.public_addresses[1]",
        "connections.exempt[1]",
        "connections.exempt[2]",
        "dnsbl[1].zone",
        "dnsbl[1].answers[1]",
        "dnsbl[1].answers[2]",
        "dnsbl[2].zone",
        "dnsbl[2].refuse",
    ]
    with pytest.raises(ConfigurationError, match=r"^demo: hostname: the domain is empty"):
        check(config, "demo")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "localhost"])
def test_plain_passwords_may_stay_on_this_machine(address: str) -> None:
    listen = Listen(protocol="imap", address=address, port=1143, auth="plain")
    assert not list(faults(msgspec.structs.replace(GOOD, listen=(listen,))))


def test_one_port_on_two_addresses_and_free_ports_are_no_clash() -> None:
    listeners = (
        Listen(protocol="smtp", address="127.0.0.1", port=25),
        Listen(protocol="smtp", address="::1", port=25),
        Listen(protocol="imap", address="::1", port=0),
        Listen(protocol="pop3", address="::1", port=0),
    )
    assert not list(faults(msgspec.structs.replace(GOOD, listen=listeners)))


@pytest.mark.parametrize(
    "server", ["192.0.2.1", "192.0.2.1:5353", "::1", "[::1]:53", "2001:db8::1"]
)
def test_resolvers(server: str) -> None:
    assert not list(faults(msgspec.structs.replace(GOOD, dns=Dns(servers=(server,)))))


@pytest.mark.parametrize("server", ["", "[::1]", "192.0.2.1:", "192.0.2.1:0", "::1:x", "1.1.1.1:٣"])
def test_no_resolvers(server: str) -> None:
    assert list(faults(msgspec.structs.replace(GOOD, dns=Dns(servers=(server,)))))


@pytest.mark.parametrize(
    "hostname", ["localhost", "mail.example.org", "xn--bcher-kva.example", "bücher.example"]
)
def test_hostnames(hostname: str) -> None:
    assert not list(faults(msgspec.structs.replace(GOOD, hostname=hostname)))


def test_tokens_need_somebody_to_ask() -> None:
    def found(oauth: Oauth) -> list[str]:
        return [setting for setting, _ in faults(msgspec.structs.replace(GOOD, oauth=oauth))]

    good = Oauth(introspection="https://idp.test/i", client_id="x", client_secret_file="s")
    assert found(Oauth()) == found(good) == []
    assert found(Oauth(introspection="http://idp.test/i", claim="", ca_file="")) == [
        "oauth.ca_file",
        "oauth.introspection",
        "oauth.client_id",
        "oauth.client_secret_file",
        "oauth.claim",
    ]
