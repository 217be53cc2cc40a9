"""Certificates proven in a handshake and in DNS, and a change of key.

The authority is real (pebble) and refuses every third nonce; so is the name server (BIND).
"""

import re
from collections.abc import Iterator
from functools import partial

import dns.message
import dns.query
import pytest

from interop.test_acme import shown, until
from rig.bind import Bind
from rig.pebble import Pebble
from rig.ports import HOST, free_port
from rig.server import Server

RECORDS = """mail IN A 127.0.0.1
autoconfig IN CNAME mail
"""
NAMES = ["autoconfig.way.test", "mail.way.test"]
Town = tuple[Server, Bind]


@pytest.fixture(scope="module", params=["tls-alpn-01", "dns-01", "auto"])
def town(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Town]:
    """A server without a listener for HTTP; with "auto" it has one that nobody reaches."""
    folder = tmp_path_factory.mktemp("ways")
    server = Server(folder / "server", doors=("smtp", "imaps", "https"), hostname="mail.way.test")
    with (
        Bind(folder / "dns", {"way.test": RECORDS}) as bind,
        Pebble(folder / "pebble", dns=bind.address, tls_port=server.ports["https"]) as pebble,
    ):
        settings = (
            f'[acme]\naccept_terms = true\ndirectory = "{pebble.directory}"\n'
            f'ca_file = "{pebble.trust}"\nchallenge = "{request.param}"\n'
            f'[dns]\nservers = ["{bind.address}"]\npublic_addresses = ["127.0.0.1"]\n'
        )
        if request.param == "auto":
            settings += f'[[listen]]\nprotocol = "http"\naddress = "{HOST}"\nport = {free_port()}\n'
        written = server.config.read_text().replace('[dns]\nservers = ["127.0.0.1:9"]', settings)
        server.config.write_text(written)
        server.command("domain", "add", "way.test")
        server.command(
            "dns", "provider", "add", "bind", "--kind", "rfc2136", "--zone", "way.test",
            "--server", bind.address, "--secret-file", str(bind.key_file),
        )  # fmt: skip
        with server:
            if request.param == "auto":
                take_the_next_way(server)
            yield server, bind


def take_the_next_way(server: Server) -> None:
    """The first one has failed: the next order takes another."""

    def failed() -> list[str]:
        return [one["problem"] for one in server.json("certificate", "list") if one["problem"]]

    assert until(lambda: len(failed()) == len(NAMES))
    assert all("(http-01)" in one for one in failed())
    for name in NAMES:
        server.command("certificate", "renew", name)


def issued(server: Server) -> list[str]:
    return sorted(one["name"] for one in server.json("certificate", "list") if one["issued"])


def test_certificates_come_and_the_door_shows_them(town: Town) -> None:
    server, _ = town
    assert until(lambda: issued(server) == NAMES)
    assert until(partial(is_pebbles, server.ports["https"]))
    assert "DNS:mail.way.test" in shown(server.ports["imaps"], "mail.way.test")


def is_pebbles(port: int) -> bool:
    return "Pebble" in shown(port, "mail.way.test")


def test_nothing_of_the_proof_is_left(town: Town) -> None:
    server, bind = town
    assert until(lambda: len(issued(server)) == 2)
    server.command("certificate", "renew", "mail.way.test")
    found = dig(bind, "_acme-challenge.mail.way.test", "TXT")
    assert found == ""


def dig(bind: Bind, name: str, kind: str) -> str:
    answer = dns.query.tcp(dns.message.make_query(name, kind), HOST, port=bind.port, timeout=60)
    return "\n".join(rrset.to_text() for rrset in answer.answer)


def test_a_key_is_changed_and_both_records_are_published(town: Town) -> None:
    server, bind = town
    assert until(lambda: len(issued(server)) == 2)
    server.command("dns", "way.test", "--update", "--yes")
    before = dig(bind, "_25._tcp.mail.way.test", "TLSA")
    digest = server.json("certificate", "rollover", "mail.way.test")["tlsa"].split()[-1]
    server.command("dns", "way.test", "--update", "--yes")
    both = dig(bind, "_25._tcp.mail.way.test", "TLSA")
    assert digest in both.replace(" ", "")
    assert len(both.splitlines()) == 2
    assert re.findall(r"[0-9a-f]{64}", before.replace(" ", ""))[0] in both.replace(" ", "")
    server.command("certificate", "renew", "mail.way.test")  # the old key signs yet
    assert len([one for one in server.json("dns", "way.test") if one["type"] == "TLSA"]) == 2
    server.command("certificate", "rollover", "mail.way.test", "--now")
    (left,) = [one for one in server.json("dns", "way.test") if one["type"] == "TLSA"]
    assert left["value"] == f"3 1 1 {digest}"
    server.command("dns", "way.test", "--update", "--yes")
    assert len(dig(bind, "_25._tcp.mail.way.test", "TLSA").splitlines()) == 1
