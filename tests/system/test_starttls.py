"""Nothing said in clear counts inside TLS (threats S4, A3), at any door."""

import threading
from collections.abc import Iterator

import pytest

from rig.ports import HOST, free_port
from rig.server import Server
from tests.system.wire import ALICE, LETTER, PASSWORDS, Wire, count, plain, running

SECRET = PASSWORDS[ALICE].encode()
LOCKED = ("submission", "imap", "pop3", "managesieve")  # these listeners take no password in clear


@pytest.fixture(scope="module")
def locked() -> dict[str, int]:
    return {door: free_port() for door in LOCKED}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, locked: dict[str, int]) -> Iterator[Server]:
    listeners = "".join(
        f'[[listen]]\nprotocol = "{door}"\naddress = "{HOST}"\nport = {port}\n'
        for door, port in locked.items()
    )
    folder = tmp_path_factory.mktemp("starttls")
    with running(folder, people=(ALICE,), settings=listeners) as server:
        yield server


@pytest.mark.parametrize("door", ["smtp", "submission", "lmtp"])
@pytest.mark.parametrize(
    "behind",
    [
        b"MAIL FROM:<i@e.test>\r\n",
        b"EHLO c.test\r\nMAIL FROM:<i@e.test>\r\n",
        b"NOOP\r\n",
        b"\r\n",
        b"x",
    ],
)
def test_smtp_refuses_what_follows_starttls(server: Server, door: str, behind: bytes) -> None:
    with Wire(server.ports[door]) as wire:
        assert wire.ask(b"LHLO c" if door == "lmtp" else b"EHLO c").startswith(b"250")
        wire.send(b"STARTTLS\r\n" + behind)
        assert wire.reply().startswith(b"554 5.5")
        assert wire.rest() == b""


@pytest.mark.parametrize("where", ["own", "locked"])
def test_imap_refuses_what_follows_starttls(
    server: Server, locked: dict[str, int], where: str
) -> None:
    port = server.ports["imap"] if where == "own" else locked["imap"]
    for behind in (
        b'b LOGIN "' + ALICE.encode() + b'" "' + SECRET + b'"\r\n',
        b"b NOOP\r\n",
        b"b",
        b"\r\n",
    ):
        with Wire(port) as wire:
            wire.send(b"a STARTTLS\r\n" + behind)
            said = wire.rest()
            assert b"a OK" not in said
            assert b"b OK" not in said
            assert said


@pytest.mark.parametrize("where", ["own", "locked"])
def test_pop3_refuses_what_follows_stls(server: Server, locked: dict[str, int], where: str) -> None:
    port = server.ports["pop3"] if where == "own" else locked["pop3"]
    for behind in (b"USER " + ALICE.encode() + b"\r\nPASS " + SECRET + b"\r\n", b"NOOP\r\n", b"x"):
        with Wire(port) as wire:
            wire.send(b"STLS\r\n" + behind)
            said = wire.rest()
            assert b"+OK" not in said
            assert said.startswith(b"-ERR")


@pytest.mark.parametrize("where", ["own", "locked"])
def test_managesieve_refuses_what_follows_starttls(
    server: Server, locked: dict[str, int], where: str
) -> None:
    port = server.ports["managesieve"] if where == "own" else locked["managesieve"]
    behind_login = b'AUTHENTICATE "PLAIN" "' + plain(ALICE, PASSWORDS[ALICE]) + b'"\r\n'
    for behind in (behind_login, b"NOOP\r\n", b"\r\n", b"x"):
        with Wire(port, greeted=False) as wire:
            while not wire.line().startswith(b"OK"):
                pass
            wire.send(b"STARTTLS\r\n" + behind)
            assert wire.rest() == b'BYE "Nothing may follow STARTTLS before the handshake"\r\n'


def test_smtp_forgets_all_that_was_said_before_tls(server: Server) -> None:
    with Wire(server.ports["smtp"]).hello() as wire:
        assert wire.ask(b"MAIL FROM:<s@x.test>").startswith(b"250")
        assert wire.ask(b"RCPT TO:<alice@rig.test>").startswith(b"250")
        assert wire.ask(b"STARTTLS")[:3] in {b"220", b"503"}
    with Wire(server.ports["smtp"]).hello() as wire:
        assert wire.ask(b"STARTTLS").startswith(b"220")
        wire.start_tls()
        assert wire.ask(b"MAIL FROM:<s@x.test>").startswith(b"503")
        assert wire.ask(b"STARTTLS").startswith(b"503")
        hello = wire.ask(b"EHLO c.test")
        assert b"STARTTLS" not in hello
        assert wire.deliver().startswith(b"250")


def test_submission_forgets_a_login(server: Server) -> None:
    with Wire(server.ports["submission"]).hello() as wire:
        assert wire.auth(ALICE, PASSWORDS[ALICE]).startswith(b"235")
        assert wire.ask(b"STARTTLS").startswith(b"220")
        wire.start_tls()
        wire.hello()
        assert wire.ask(b"MAIL FROM:<alice@rig.test>").startswith(b"530")
        assert wire.ask(b"VERB").startswith(b"502")
        assert wire.auth(ALICE, PASSWORDS[ALICE]).startswith(b"235")


def test_starttls_is_offered_once_and_bare(server: Server, locked: dict[str, int]) -> None:
    with Wire(locked["imap"]) as wire:
        assert b"STARTTLS" in wire.greeting
        assert b"LOGINDISABLED" in wire.greeting
        assert wire.imap(b"a", b"STARTTLS now")[-1].startswith(b"a BAD")
        assert wire.imap(b"a", b"STARTTLS")[-1].startswith(b"a OK")
        wire.start_tls()
        said = wire.imap(b"b", b"CAPABILITY")
        assert b"LOGINDISABLED" not in said[0]
        assert b"STARTTLS" not in said[0]
        assert wire.imap(b"c", b"STARTTLS")[-1].startswith(b"c BAD")
        wire.imap_login(ALICE, PASSWORDS[ALICE])
    with Wire(locked["pop3"]) as wire:
        assert b"STLS" in wire.pop3_lines(b"CAPA")
        assert wire.ask(b"STLS now").startswith(b"-ERR")
        assert wire.ask(b"STLS").startswith(b"+OK")
        wire.start_tls()
        assert b"STLS" not in wire.pop3_lines(b"CAPA")
        assert wire.ask(b"STLS").startswith(b"-ERR")
        wire.pop3_login(ALICE, PASSWORDS[ALICE])
    with Wire(server.ports["submissions"], tls=True).hello() as wire:
        assert wire.ask(b"STARTTLS").startswith(b"503")


def test_imap_starttls_after_login_is_refused(server: Server) -> None:
    with Wire(server.ports["imap"]) as wire:
        wire.imap_login(ALICE, PASSWORDS[ALICE])
        assert wire.imap(b"a", b"STARTTLS")[-1].startswith(b"a BAD")
        assert wire.imap(b"b", b"NOOP")[-1].startswith(b"b OK")


def test_no_password_is_taken_in_clear(server: Server, locked: dict[str, int]) -> None:
    with Wire(locked["submission"]) as wire:
        assert b"AUTH" not in wire.ask(b"EHLO c.test")
        assert wire.auth(ALICE, PASSWORDS[ALICE]).startswith(b"538 5.7.11")
        assert wire.ask(b"MAIL FROM:<alice@rig.test>").startswith(b"530")
    with Wire(locked["imap"]) as wire:
        login = b'LOGIN "' + ALICE.encode() + b'" "' + SECRET + b'"'
        assert wire.imap(b"a", login)[-1].startswith(b"a NO [PRIVACYREQUIRED]")
        secret = plain(ALICE, PASSWORDS[ALICE])
        assert wire.imap(b"a", b"AUTHENTICATE PLAIN " + secret)[-1].startswith(b"a NO")
        assert wire.imap(b"b", b"SELECT INBOX")[-1].startswith(b"b BAD")
        wire.send(b"c LOGIN {%d}\r\n" % len(ALICE))
        assert wire.line().startswith(b"c NO [PRIVACYREQUIRED]")
    with Wire(locked["pop3"]) as wire:
        assert b"USER" not in wire.pop3_lines(b"CAPA")
        assert wire.ask(b"USER " + ALICE.encode()).startswith(b"-ERR")
        assert wire.ask(b"PASS " + SECRET).startswith(b"-ERR")
        assert wire.ask(b"AUTH PLAIN " + plain(ALICE, PASSWORDS[ALICE])).startswith(b"-ERR")
        assert wire.ask(b"STAT").startswith(b"-ERR")
    with Wire(server.ports["smtp"]) as wire:  # no login at all on port 25
        assert b"AUTH" not in wire.ask(b"EHLO c.test")
        assert wire.auth(ALICE, PASSWORDS[ALICE])[:3] in {b"502", b"503", b"538"}


def test_garbage_instead_of_a_handshake_harms_nobody(server: Server) -> None:
    for door, start in (
        ("smtp", b"EHLO c\r\nSTARTTLS\r\n"),
        ("submission", b"EHLO c\r\nSTARTTLS\r\n"),
        ("imap", b"a STARTTLS\r\n"),
        ("pop3", b"STLS\r\n"),
    ):
        with Wire(server.ports[door]) as wire:
            for line in start.splitlines(keepends=True):
                wire.send(line)
                wire.reply()
            wire.send(b"MAIL FROM:<i@e.test>\r\n" * 100)
            assert b"250 2.1.0" not in wire.rest()
        with Wire(server.ports[door]) as wire:  # gone in the middle
            for line in start.splitlines(keepends=True):
                wire.send(line)
                wire.reply()
            wire.send(b"\x16\x03\x01\x02\x00\x01")
    for door in ("submissions", "imaps", "pop3s"):
        with Wire(server.ports[door], greeted=False) as wire:
            wire.send(b"EHLO c.test\r\nNOOP\r\n" * 20)
            assert b"250" not in wire.rest()
        with Wire(server.ports[door], tls=True) as wire:
            assert wire.greeting


def test_many_handshakes_at_a_time(server: Server) -> None:
    good: list[bool] = []

    def one() -> None:
        with Wire(server.ports["smtp"]).hello() as wire:
            assert wire.ask(b"STARTTLS").startswith(b"220")
            wire.start_tls()
            wire.hello()
            good.append(wire.deliver(LETTER).startswith(b"250"))

    before = count(server)
    threads = [threading.Thread(target=one) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert good == [True] * 20
    assert count(server) == before + 20
