from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.dns import ThreadedDns
from tests.cli.conftest import Shell
from tests.cli.test_queue import queued

ZONE = {
    ("a.test", "TXT"): ["v=spf1 ip4:192.0.2.1 -all"],
    ("_dmarc.a.test", "TXT"): ["v=DMARC1; p=reject"],
    ("1.2.0.192.in-addr.arpa", "PTR"): ["mx.a.test."],
    ("mx.a.test", "A"): ["192.0.2.1"],
}


@pytest.fixture
def named(shell: Shell) -> Iterator[Shell]:
    server = ThreadedDns(ZONE)
    with shell.config.open("a") as file:
        file.write(f'[dns]\nservers = ["{server.address}"]\n')
    yield shell
    server.close()


def test_a_file_is_explained(named: Shell, tmp_path: Path) -> None:
    path = tmp_path / "letter"
    path.write_text("From: ann@a.test\nSubject: x\n\nbody\n")
    client = ("--ip", "192.0.2.1", "--helo", "mx.a.test", "--sender", "ann@a.test")
    said = named.says("explain", str(path), *client)
    assert said.splitlines()[:3] == [
        "client  192.0.2.1", "helo    mx.a.test", "sender  ann@a.test",
    ]  # fmt: skip
    assert "\niprev\n  iprev=pass (mx.a.test) policy.iprev=192.0.2.1\n" in said
    assert "    PTR 1.2.0.192.in-addr.arpa: mx.a.test\n" in said
    assert "    TXT a.test: v=spf1 ip4:192.0.2.1 -all\n" in said
    assert "dmarc=pass (p=reject of a.test)" in said
    forged = named.says("explain", str(path), "--ip", "192.0.2.9", "--sender", "ann@a.test")
    assert "    PTR 9.2.0.192.in-addr.arpa: nothing there\n" in forged
    assert "dmarc: refuse, the message is not from a.test" in forged
    told = named.json("explain", str(path), *client)
    assert [check["check"] for check in told["checks"]][-1] == "dmarc"
    assert told["checks"][0]["questions"][0]["answer"] == ["mx.a.test"]


def test_the_client_and_the_filters(named: Shell, tmp_path: Path) -> None:
    path = tmp_path / "letter"
    path.write_text("From: ann@a.test\nSubject: x\n\nbody\n")
    client = ("--ip", "192.0.2.1", "--helo", "laptop", "--sender", "ann@a.test")
    said = named.says("explain", str(path), *client)
    assert "\nconnection\n  HELO laptop is no full name (+1)\n  together +1\n" in said
    assert "filter" not in said
    assert "no [[filter]]" in named.run("explain", str(path), *client, "--filters").stderr
    with named.config.open("a") as file:
        file.write(f'[[filter]]\nkind = "clamav"\naddress = "{tmp_path}/none"\n')
    told = named.says("explain", str(path), *client, "--filters")
    (line,) = [line for line in told.splitlines() if line.startswith("filter clamav, 0.")]
    assert " s: pass: failed, went on without it: no connection: " in line
    found = named.json("explain", str(path), *client, "--filters")
    assert found["client"]["score"] == 1
    assert found["filters"][0]["filter"] == "clamav"
    assert "--noted" in named.misuses("explain", "x@y", "--noted", "--filters")


def test_a_message_is_explained(named: Shell) -> None:
    (ident,) = queued(named, ("ann@demo.test", ("b@other.test",)))
    said = named.says("explain", ident)
    assert said.startswith(f"id      {ident}\n")
    assert "\ndkim\n" in said
    assert named.says("explain", ident, "--noted").startswith(f"id      {ident}\n")


def test_what_is_not_there(named: Shell, tmp_path: Path) -> None:
    assert "nothing is known of x@y" in named.refuses("explain", "x@y")
    assert "no file" in named.refuses("explain", str(tmp_path / "none"), "--ip", "192.0.2.1")
    assert "--noted" in named.misuses("explain", "x@y", "--noted", "--helo", "a")
