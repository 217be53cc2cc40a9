"""SIGTERM and SIGKILL under load lose nothing; a second server is refused (F5, F8, F12)."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig import load
from rig.server import Server
from tests.system.wire import (
    ALICE,
    BOB,
    LETTER,
    PASSWORDS,
    PATIENCE,
    Wire,
    count,
    empty,
    letters,
    running,
    until,
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("ending")) as server:
        yield server


@pytest.fixture
def server(house: Server) -> Server:
    """Each test leaves it running."""
    empty(house)
    return house


def size_of(number: int) -> int:
    """Small ones, and now and then one that goes into a file."""
    return 300_000 if number % 25 == 24 else 900


def ended(server: Server) -> int:
    """The exit code of a server that was told to stop."""
    assert server.wait(PATIENCE)
    return server.stop()


def loaded(server: Server, connections: int, least: int) -> tuple[load.Load, load.Journal]:
    """Load that has begun: ``least`` letters are acknowledged."""
    journal = load.Journal()
    sender = load.Load(
        server.ports["smtp"], ALICE, connections=connections, journal=journal, size=size_of
    )
    sender.start()
    until(lambda: len(journal.acknowledged) >= least, "letters are acknowledged")
    return sender, journal


FAREWELLS = {
    "imap": b"* BYE",
    "imaps": b"* BYE",
    "pop3": b"-ERR",
    "pop3s": b"-ERR",
    "managesieve": b"BYE (TRYLATER)",
}


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_an_end_under_load_loses_nothing(server: Server, how: str) -> None:
    sender, journal = loaded(server, connections=16, least=200)
    if how == "stop":
        assert server.stop() == 0
    else:
        server.kill()
    sender.stop()
    server.start()
    stored = load.stored(server.ports["imap"], ALICE, PASSWORDS[ALICE])
    verdict = load.compare(journal, stored)
    assert verdict.good, verdict
    assert verdict.duplicates == 0
    assert verdict.acknowledged >= 200
    assert how == "kill" or not journal.unknown, "SIGTERM leaves no letter without an answer"


def test_every_door_says_goodbye(server: Server) -> None:
    with contextlib.ExitStack() as open_wires:
        wires = {
            door: open_wires.enter_context(
                Wire(port, tls=door in {"submissions", "imaps", "pop3s"})
            )
            for door, port in server.ports.items()
        }
        idler = open_wires.enter_context(Wire(server.ports["imap"]))
        idler.imap_login(ALICE, PASSWORDS[ALICE])
        assert idler.imap(b"s", b"SELECT INBOX")[-1].startswith(b"s OK")
        idler.send(b"i IDLE\r\n")
        assert idler.line().startswith(b"+")
        os.kill(server.pid, signal.SIGTERM)
        for door, wire in wires.items():
            said = wire.rest()
            wire.socket.close()
            if door == "managesieve":  # its greeting has many lines
                said = said[said.index(b"\r\nBYE ") + 2 :]
            assert said.startswith(FAREWELLS.get(door, b"421 4.3.2")), door
        assert b"* BYE" in idler.rest()
    assert ended(server) == 0
    server.start()


def test_a_message_that_has_begun_is_finished(server: Server) -> None:
    with Wire(server.ports["smtp"]).hello() as wire, Wire(server.ports["smtp"]).hello() as idle:
        wire.begin()
        wire.send(LETTER)
        os.kill(server.pid, signal.SIGTERM)
        assert idle.rest().startswith(b"421 4.3.2")
        idle.socket.close()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGTERM):  # an impatient manager
            os.kill(server.pid, number)
        wire.send(b".\r\n")
        assert wire.reply().startswith(b"250")
        assert wire.reply().startswith(b"421 4.3.2")
    assert ended(server) == 0
    server.start()
    assert [one.endswith(LETTER) for one in letters(server)] == [True]


def refused(config: Path) -> str:
    """What a server that does not start with these settings says."""
    done = subprocess.run(
        [sys.executable, "-m", "postroom", "-c", str(config), "serve"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_second_server_is_refused(server: Server) -> None:
    text = server.config.read_text()
    for port in server.ports.values():
        text = text.replace(f"port = {port}", "port = 0")
    other = server.folder / "other.toml"
    other.write_text(text)
    refused(other)
    with Wire(server.ports["smtp"]).hello() as wire:
        assert wire.deliver(recipient=BOB).startswith(b"250")
    assert count(server, BOB) == 1


def test_the_same_port_twice_is_refused(server: Server, tmp_path: Path) -> None:
    text = server.config.read_text().replace(str(server.data), str(tmp_path / "elsewhere"))
    other = tmp_path / "other.toml"
    other.write_text(text)
    assert len(refused(other).splitlines()) == 1


def test_commands_work_while_mail_comes_in(server: Server) -> None:
    sender, journal = loaded(server, connections=8, least=50)
    server.add_account("carol@rig.test", "carols-canary")
    with Wire(server.ports["smtp"]).hello() as wire:
        assert wire.deliver(recipient="carol@rig.test").startswith(b"250")
    server.command("account", "password", "carol@rig.test", "--password-stdin", stdin="second\n")
    with Wire(server.ports["imap"]) as imap:
        assert imap.imap(b"a", b"LOGIN carol@rig.test carols-canary")[-1].startswith(b"a NO")
        assert imap.imap(b"b", b"LOGIN carol@rig.test second")[-1].startswith(b"b OK")
    server.command("account", "disable", "carol@rig.test")
    with Wire(server.ports["smtp"]).hello() as wire:
        assert wire.ask(b"MAIL FROM:<s@x.test>").startswith(b"250")
        assert wire.ask(b"RCPT TO:<carol@rig.test>").startswith(b"550 5.2.1")
    sender.stop()
    stored = load.stored(server.ports["imap"], ALICE, PASSWORDS[ALICE])
    verdict = load.compare(journal, stored)
    assert verdict.good, verdict
    assert not verdict.duplicates
    assert journal.refused == 0


def test_a_crash_leaves_a_folder_that_starts(server: Server) -> None:
    for _ in range(3):
        sender, journal = loaded(server, connections=4, least=20)
        server.kill()
        assert server.wait(60)
        sender.stop()
        server.start()
        assert journal.refused == 0
