"""Certificates from a real authority (pebble), which refuses every third nonce."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from rig.nsd import Nsd
from rig.pebble import Pebble
from rig.ports import HOST, free_port
from rig.server import Server

ZONE = """mail 60 IN A 127.0.0.1
autoconfig 60 IN CNAME mail.acme.test.
mta-sts 60 IN A 127.0.0.1
autodiscover 60 IN A 127.0.0.2
"""


def shown(port: int, name: str) -> str:
    """Issuer and names of the certificate that a TLS door shows to who asks for ``name``."""
    command = (
        f"openssl s_client -connect {HOST}:{port} -servername {name} </dev/null 2>/dev/null"
        " | openssl x509 -noout -issuer -ext subjectAltName"
    )
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False).stdout


def is_issued(port: int) -> bool:
    return "Pebble" in shown(port, "mail.acme.test")


def until(condition: Callable[[], bool], seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.2)
    return False


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Pebble]]:
    folder = tmp_path_factory.mktemp("acme")
    http = free_port()
    with (
        Nsd(folder / "dns", {"acme.test": ZONE}) as dns,
        Pebble(folder / "pebble", dns=dns.address, http_port=http) as pebble,
    ):
        settings = (
            f'[acme]\naccept_terms = true\ndirectory = "{pebble.directory}"\n'
            f'ca_file = "{pebble.trust}"\ncontact = "postmaster@acme.test"\n'
            f'[dns]\nservers = ["{dns.address}"]\npublic_addresses = ["127.0.0.1"]\n'
            f'[[listen]]\nprotocol = "http"\naddress = "{HOST}"\nport = {http}\n'
        )
        server = Server(
            folder / "server",
            doors=("smtp", "imaps", "submissions", "https"),
            settings=settings,
            hostname="mail.acme.test",
        )
        server.command("domain", "add", "acme.test")
        with server:
            yield server, pebble


def test_a_server_that_starts_gets_its_certificates_and_shows_them_at_once(
    town: tuple[Server, Pebble],
) -> None:
    server, _ = town
    assert until(
        lambda: len([one for one in server.json("certificate", "list") if one["issued"]]) == 2
    )
    listed = {one["name"]: one for one in server.json("certificate", "list")}
    assert listed["mail.acme.test"]["names"] == ["mail.acme.test"]
    assert listed["autoconfig.acme.test"]["names"] == ["autoconfig.acme.test", "mta-sts.acme.test"]
    assert {one["problem"] for one in listed.values()} == {""}
    for door in ("imaps", "submissions", "https"):
        port = server.ports[door]
        assert until(partial(is_issued, port)), door
        assert "DNS:mail.acme.test" in shown(port, "mail.acme.test")
        assert "DNS:mta-sts.acme.test" in shown(port, "mta-sts.acme.test")
        assert "DNS:mail.acme.test" in shown(port, "unknown.test")


def test_a_renewed_certificate_keeps_its_key_so_that_tlsa_stays_true(
    town: tuple[Server, Pebble],
) -> None:
    server, _ = town
    before = server.json("dns", "acme.test")
    issued = {one["name"]: one["issued"] for one in server.json("certificate", "list")}
    assert "valid until" in server.command("certificate", "renew", "mail.acme.test")
    after = server.json("dns", "acme.test")
    tlsa = [[one["value"] for one in rows if one["type"] == "TLSA"] for rows in (before, after)]
    assert tlsa[0] == tlsa[1]
    assert re.fullmatch(r"3 1 1 [0-9a-f]{64}", tlsa[0][0])
    assert {one["name"]: one["issued"] for one in server.json("certificate", "list")} != issued


def test_what_the_authority_refuses_is_told_and_the_old_one_stays(
    town: tuple[Server, Pebble],
) -> None:
    server, _ = town
    with pytest.raises(RuntimeError, match="no certificate is wanted for autodiscover"):
        server.command("certificate", "renew", "autodiscover.acme.test")
    before = shown(server.ports["imaps"], "mail.acme.test")
    server.stop()  # nobody answers the authority
    with pytest.raises(
        RuntimeError, match=r"no certificate for mail\.acme\.test: .*connection refused"
    ):
        server.command("certificate", "renew", "mail.acme.test")
    (held,) = [one for one in server.json("certificate", "list") if one["name"] == "mail.acme.test"]
    assert held["state"] == "there, the latest order failed"
    assert "refused" in held["problem"]
    server.start()
    assert until(lambda: shown(server.ports["imaps"], "mail.acme.test") == before)
