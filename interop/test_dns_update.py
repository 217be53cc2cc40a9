"""A zone of a real BIND, changed with signed updates (RFC 2136, RFC 8945)."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from postroom.net.dns import Resolver
from postroom.net.dns_records import Mx
from postroom.net.zones.dynamic import DynamicZone, Key, read_key
from postroom.net.zones.zone import ZoneFailed
from rig.bind import Bind
from rig.ports import HOST
from rig.server import Server
from tests.net.zones.stories import change, life_of_records

RECORDS = """@ IN MX 5 mx.old.test.
@ IN TXT "v=spf1 include:old.test -all"
@ IN TXT "site=1"
www IN A 198.51.100.1
autoconfig IN CNAME autoconfig.old.test.
"""


@pytest.fixture(scope="module")
def bind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bind]:
    folder = tmp_path_factory.mktemp("bind")
    with Bind(folder, {"demo.test": "", "town.test": RECORDS}) as bind:
        yield bind


def zone(bind: Bind, key: Key, name: str = "demo.test") -> DynamicZone:
    return DynamicZone(name, HOST, bind.port, key, Resolver(["127.0.0.1:9"]))


def key(bind: Bind) -> Key:
    return read_key(bind.key_file.read_text(), name="", algorithm="hmac-sha256")


def test_every_type_is_written_read_changed_and_removed(bind: Bind) -> None:
    asyncio.run(life_of_records(zone(bind, key(bind))))


@pytest.mark.parametrize(
    ("name", "secret", "zone_name", "reason"),
    [
        ("", b"x" * 32, "demo.test", "name or secret are wrong"),
        ("other.test", b"", "demo.test", "does not know a key of this name"),
        ("", b"", "unknown.test", "does not keep this zone"),
    ],
)
def test_what_it_refuses_is_told(
    bind: Bind, name: str, secret: bytes, zone_name: str, reason: str
) -> None:
    right = key(bind)
    chosen = Key(name or right.name, right.algorithm, secret or right.secret)
    with pytest.raises(ZoneFailed, match=reason):
        asyncio.run(zone(bind, chosen, zone_name).write([]))


def test_a_name_that_the_key_may_not_change_is_refused(bind: Bind) -> None:
    outside = change(("x.other.test", "A"), [], ["192.0.2.1"])
    with pytest.raises(ZoneFailed, match="not within the zone"):
        asyncio.run(zone(bind, key(bind)).write([outside]))


def test_a_domain_gets_its_records_and_others_keep_theirs(bind: Bind, tmp_path: Path) -> None:
    server = Server(
        tmp_path,
        doors=("smtp", "imaps", "https"),
        settings=f'[dns]\nservers = ["{bind.address}"]\npublic_addresses = ["192.0.2.5"]\n',
        hostname="mail.town.test",
    )
    server.command("domain", "add", "town.test")
    server.command(
        "dns", "provider", "add", "bind", "--kind", "rfc2136", "--zone", "town.test",
        "--server", bind.address, "--secret-file", str(bind.key_file),
    )  # fmt: skip
    town = zone(bind, key(bind), "town.test")
    assert "+ 192.0.2.5" in server.command("dns", "town.test", "--update", "--dry-run")
    assert (asyncio.run(town.read([("mail.town.test", "A")])))["mail.town.test", "A"] == ()
    assert "sets of records written" in server.command("dns", "town.test", "--update", "--yes")
    assert "nothing to do" in server.command("dns", "town.test", "--update", "--yes")
    found = asyncio.run(town.read([("town.test", "TXT"), ("town.test", "MX")]))
    assert set(found["town.test", "TXT"]) == {b"v=spf1 mx include:old.test -all", b"site=1"}
    assert found["town.test", "MX"] == (Mx(5, "mx.old.test"),)
    moved = asyncio.run(town.read([("autoconfig.town.test", "CNAME")]))
    assert moved["autoconfig.town.test", "CNAME"] == ("autoconfig.old.test",)
    taken = server.command("dns", "town.test", "--update", "--yes", "--take-over")
    assert "2 sets of records written at bind" in taken
    server.command("dkim", "rotate", "town.test")
    assert "2 sets of records" in server.command("dns", "town.test", "--update", "--yes")
    states = {
        (one["name"], one["type"]): one["action"]
        for one in server.json("dns", "town.test", "--update", "--dry-run")["steps"]
    }
    assert set(states.values()) == {"keep", "elsewhere"}
    assert sum("_domainkey" in name for name, _ in states) == 4
