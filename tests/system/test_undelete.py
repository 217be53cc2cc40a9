"""Deleted by a mail program, had back by a command, beside a running server, on both engines."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.server import DOMAIN, Server
from tests.databases import fresh
from tests.system.wire import ALICE, BOB, PASSWORDS, Wire

DATE = b'"11-Feb-2021 04:05:06 +0000"'


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with contextlib.ExitStack() as stack:
        url = None
        if request.param == "postgres":
            url = stack.enter_context(fresh(request.getfixturevalue("postgres")))
        folder = tmp_path_factory.mktemp("undelete")
        made = Server(folder, doors=("smtp", "imap", "pop3"), database=url)
        for address in (ALICE, BOB):
            made.add_account(address, PASSWORDS[address])
        yield stack.enter_context(made)


@contextlib.contextmanager
def session(server: Server, address: str) -> Iterator[Wire]:
    with Wire(server.ports["imap"]) as wire:
        wire.imap_login(address, PASSWORDS[address])
        yield wire


def does(wire: Wire, command: bytes) -> list[bytes]:
    lines = wire.imap(b"a", command)
    assert lines[-1].startswith(b"a OK"), lines
    return lines[:-1]


def append(wire: Wire, subject: str, mailbox: str = "INBOX", flags: bytes = b"") -> None:
    letter = f"From: Carol <carol@x.test>\r\nSubject: {subject}\r\n\r\nhello\r\n".encode()
    wire.send(b"a APPEND %s (%s) %s {%d}\r\n" % (mailbox.encode(), flags, DATE, len(letter)))
    assert wire.line().startswith(b"+")
    wire.send(letter + b"\r\n")
    assert wire.imap_answer(b"a")[-1].startswith(b"a OK")


def deleted(server: Server, address: str, *options: str) -> list[Any]:
    found: list[Any] = server.json("undelete", "list", address, *options)
    return found


def uid(wire: Wire) -> int:
    """Of the second message."""
    (line,) = does(wire, b"FETCH 2 (UID)")
    return int(line.rstrip(b")").split()[-1])


def test_expunged_messages_come_back_into_an_open_session(server: Server) -> None:
    with session(server, ALICE) as wire, session(server, ALICE) as other:
        append(wire, "kept")
        append(wire, "lost", flags=b"\\Seen \\Flagged $Work")
        does(wire, b"SELECT INBOX")
        lost = uid(wire)
        does(wire, b"STORE 2 +FLAGS.SILENT (\\Deleted)")
        used = server.json("account", "show", ALICE)["used"]
        assert does(wire, b"EXPUNGE")[0] == b"* 2 EXPUNGE"
        assert 0 < server.json("account", "show", ALICE)["used"] < used

        (one,) = deleted(server, ALICE, "--mailbox", "inbox", "--subject", "LOST")
        assert (one["mailbox"], one["sender"]) == ("INBOX", "Carol <carol@x.test>")
        assert one["received"] == "2021-02-11T04:05:06Z"
        assert one["expunged"] < one["until"]
        assert deleted(server, BOB) == []

        does(other, b"SELECT INBOX")
        other.send(b"i IDLE\r\n")
        assert other.line().startswith(b"+")
        restored = server.json("undelete", "restore", ALICE, one["id"])
        assert restored["mailboxes"] == {"INBOX": 1}
        assert other.line() == b"* 2 EXISTS"  # it is told while it waits
        other.send(b"DONE\r\n")
        other.imap_answer(b"i")
        assert server.json("account", "show", ALICE)["used"] == used

        does(wire, b"NOOP")
        fetched = b" ".join(
            does(wire, b"FETCH 2 (FLAGS INTERNALDATE BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        )
        assert uid(wire) > lost
        assert b"Subject: lost" in fetched
        assert b"INTERNALDATE " + DATE in fetched
        for flag in (b"\\Seen", b"\\Flagged", b"$Work"):
            assert flag in fetched
        assert b"\\Deleted" not in fetched
        assert deleted(server, ALICE) == []


def test_close_uid_expunge_delete_and_pop3_keep_copies(server: Server) -> None:
    with session(server, BOB) as wire:
        does(wire, b"CREATE Work/Old")
        for subject in ("one", "two", "three"):
            append(wire, subject)
            append(wire, f"old {subject}", "Work/Old")
        does(wire, b"SELECT INBOX")
        does(wire, b"STORE 1:2 +FLAGS.SILENT (\\Deleted)")
        does(wire, b"UID EXPUNGE 1")
        does(wire, b"CLOSE")
        does(wire, b"DELETE Work/Old")
    with Wire(server.ports["pop3"]) as wire:
        wire.pop3_login(BOB, PASSWORDS[BOB])
        assert wire.ask(b"DELE 1").startswith(b"+OK")
        assert wire.ask(b"QUIT").startswith(b"+OK")
    found = [(one["mailbox"], one["subject"]) for one in reversed(deleted(server, BOB))]
    assert found == [
        ("INBOX", "one"),
        ("INBOX", "two"),
        ("Work/Old", "old one"),
        ("Work/Old", "old two"),
        ("Work/Old", "old three"),
        ("INBOX", "three"),
    ]
    assert server.command("undelete", "restore", BOB, "--all", "--mailbox", "Work/Old") == (
        "3 messages restored: 3 to Work/Old\n"
    )
    with session(server, BOB) as wire:
        assert b"* 3 EXISTS" in does(wire, b"SELECT Work/Old")
        assert b"Work/Old" in b" ".join(does(wire, b'LSUB "" *'))
    purged = server.command("undelete", "purge", BOB, "--all")
    assert purged == "3 messages deleted for good\n"
    assert deleted(server, BOB) == []


def test_moving_leaves_no_copy(server: Server) -> None:
    with session(server, ALICE) as wire:
        before = deleted(server, ALICE)
        append(wire, "moves")
        does(wire, b"SELECT INBOX")
        does(wire, b"MOVE * Archive")
        assert deleted(server, ALICE) == before


def test_commands_work_without_a_server(tmp_path: Path) -> None:
    alone = Server(tmp_path / "alone", doors=())
    alone.add_account(f"dave@{DOMAIN}", "a long password")
    assert deleted(alone, f"dave@{DOMAIN}") == []
    assert alone.command("undelete", "restore", f"dave@{DOMAIN}", "--all") == (
        "0 messages restored\n"
    )
