"""What is measured before a server is set up, in a small world of its own."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from postroom.admin.facts import (
    PORTS,
    Fact,
    Place,
    Reach,
    advice,
    inner_web_port,
    is_blocked,
    may_send,
    measure,
    place_of,
)
from postroom.config.model import Config, Listen, standard_listeners
from postroom.db.locks import ServeLock
from postroom.net.dns import Resolver
from rig.dns import DnsServer
from rig.ports import HOST, free_port

OURS = "11.1.1.1"  # a public address that is nobody's in here
ZONE = {
    ("well.test", "MX"): ["10 mx.well.test.", "20 mx2.well.test."],
    ("mx.well.test", "A"): ["127.0.0.1"],
    ("mail.example.test", "A"): [OURS],
    ("1.1.1.11.in-addr.arpa", "PTR"): ["mail.example.test."],
}


def facts(
    zone: dict[tuple[str, str], list[str]],
    data: Path,
    *,
    outward: Sequence[str] = (OURS,),
    port: int = 9,
    is_offline: bool = False,
) -> dict[str, Fact]:
    async def inside() -> list[Fact]:
        async with DnsServer(zone) as server:
            resolver = Resolver([server.address])
            place = Place(domain="example.test", hostname="mail.example.test", data=data, ports=())
            reach = Reach(
                resolver=resolver,
                outward=lambda: outward,
                well_known="well.test",
                smtp_port=port,
                is_offline=is_offline,
            )
            found = await measure(place, reach)
            await resolver.close()
            return found

    return {one.what: one for one in asyncio.run(inside())}


def test_a_good_place(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = facts(ZONE, data, port=listener.getsockname()[1])
    told = {what: one.state for what, one in found.items()}
    assert told.pop("clock") in {"good", "attention", "unknown"}
    assert told.pop("disk") in {"good", "attention"}
    assert told == {
        "address": "good",
        "outgoing port 25": "good",
        "server name": "good",
        "reverse name": "good",
        "mail of the domain": "good",
    }
    assert not is_blocked(found.values())


def test_a_closed_port_25_is_told_with_the_way_out(data: Path) -> None:
    found = facts(ZONE, data)
    assert is_blocked(found.values())
    assert found["outgoing port 25"].state == "bad"
    assert "relay" in found["outgoing port 25"].advice


def test_a_machine_with_ipv6_only_measures_port_25_with_that(data: Path) -> None:
    zone = {**ZONE, ("mx.well.test", "AAAA"): ["::1"]}
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        port = listener.getsockname()[1]
        found = facts(zone, data, outward=("2606:4700::1",), port=port)
        assert found["outgoing port 25"].state == "good"
        assert is_blocked(facts(zone, data, port=port).values())  # nobody is at 127.0.0.1
    assert facts(ZONE, data, outward=("2606:4700::1",))["outgoing port 25"].state == "unknown"


def test_whether_mail_can_leave(data: Path) -> None:
    assert not may_send(facts(ZONE, data).values())
    assert not may_send(facts(ZONE, data, outward=()).values())
    assert may_send(facts({}, data).values())


def test_a_clock_that_is_far_behind_is_told(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 86_400.0)
    clock = facts(ZONE, data, is_offline=True)["clock"]
    assert (clock.state, clock.seen) == ("bad", "it shows 1970-01-02, which is over")


def test_every_port_of_a_new_server_is_looked_at() -> None:
    assert {one.port for one in standard_listeners()} == set(PORTS)
    assert {143, 4190} < set(PORTS)


def test_without_dns_nothing_is_claimed(data: Path) -> None:
    found = facts({}, data)
    assert found["outgoing port 25"].state == "unknown"
    assert not is_blocked(found.values())


@pytest.mark.parametrize(
    ("outward", "state"), [((), "bad"), (("10.0.0.2",), "attention"), ((OURS,), "good")]
)
def test_where_the_machine_stands(data: Path, outward: Sequence[str], state: str) -> None:
    found = facts(ZONE, data, outward=outward, is_offline=True)
    assert found["address"].state == state
    assert set(found) <= {"address", "clock", "disk"}


def test_what_is_in_dns_already_is_told_and_nothing_is_to_be_lost(data: Path) -> None:
    zone = {
        **ZONE,
        ("example.test", "MX"): ["10 mx.old.test."],
        ("example.test", "TXT"): ["v=spf1 include:old.test -all"],
        ("_dmarc.example.test", "TXT"): ["v=DMARC1; p=reject"],
        ("mail.example.test", "A"): ["11.2.2.2"],
        ("1.1.1.11.in-addr.arpa", "PTR"): ["host1.provider.test."],
    }
    found = facts(zone, data)
    assert "mx.old.test" in found["mail of the domain"].seen
    assert "v=spf1 include:old.test -all" in found["SPF"].seen
    assert "before you send" in found["DMARC"].advice
    assert OURS in found["server name"].advice
    assert "mail.example.test" in found["reverse name"].advice
    assert {found[one].state for one in ("SPF", "DMARC", "server name", "reverse name")} == {
        "attention"
    }


def test_a_port_that_is_taken_is_named_with_who_has_it(data: Path) -> None:
    async def inside(ports: Sequence[int]) -> dict[str, Fact]:
        resolver = Resolver(["127.0.0.1:9"])
        place = Place(domain="a.test", hostname="b.test", data=data, ports=ports)
        found = await measure(place, Reach(resolver=resolver, is_offline=True))
        await resolver.close()
        return {one.what: one for one in found}

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        found = asyncio.run(inside([port]))
    assert found[f"port {port}"].state == "attention"
    assert "pid" in found[f"port {port}"].seen
    assert asyncio.run(inside([port]))["free ports"].seen == str(port)


def test_a_folder_that_is_not_there_yet_is_measured_where_it_will_be(tmp_path: Path) -> None:
    found = facts(ZONE, tmp_path / "a" / "b", is_offline=True)
    assert found["disk"].seen.endswith(str(tmp_path))


def test_ports_of_the_server_that_runs_are_its_own(data: Path) -> None:
    with (
        ServeLock(data),
        socket.create_server(("127.0.0.1", 0)) as own,
        subprocess.Popen(
            [sys.executable, "-c", OTHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as other,
    ):
        assert other.stdout is not None
        port, taken = own.getsockname()[1], int(other.stdout.readline())
        place = Place(domain="a.test", hostname="b.a.test", data=data, ports=(port, taken))
        reach = Reach(resolver=Resolver(["127.0.0.1:9"]), outward=list, is_offline=True)
        found = {one.what: one for one in asyncio.run(measure(place, reach))}
        other.communicate()
    assert found["own ports"].seen == f"{port}: this server runs"
    assert f"(pid {other.pid})" in found[f"port {taken}"].seen
    assert "free ports" not in found


OTHER = """
import socket, sys
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    sys.stdin.read()
"""


def test_without_a_way_out_nothing_outside_is_asked(data: Path) -> None:
    found = facts(ZONE, data, outward=())
    assert found["address"].state == "bad"
    assert "run setup again" in found["address"].advice
    assert "mail of the domain" not in found


def test_name_servers_that_do_not_answer_are_told_once_and_nothing_is_made_of_it(
    data: Path,
) -> None:
    async def inside() -> list[Fact]:
        resolver = Resolver([f"{HOST}:{free_port()}"])
        place = Place(domain="a.test", hostname="mail.a.test", data=data, ports=())
        found = await measure(place, Reach(resolver=resolver, outward=lambda: [OURS]))
        await resolver.close()
        return found

    found = {one.what: one for one in asyncio.run(inside())}
    assert "/etc/resolv.conf" in found["name servers"].advice
    for what in ("server name", "reverse name", "mail of the domain"):
        assert found[what].state == "unknown", found[what]


def test_a_domain_that_nobody_has_is_told(data: Path) -> None:
    found = facts({("well.test", "MX"): ["10 mx.well.test."]}, data)
    assert "no domain example.test" in found["mail of the domain"].seen


def test_a_domain_is_asked_for_as_it_is_in_dns(data: Path) -> None:
    place = place_of("B\u00fccher.example.", "mail.a.test", str(data), None)
    assert place.domain == "xn--bcher-kva.example"
    assert place.ports == PORTS
    config = Config(hostname="x", listen=(Listen(protocol="smtp", port=2525),))
    assert place_of("a.test", "mail.a.test", str(data), config).ports == [2525]


@pytest.mark.parametrize(
    ("who", "words"),
    [
        ("master (pid 7)", "systemctl disable --now postfix"),
        ("nginx (pid 7)", "it may stay"),
        ("another program", "stop it for good"),
        ("thing (pid 7)", "stop it for good"),
    ],
)
def test_what_to_do_about_who_has_a_port(who: str, words: str) -> None:
    assert advice(who).startswith(words)
    assert "[[listen]]" in advice(who)


def test_a_web_server_may_stay_and_ours_goes_behind_it() -> None:
    def seen(what: str, who: str) -> list[Fact]:
        return [Fact("free ports", "good", "25"), Fact(what, "attention", f"taken by {who}")]

    assert inner_web_port(seen("port 443", "nginx (pid 7)"), {8080, 8081}.__contains__) == 8082
    assert inner_web_port(seen("port 80", "apache2 (pid 7)"), {80}.__contains__) == 8080
    assert inner_web_port(seen("port 80", "another program")) is None
    assert inner_web_port(seen("port 25", "nginx (pid 7)")) is None
    assert inner_web_port([]) is None
