"""Every read is bounded: lines, headers, parts, errors, connections, disk (S6-S9, D1-D8, F1)."""

import contextlib
import threading
from collections.abc import Iterator

import pytest

from rig.server import Server
from tests.system.wire import (
    ALICE,
    LETTER,
    PASSWORDS,
    Wire,
    count,
    empty,
    letters,
    resident,
    running,
    taken,
    until,
)

MIB = 1024  # in KiB
HOLD = 150  # connections at one time


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = "[limits]\nmax_connections = 200"
    with running(tmp_path_factory.mktemp("limits"), settings=settings) as server:
        with Wire(server.ports["imap"]) as wire:  # the first password costs 19 MiB for good
            wire.imap_login(ALICE, PASSWORDS[ALICE])
        yield server


# lines


@pytest.mark.parametrize("start", [b"NOOP ", b"", b"EHLO ", b"MAIL FROM:<", b"AUTH PLAIN ", b"\0"])
@pytest.mark.parametrize("door", ["smtp", "submission", "lmtp"])
def test_a_line_without_end_is_refused_in_little_memory(
    server: Server, door: str, start: bytes
) -> None:
    before = resident(server)
    with Wire(server.ports[door]) as wire:
        wire.send(start)
        with contextlib.suppress(ConnectionError):
            for _ in range(160):
                wire.send(b"A" * 65_536)
            wire.send(b"\r\n")
        said = wire.reply()
        assert said[:3] in {b"500", b"501", b"421"}
        assert wire.ask(b"NOOP").startswith(b"250")
        wire.send(b"B" * 100_000 + b"\r\n")
        assert wire.reply().startswith(b"421 4.7.0")
        assert wire.rest() == b""
    assert resident(server) < before + 8 * MIB


def test_imap_and_pop3_lines_without_end(server: Server) -> None:
    for door in ("imap", "pop3"):
        before = resident(server)
        with Wire(server.ports[door]) as wire, contextlib.suppress(ConnectionError):
            for _ in range(160):
                wire.send(b"A" * 65_536)
        assert resident(server) < before + 8 * MIB


def test_a_body_line_without_end_is_stored_in_little_memory(server: Server) -> None:
    """32 MiB in one line: more than the text fields hold, and not held in memory."""
    empty(server)
    with Wire(server.ports["smtp"]).hello() as wire:  # what the first large letter costs
        assert wire.deliver(b"Subject: x\r\n\r\n" + b"A" * 4_000_000 + b"\r\n").startswith(b"250")
    before = resident(server)
    with Wire(server.ports["smtp"]).hello() as wire:
        wire.begin()
        wire.send(b"Subject: long\r\n\r\n")
        for _ in range(512):
            wire.send(b"A" * 65_536)
        wire.send(b"\r\n.\r\n")
        assert wire.reply().startswith(b"250")
        assert resident(server) < before + 32 * MIB
    with Wire(server.ports["pop3"]) as wire:
        wire.pop3_login(ALICE, PASSWORDS[ALICE])
        assert int(wire.ask(b"LIST 2").split()[2]) > 512 * 65_536
    empty(server)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"MAIL FROM:<a\0b@x.test>", b"501"),
        (b"MAIL FROM:<\xc3@x.test>", b"553"),
        (b"MAIL FROM:<\xc3\xa4@x.test>", b"553"),
        (b"EHLO \xff", b"501"),
        (b"EHLO a b", b"501"),
        (b"EHLO", b"501"),
        (b"VRFY \xff", b"553"),
        (b"NOOP \x07", b"501"),
        (b"\xff\xfe", b"501"),
        (b"", b"500"),
        (b"MAIL FROM:<" + b"a" * 65 + b"@x.test>", b"553"),
        (b"MAIL FROM:<a@" + b"b." * 130 + b"test>", b"553"),
        (b"MAIL FROM:<a@x.test> BODY=BINARYMIME", b"5"),
        (b"MAIL FROM:<a@x.test> SIZE=1 SIZE=2", b"501"),
        (b"MAIL FROM:<a@x.test> SIZE=99999999999999999999", b"5"),
        (b"MAIL FROM:<a@x.test> HOLDFOR=10", b"555"),
        (b"RSET x", b"501"),
        (b"QUIT x", b"501"),
        (b"DATA x", b"501"),
    ],
)
def test_a_bad_command_is_refused_and_the_session_goes_on(
    server: Server, line: bytes, code: bytes
) -> None:
    with Wire(server.ports["smtp"]).hello() as wire:
        assert wire.ask(line).startswith(code)
        assert wire.deliver().startswith(b"250")


def test_bare_line_ends_in_commands_end_the_session(server: Server) -> None:
    for line in (b"NOOP\n", b"NOOP\nNOOP\r\n", b"NOOP\rNOOP\r\n", b"\n", b"\r\r\n"):
        with Wire(server.ports["smtp"]).hello() as wire:
            wire.send(line)
            assert wire.reply()[:1] == b"5"


# headers and parts


@pytest.mark.parametrize(
    "head",
    [
        b"X: " + b"a" * 300_000 + b"\r\n",
        b"X: y\r\n" * 1_001,
        b"X: y\r\n" * 60_000,
        (b"X: " + b"a" * 990 + b"\r\n") * 300,
        b"X:\r\n" + b" a\r\n" * 100_000,
    ],
)
def test_a_header_bomb_is_refused(server: Server, head: bytes) -> None:
    with Wire(server.ports["smtp"]).hello() as wire:
        assert wire.deliver(head + b"\r\nbody\r\n").startswith(b"552 5.3.4")
        assert wire.deliver(b"").startswith(b"250")


BOMBS = {
    "deep": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
        for level in range(2_000)
    ),
    "messages": b"Content-Type: message/rfc822\r\n\r\n" * 2_000,
    "parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 200_000,
    "same boundary": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" * 3_000,
    "parameters": b"Content-Type: text/plain" + b"; a*0=b" * 20_000 + b"\r\n\r\n",
    "quotes": b"To: " + b'"' * 60_000 + b"\r\n\r\n",
    "comments": b"To: " + b"(" * 60_000 + b"\r\n\r\n",
    "addresses": b"To: " + b"a@b.test, " * 16_000 + b"c@d.test\r\n\r\n",
    "words": b"Subject: " + b"=?utf-8?q?a?= " * 15_000 + b"\r\n\r\n",
    "groups": b"To: " + b"a:" * 60_000 + b"\r\n\r\n",
    "references": b"References: " + b"<a@b> " * 40_000 + b"\r\n\r\n",
    "routes": b"From: <" + b"@a," * 60_000 + b":b@c>\r\n\r\n",
    "dates": b"Date: " + b"9" * 100_000 + b"\r\n\r\n",
    "octets": bytes(octet for octet in range(1, 256) if octet not in {10, 13}) * 500 + b"\r\n",
    "nothing": b"",
    "boundary": b"Content-Type: multipart/mixed; boundary=" + b"b" * 100_000 + b"\r\n\r\n--b\r\n",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_stored_whole_or_refused_and_can_be_read(server: Server, name: str) -> None:
    letter = BOMBS[name] + b"\r\nend\r\n"
    empty(server)
    before = resident(server)
    with Wire(server.ports["smtp"]).hello() as wire:
        answer = wire.deliver(letter.replace(b"\r\n.", b"\r\n.."))
        assert answer[:3] in {b"250", b"550", b"552"}
    assert resident(server) < before + 48 * MIB
    if not answer.startswith(b"250"):
        assert count(server) == 0
        return
    with Wire(server.ports["imap"]) as wire:
        wire.imap_login(ALICE, PASSWORDS[ALICE])
        wire.imap(b"s", b"SELECT INBOX")
        for items in (
            b"ALL",
            b"FULL",
            b"BODYSTRUCTURE",
            b"BODY.PEEK[1.1.1.1]",
            b"BODY.PEEK[HEADER]",
        ):
            assert wire.imap(b"f", b"FETCH 1 " + items)[-1].startswith(b"f OK")
        for search in (b"SUBJECT a", b"TEXT end", b"FROM a", b"BODY end", b"SENTBEFORE 1-Jan-2000"):
            assert wire.imap(b"f", b"SEARCH " + search)[-1].startswith(b"f OK")
    assert letters(server)[0].endswith(letter)


# errors


def test_guessing_recipients_ends_the_session(server: Server) -> None:
    with Wire(server.ports["smtp"]).hello() as wire:
        assert wire.ask(b"MAIL FROM:<s@x.test>").startswith(b"250")
        wire.send(b"".join(b"RCPT TO:<guess%d@rig.test>\r\n" % n for n in range(12)))
        said = [wire.reply()[:3] for _ in range(12)]
        assert said == [b"550"] * 12
        assert wire.ask(b"RCPT TO:<alice@rig.test>").startswith(b"250")


def test_a_thousand_recipients_and_no_more(server: Server) -> None:
    with Wire(server.ports["smtp"]).hello() as wire:
        assert wire.ask(b"MAIL FROM:<s@x.test>").startswith(b"250")
        wire.send(b"RCPT TO:<alice@rig.test>\r\n" * 1_005)
        said = [wire.reply()[:9] for _ in range(1_005)]
        assert said == [b"250 2.1.5"] * 1_000 + [b"452 4.5.3"] * 5
        before = count(server)
        assert wire.ask(b"DATA").startswith(b"354")
        assert wire.ask(LETTER + b".").startswith(b"250")
    assert count(server) == before + 1  # one person, one copy


def test_commands_that_lead_nowhere_end_the_session(server: Server) -> None:
    with Wire(server.ports["smtp"]).hello() as wire:
        for _ in range(100):
            assert wire.ask(b"RSET").startswith(b"250")
        assert wire.deliver().startswith(b"250")  # and then it starts anew
        assert wire.ask(b"NOOP").startswith(b"250")


# connections


def test_150_connections_wait_while_another_is_served(server: Server) -> None:
    before = resident(server)
    with contextlib.ExitStack() as opened:
        for number in range(HOLD):
            door = ("smtp", "imap", "pop3")[number % 3]
            wire = opened.enter_context(Wire(server.ports[door]))
            wire.send(b"N")  # and never the rest
        with Wire(server.ports["smtp"]).hello() as wire:
            assert wire.deliver().startswith(b"250")
        assert resident(server) < before + 32 * MIB


def test_beyond_the_cap_connections_are_turned_away(server: Server) -> None:
    with contextlib.ExitStack() as opened:
        said: list[bytes] = []
        for _ in range(210):
            wire = opened.enter_context(Wire(server.ports["smtp"]))
            said.append(wire.greeting[:9])
        assert said[-1] == b"421 4.7.0"
        assert said.count(b"421 4.7.0") >= 10
        assert not {one for one in said if one[:3] not in {b"220", b"421"}}
        with Wire(server.ports["imap"]) as wire:
            assert wire.greeting.startswith(b"* BYE")
        with Wire(server.ports["pop3"]) as wire:
            assert wire.greeting.startswith(b"-ERR")
        with Wire(server.ports["imaps"], greeted=False) as wire:
            assert wire.rest() == b""

    def comes_in() -> bool:
        with Wire(server.ports["smtp"]) as wire:
            return wire.greeting.startswith(b"220")

    until(comes_in, "places are free again")


def test_a_flood_of_short_connections(server: Server) -> None:
    def knock() -> None:
        for number in range(50):
            with Wire(server.ports["smtp"], greeted=False) as wire:
                if number % 2:
                    wire.send(b"EHLO c.test\r\nQUIT\r\n")

    threads = [threading.Thread(target=knock) for _ in range(6)]
    for thread in threads:
        thread.start()
    with Wire(server.ports["smtp"]).hello() as wire:
        for _ in range(20):
            assert wire.deliver().startswith(b"250")
    for thread in threads:
        thread.join()


def test_a_client_that_does_not_read_holds_little_memory(server: Server) -> None:
    empty(server)
    with Wire(server.ports["smtp"]).hello() as wire:
        assert wire.deliver(b"Subject: x\r\n\r\n" + b"A" * 4_000_000 + b"\r\n").startswith(b"250")
    before = resident(server)
    with Wire(server.ports["imap"]) as wire:
        wire.imap_login(ALICE, PASSWORDS[ALICE])
        wire.imap(b"s", b"SELECT INBOX")
        for number in range(30):
            wire.send(b"f%d FETCH 1 BODY.PEEK[]\r\n" % number)
        with Wire(server.ports["pop3"]) as pop3:
            pop3.pop3_login(ALICE, PASSWORDS[ALICE])
            pop3.send(b"RETR 1\r\n" * 30)
            with Wire(server.ports["smtp"]).hello() as other:
                assert other.deliver().startswith(b"250")
            assert resident(server) < before + 32 * MIB
    empty(server)


def test_many_replies_that_nobody_reads(server: Server) -> None:
    before = resident(server)
    with Wire(server.ports["smtp"]).hello() as wire:
        wire.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            for _ in range(200):
                wire.socket.send(b"HELP MAIL\r\n" * 5_000)
        with Wire(server.ports["smtp"]).hello() as other:
            assert other.deliver().startswith(b"250")
        assert resident(server) < before + 16 * MIB


# disk


def test_below_the_disk_reserve_mail_is_put_off(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = f"[limits]\ndisk_reserve = {1 << 52}"
    with running(tmp_path_factory.mktemp("disk"), people=(ALICE,), settings=settings) as server:
        with Wire(server.ports["smtp"]).hello() as wire:
            assert wire.ask(b"MAIL FROM:<s@x.test>").startswith(b"452 4.3.1")
            assert wire.ask(b"RCPT TO:<alice@rig.test>").startswith(b"503")
        with Wire(server.ports["imap"]) as wire:
            wire.imap_login(ALICE, PASSWORDS[ALICE])
            assert wire.imap(b"c", b"CREATE tidy")[-1].startswith(b"c OK")
            assert wire.imap(b"d", b"DELETE tidy")[-1].startswith(b"d OK")


def test_a_command_may_come_octet_by_octet(server: Server) -> None:
    with Wire(server.ports["smtp"]) as wire:
        for octet in b"EHLO c.test\r":
            wire.send(bytes([octet]))
            taken(wire)
        assert wire.is_silent()
        wire.send(b"\n")
        assert wire.reply().startswith(b"250")
