"""What people say about their mail counts for the next message: ManageSieve, rules, vacation."""

import contextlib
from collections.abc import Iterator

import pytest

from rig.server import Server
from tests.system.wire import ALICE, BOB, PASSWORDS, Wire, empty, letters, plain, until

OWN = b"""require ["fileinto", "mailbox"];
if header :is "subject" "plan" {
  fileinto :create "Plans";
}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(
        tmp_path_factory.mktemp("filtering"),
        doors=("smtp", "submission", "imap", "pop3", "managesieve"),
    )
    for address in (ALICE, BOB):
        made.add_account(address, PASSWORDS[address])
    with made:
        yield made


@pytest.fixture(autouse=True)
def fresh(server: Server) -> None:
    """Empty INBOXes, and no script that runs."""
    empty(server, ALICE)
    empty(server, BOB)
    server.command("sieve", "deactivate", ALICE)


@contextlib.contextmanager
def sieve(server: Server, address: str = ALICE) -> Iterator[Wire]:
    with Wire(server.ports["managesieve"], greeted=False) as wire:
        assert answer(wire).startswith(b"OK")
        said = ask(wire, b'AUTHENTICATE "PLAIN" "%b"' % plain(address, PASSWORDS[address]))
        assert said.startswith(b"OK"), said
        yield wire


def answer(wire: Wire) -> bytes:
    """The line that ends an answer."""
    while not (line := wire.line()).startswith((b"OK", b"NO", b"BYE")):
        assert line
    return line


def ask(wire: Wire, command: bytes) -> bytes:
    wire.send(command + b"\r\n")
    return answer(wire)


def send(server: Server, subject: str, to: str = ALICE) -> None:
    """By Bob, who is known here."""
    letter = f"From: <{BOB}>\r\nTo: <{to}>\r\nSubject: {subject}\r\n\r\nhello\r\n"
    with Wire(server.ports["submission"]).hello() as wire:
        assert wire.auth(BOB, PASSWORDS[BOB]).startswith(b"235")
        wire.begin(to, BOB)
        assert wire.ask(letter.encode() + b".").startswith(b"250")


def subjects(server: Server, mailbox: str) -> list[str]:
    """Of the messages in a mailbox of Alice, with their flags."""
    with Wire(server.ports["imap"]) as wire:
        wire.imap_login(ALICE, PASSWORDS[ALICE])
        if not wire.imap(b"a", f'EXAMINE "{mailbox}"'.encode())[-1].startswith(b"a OK"):
            return []
        lines = wire.imap(b"b", b"FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        found = []
        for line in lines[:-1]:
            seen = "seen " if b"\\Seen" in line else ""
            found.append(seen + line.partition(b"Subject: ")[2].split(b"\r\n")[0].decode())
        return found


def test_a_script_counts_for_the_next_message_and_no_longer_than_it_is_active(
    server: Server,
) -> None:
    with sieve(server) as wire:
        assert ask(wire, b'PUTSCRIPT "own" {%d+}\r\n%b' % (len(OWN), OWN)) == b"OK"
        send(server, "plan")
        assert subjects(server, "INBOX") == ["plan"]
        assert ask(wire, b'SETACTIVE "own"') == b"OK"
        send(server, "plan")
        assert subjects(server, "Plans") == ["plan"]
        assert ask(wire, b'SETACTIVE ""') == b"OK"
        send(server, "plan")
        assert (subjects(server, "INBOX"), subjects(server, "Plans")) == (["plan"] * 2, ["plan"])


def test_rules_come_before_the_script_and_the_vacation_answers_apart(server: Server) -> None:
    with sieve(server) as wire:
        script = b'require "fileinto"; fileinto "INBOX";'
        assert ask(wire, b'PUTSCRIPT "all" {%d+}\r\n%b' % (len(script), script)) == b"OK"
        assert ask(wire, b'SETACTIVE "all"') == b"OK"
    add = ("rule", "add", ALICE, "--if", "subject", "contains")
    server.command(*add, "news", "--move", "News", "--flag", "seen", "--stop")
    server.command(*add, "both", "--move", "News")
    server.command("vacation", "set", ALICE, "--text", "Back in May.", "--subject", "I am away")
    send(server, "the news")
    send(server, "both of them")
    assert subjects(server, "News") == ["seen the news", "both of them"]
    assert subjects(server, "INBOX") == ["both of them"]
    until(lambda: bool(letters(server, BOB)), "Alice has answered")
    (one,) = letters(server, BOB)  # and only once
    assert b"Subject: I am away\r\n" in one
    assert one.endswith(b"Back in May.\r\n")
    server.command("vacation", "off", ALICE)
    for _ in range(2):
        server.command("rule", "remove", ALICE, "1")
    send(server, "the news")
    assert subjects(server, "INBOX") == ["both of them", "the news"]


def test_a_script_that_fails_keeps_the_message(server: Server) -> None:
    with sieve(server) as wire:
        script = b'require "include"; include "absent";'
        assert ask(wire, b'PUTSCRIPT "broken" {%d+}\r\n%b' % (len(script), script)).startswith(
            b"OK (WARNINGS)"
        )
        assert ask(wire, b'SETACTIVE "broken"') == b"OK"
        send(server, "whatever")
        assert subjects(server, "INBOX") == ["whatever"]
        assert b"X-Sieve-Error: " in letters(server)[0]


def test_no_name_of_a_script_becomes_a_file(server: Server) -> None:
    names = (b"../../x", b"a/../../b", b"/tmp/x", b"..")
    before = set(server.folder.parent.rglob("*"))
    with sieve(server) as wire:
        for name in names:
            assert ask(wire, b'PUTSCRIPT "%b" "keep;"' % name).startswith(b"NO")
            assert ask(wire, b'GETSCRIPT "%b"' % name).startswith(b"NO")
        for name in (b"~root", b"&AC8-"):  # as good as any other
            assert ask(wire, b'PUTSCRIPT "%b" "keep;"' % name) == b"OK"
    found = {path.name for path in set(server.folder.parent.rglob("*")) - before}
    assert not found & {"x", "a", "b", "~root", "&AC8-"}
