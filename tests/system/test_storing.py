"""What is stored is whole and clean, or not there (S2, I3, I7, F3, F12): APPEND, LMTP, quota."""

import contextlib
import os
import resource
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.server import Server
from tests.system.wire import (
    ALICE,
    BOB,
    DOORS,
    LETTER,
    PASSWORDS,
    PATIENCE,
    Wire,
    count,
    empty,
    letters,
    running,
    taken,
    until,
)

SMALL = "small@rig.test"
QUOTA = 20_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("storing")) as server:
        server.add_account(SMALL, "canary-small", "--quota", str(QUOTA))
        yield server


@pytest.fixture
def imap(server: Server) -> Iterator[Wire]:
    empty(server)
    with Wire(server.ports["imap"]) as wire:
        wire.imap_login(ALICE, PASSWORDS[ALICE])
        yield wire


def test_a_draft_is_submitted_by_its_url(server: Server, imap: Wire) -> None:
    """RFC 4468: what the mailbox holds does not travel to the client and back."""
    empty(server, BOB)
    draft = (
        b"From: <alice@rig.test>\r\nTo: <bob@rig.test>\r\nSubject: draft\r\n\r\n"
        + b"x" * 70
        + b"\r\n"
    )
    imap.send(b"a APPEND Drafts {%d+}\r\n" % len(draft) + draft + b"\r\n")
    stored = imap.imap_answer(b"a")[-1]
    uid = stored[: stored.index(b"]")].split()[-1]
    rump = b"imap://alice%40rig.test@mail.rig.test/Drafts/;UID=" + uid
    wanted = b'"%b;URLAUTH=submit+alice%%40rig.test" INTERNAL' % rump
    made = imap.imap(b"b", b"GENURLAUTH " + wanted)
    assert made[-1].startswith(b"b OK")
    url = made[0].split(b'"')[1]
    with Wire(server.ports["submission"]) as wire:
        assert b"\n250-BURL imap\n" in wire.ask(b"EHLO client.test")
        assert wire.auth(ALICE, PASSWORDS[ALICE]).startswith(b"235")
        wire.send(b"MAIL FROM:<%b>\r\nRCPT TO:<%b>\r\n" % (ALICE.encode(), BOB.encode()))
        wire.send(b"BURL %b\r\nBDAT 5 LAST\r\nend\r\n" % url)
        assert [wire.reply()[:3] for _ in range(4)] == [b"250"] * 4
    with Wire(server.ports["submission"]) as wire:
        wire.hello()
        assert wire.auth(BOB, PASSWORDS[BOB]).startswith(b"235")
        wire.send(b"MAIL FROM:<%b>\r\nRCPT TO:<%b>\r\n" % (BOB.encode(), BOB.encode()))
        wire.send(b"BURL %b LAST\r\n" % url)
        answers = [wire.reply() for _ in range(3)]
        assert answers[-1].startswith(b"554 5.6.6")
    (got,) = letters(server, BOB)
    assert got.endswith(b"\r\n\r\n" + b"x" * 70 + b"\r\nend\r\n")
    assert b"Subject: draft\r\n" in got
    with Wire(server.ports["smtp"]) as wire:
        assert b"BURL" not in wire.ask(b"EHLO client.test")
    empty(server, BOB)


@pytest.mark.parametrize(
    "ending", [b"\n.\n", b"\r.\r", b"\r\n.\n", b"\n.\r\n", b"\r\n.\r", b"\r\r\n.\r\r\n", b"\r"]
)
def test_append_stores_crlf_only(server: Server, imap: Wire, ending: bytes) -> None:
    octets = b"Subject: x\r\n\r\nhi" + ending + b"MAIL FROM:<evil@x.test>\r\n"
    imap.send(b"a APPEND INBOX {%d+}\r\n" % len(octets) + octets + b"\r\n")
    assert imap.imap_answer(b"a")[-1].startswith(b"a OK")
    (stored,) = letters(server)
    lone = stored.replace(b"\r\n", b"")
    assert b"\r" not in lone
    assert b"\n" not in lone
    assert b"MAIL FROM:<evil@x.test>" in stored


def test_append_refuses_nul(server: Server, imap: Wire) -> None:
    octets = b"Subject: x\r\n\r\nh\0i\r\n"
    imap.send(b"a APPEND INBOX {%d+}\r\n" % len(octets) + octets + b"\r\n")
    assert imap.imap_answer(b"a")[-1].startswith(b"a NO")
    assert imap.imap(b"b", b"NOOP")[-1].startswith(b"b OK")
    assert count(server) == 0


def test_an_append_that_is_cut_leaves_nothing(server: Server, imap: Wire) -> None:
    octets = LETTER * 3
    line = b"a APPEND INBOX (\\Seen) {%d+}\r\n" % len(octets) + octets + b"\r\n"
    for cut in [*range(10, len(line) - 2, 17), len(line) - 2, len(line) - 1]:
        with Wire(server.ports["imap"]) as wire:
            wire.imap_login(ALICE, PASSWORDS[ALICE])
            wire.send(line[:cut])
            taken(wire)
    assert imap.imap(b"s", b"STATUS INBOX (MESSAGES)")[0].endswith(b"(MESSAGES 0)")
    assert count(server) == 0
    assert not [path for path in (server.data / "blobs").rglob("*") if path.is_file()]


def test_a_literal_of_append_is_content_and_never_a_command(server: Server, imap: Wire) -> None:
    inside = b"x CREATE Evil\r\ny LOGOUT\r\n"
    imap.send(b"a APPEND INBOX {%d+}\r\n" % len(inside) + inside + b"\r\nb NOOP\r\n")
    assert imap.imap_answer(b"a")[-1].startswith(b"a OK")
    assert imap.imap_answer(b"b")[-1].startswith(b"b OK")
    assert not [line for line in imap.imap(b"l", b'LIST "" "*"') if b"Evil" in line]
    assert letters(server)[0].endswith(inside)


def test_every_octet_of_a_letter_comes_back(server: Server, imap: Wire) -> None:
    body = bytes(octet for octet in range(1, 256) if octet not in {10, 13})
    letter = b"Subject: all\r\n\r\n" + body + b"\r\n..\r\n.x\r\n\r\n"
    with Wire(server.ports["smtp"]).hello() as wire:
        assert wire.deliver(letter.replace(b"\r\n.", b"\r\n..")).startswith(b"250")
    imap.send(b"a APPEND INBOX {%d+}\r\n" % len(letter) + letter + b"\r\n")
    assert imap.imap_answer(b"a")[-1].startswith(b"a OK")
    by_pop3 = letters(server)
    assert by_pop3[1] == letter
    assert by_pop3[0].endswith(letter)
    imap.imap(b"s", b"SELECT INBOX")
    lines = imap.imap(b"f", b"UID FETCH 1:* (BODY.PEEK[])")
    for line, expected in zip(lines, by_pop3, strict=False):
        assert expected in line


def test_lmtp_answers_each_recipient(server: Server) -> None:
    empty(server)
    before = count(server, BOB)
    with Wire(server.ports["lmtp"]) as wire:
        assert wire.ask(b"EHLO c").startswith(b"5")
        assert wire.ask(b"LHLO c.test").startswith(b"250")
        assert wire.ask(b"MAIL FROM:<s@x.test>").startswith(b"250")
        for recipient in (ALICE, BOB, "nobody@rig.test", ALICE):
            wire.ask(f"RCPT TO:<{recipient}>".encode())
        assert wire.ask(b"DATA").startswith(b"354")
        wire.send(LETTER + b".\r\n")
        assert [wire.reply()[:3] for _ in range(3)] == [b"250"] * 3
        assert wire.ask(b"NOOP").startswith(b"250")
        assert wire.ask(b"MAIL FROM:<s@x.test>").startswith(b"250")
        assert wire.ask(b"RCPT TO:<alice@rig.test>").startswith(b"250")
        assert wire.ask(b"RCPT TO:<bob@rig.test>").startswith(b"250")
        assert wire.ask(b"DATA").startswith(b"354")
        wire.send(b"a\nb\r\n.\r\n")  # the bad one is refused to each
        assert [wire.reply()[:9] for _ in range(2)] == [b"550 5.6.0"] * 2
        assert wire.ask(b"DATA").startswith(b"503")
    assert count(server) == 1
    assert count(server, BOB) == before + 1


def test_a_full_mailbox_is_not_overrun_by_a_crowd(server: Server) -> None:
    letter = b"Subject: quota\r\n\r\n" + b"x" * 1_000 + b"\r\n"
    said: list[bytes] = []

    def push() -> None:
        with Wire(server.ports["smtp"]).hello() as wire:
            for _ in range(5):
                wire.ask(b"MAIL FROM:<s@x.test>")
                answer = wire.ask(f"RCPT TO:<{SMALL}>".encode())
                if answer.startswith(b"250"):
                    wire.ask(b"DATA")
                    answer = wire.ask(letter + b".")
                said.append(answer[:9])
                wire.ask(b"RSET")

    threads = [threading.Thread(target=push) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(said) == {b"250 2.0.0", b"452 4.2.2"}
    with Wire(server.ports["pop3"]) as wire:
        wire.pop3_login(SMALL, "canary-small")
        _, number, octets = wire.ask(b"STAT").split()
    taken_in = said.count(b"250 2.0.0")
    assert taken_in <= int(number) <= taken_in + 2  # and the warnings that it is nearly full
    assert int(octets) <= QUOTA + 3_500  # one letter, and the warnings if they come last


def test_reset_and_rude_ends_leave_nothing_behind(server: Server) -> None:
    empty(server)
    big = b"Subject: big\r\n\r\n" + b"y" * 3_000_000
    with Wire(server.ports["smtp"]).hello() as wire:
        for _ in range(5):
            wire.send(b"MAIL FROM:<s@x.test>\r\nRCPT TO:<alice@rig.test>\r\n")
            wire.send(b"BDAT %d\r\n" % len(big) + big + b"RSET\r\n")
            assert [wire.reply()[:3] for _ in range(4)] == [b"250"] * 4
    for _ in range(5):
        with Wire(server.ports["smtp"]).hello() as wire:
            wire.begin()
            wire.send(big)
            taken(wire)
    assert count(server) == 0
    blobs = server.data / "blobs"
    until(lambda: not [path for path in blobs.rglob("*") if path.is_file()], "no file is left")


def test_a_client_that_never_ends_is_cut_at_the_end(tmp_path: Path) -> None:
    settings = "[limits]\ndrain_seconds = 1"
    with running(tmp_path, people=(ALICE,), settings=settings) as server:
        with Wire(server.ports["smtp"]).hello() as wire, Wire(server.ports["imap"]) as deaf:
            wire.begin()
            wire.send(LETTER)
            deaf.imap_login(ALICE, PASSWORDS[ALICE])
            os.kill(server.pid, signal.SIGTERM)
            assert b"250" not in wire.rest()
            assert server.wait(PATIENCE)
        assert server.stop() == 0
        server.start()
        assert count(server) == 0


def test_without_file_descriptors_the_server_lives_on(tmp_path: Path) -> None:
    server = Server(tmp_path, doors=DOORS)
    server.add_account(ALICE, PASSWORDS[ALICE])
    server.start()
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (80, 80))
    try:
        with contextlib.ExitStack() as opened:
            for _ in range(120):
                opened.enter_context(Wire(server.ports["smtp"], greeted=False))

        def serves() -> bool:
            with Wire(server.ports["smtp"]) as wire:
                return wire.greeting.startswith(b"220") and wire.hello().deliver()[:3] == b"250"

        until(serves, "letters are taken again")
        assert count(server) >= 1
    finally:
        assert server.stop() == 0
    log = (server.folder / "server.log").read_text()
    assert "Traceback" not in log
