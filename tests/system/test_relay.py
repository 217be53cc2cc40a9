"""No open relay in any spelling (threats R1-R11), on every door that takes mail.

When all of them are through, nothing has been queued or stored: the server's fixture says so.
"""

from collections.abc import Iterator

import pytest

from rig.server import Server
from tests.system.wire import ALICE, BOB, PASSWORDS, Wire, count, running

STRANGERS = [
    # what a stranger says, the code and the status of the answer
    (b"<v@other.test>", b"550 5.7.1"),
    (b"<V@OTHER.TEST>", b"550 5.7.1"),
    (b"<v@other.test.>", b"55"),
    (b"<v%other.test@rig.test>", b"550 5.1.1"),
    (b"<v%other.test@RIG.test>", b"550 5.1.1"),
    (b"<v%other.test%rig.test@rig.test>", b"550 5.1.1"),
    (b"<@rig.test:v@other.test>", b"550 5.7.1"),
    (b"<@rig.test,@b.test:v@other.test>", b"550 5.7.1"),
    (b"<@rig.test:@rig.test:v@other.test>", b"55"),
    (b"<other.test!v@rig.test>", b"550 5.1.1"),
    (b"<rig.test!v@other.test>", b"550 5.7.1"),
    (b'<"v@other.test"@rig.test>', b"550 5.1.1"),
    (b'<"v%other.test"@rig.test>', b"550 5.1.1"),
    (b'<"other.test!v"@rig.test>', b"550 5.1.1"),
    (b'<"@other.test:v"@rig.test>', b"550 5.1.1"),
    (b"<v@other.test@rig.test>", b"55"),
    (b"<v@rig.test@other.test>", b"55"),
    (b"<v@other.test,rig.test>", b"55"),
    (b"<v@other.test:25@rig.test>", b"55"),
    (b"<v@[127.0.0.1]>", b"550 5.7.1"),
    (b"<v@[IPv6:::1]>", b"550 5.7.1"),
    (b"<alice@[127.0.0.1]>", b"550 5.7.1"),
    (b"<alice@127.0.0.1>", b"55"),
    (b"<alice@2130706433>", b"55"),
    (b"<alice@rig.test.evil.test>", b"550 5.7.1"),
    (b"<alice@evilrig.test>", b"550 5.7.1"),
    (b"<alice@sub.rig.test>", b"550 5.7.1"),
    (b"<alice@localhost>", b"550 5.7.1"),
    (b"<alice@mail.rig.test>", b"550 5.7.1"),
    (b'<""@rig.test>', b"55"),
    (b"<@rig.test>", b"50"),
    (b"<>", b"50"),
    (b"< alice@rig.test>", b"55"),
    (b"<alice@rig.test >", b"55"),
    (b"v@other.test", b"501"),
    (b"<v@other.test", b"501"),
    (b"<<v@other.test>>", b"5"),
    (b"<alice@rig.test> <v@other.test>", b"5"),
    (b"<alice@rig.test>,<v@other.test>", b"501"),
    (b"<alice@rig.test>\t<v@other.test>", b"501"),
    (b"|/bin/sh@rig.test>", b"501"),
    (b"<|/bin/sh>", b"5"),
    (b"</etc/passwd@rig.test>", b"550 5.1.1"),
    (b"<;id;@rig.test>", b"55"),
    (b"<${run{id}}@rig.test>", b"550 5.1.1"),
    (b"<' OR 1=1--@rig.test>", b"5"),
    (b'<"\' OR 1=1--"@rig.test>', b"550 5.1.1"),
    (b"<*)(uid=*@rig.test>", b"55"),
    (b"<%@rig.test>", b"550 5.1.1"),
    (b"<_lice@rig.test>", b"550 5.1.1"),
    (b"<*@rig.test>", b"550 5.1.1"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("relay")) as server:
        yield server
        assert server.json("queue", "list") == []
        assert count(server) == count(server, BOB) == 0
        accounts = {one["address"] for one in server.json("account", "list")}
        # RCPT TO:<Postmaster> makes the holding mailbox; nothing else may have appeared.
        assert accounts - {"postmaster@rig.test"} == {ALICE, BOB}


@pytest.mark.parametrize("door", ["smtp", "lmtp"])
@pytest.mark.parametrize(("recipient", "answer"), STRANGERS)
def test_a_stranger_reaches_nobody_elsewhere(
    server: Server, door: str, recipient: bytes, answer: bytes
) -> None:
    hello = b"LHLO" if door == "lmtp" else b"EHLO"
    with Wire(server.ports[door]) as wire:
        assert wire.ask(hello + b" c.test").startswith(b"250")
        assert wire.ask(b"MAIL FROM:<a@x.test>").startswith(b"250")
        assert wire.ask(b"RCPT TO:" + recipient).startswith(answer)
        assert wire.ask(b"DATA").startswith(b"503")
        assert wire.ask(b"QUIT").startswith(b"221")


@pytest.mark.parametrize(
    "sender", [b"", b"postmaster@rig.test", b"alice@rig.test", b"a@[IPv6:::1]"]
)
def test_the_sender_opens_no_door(server: Server, sender: bytes) -> None:
    with Wire(server.ports["smtp"]) as wire:
        wire.hello(b"rig.test")
        assert wire.ask(b"MAIL FROM:<" + sender + b">").startswith(b"250")
        assert wire.ask(b"RCPT TO:<v@other.test>").startswith(b"550 5.7.1")


@pytest.mark.parametrize(
    "recipient",
    [
        b"<@evil.test:alice@rig.test>",
        b"<@evil.test,@worse.test:alice@rig.test>",
        b"<alice@RIG.Test>",
        b"<ALICE@rig.test>",
        b'<"alice"@rig.test>',
        b'<"al\\ice"@rig.test>',
        b"<Postmaster>",
        b"<postmaster@rig.test>",
    ],
)
def test_all_spellings_of_ours_are_ours(server: Server, recipient: bytes) -> None:
    with Wire(server.ports["smtp"]) as wire:
        wire.hello()
        assert wire.ask(b"MAIL FROM:<a@x.test>").startswith(b"250")
        assert wire.ask(b"RCPT TO:" + recipient).startswith(b"250")


@pytest.mark.parametrize(
    "lines",
    [
        b"PROXY TCP4 10.0.0.1 10.0.0.2 4000 25\r\n",
        b"\r\n\r\n\0\r\nQUIT\n!\x11\0\x0c\x0a\0\0\x01\x0a\0\0\x02\x0f\xa0\0\x19",
        b"XCLIENT ADDR=127.0.0.1 LOGIN=alice\r\n",
        b"XFORWARD ADDR=127.0.0.1\r\n",
        b"XEXCH50 1 1\r\n",
        b"ETRN rig.test\r\n",
        b"ETRN ' OR 1=1--\r\n",
        b"TURN\r\n",
        b"XAUTH alice\r\n",
    ],
)
def test_nobody_can_say_to_be_another(server: Server, lines: bytes) -> None:
    with Wire(server.ports["smtp"]) as wire:
        wire.send(lines)
        assert wire.reply()[:1] == b"5"
    with Wire(server.ports["smtp"]) as wire:
        wire.hello()
        wire.send(lines + b"MAIL FROM:<a@x.test>\r\nRCPT TO:<v@other.test>\r\nQUIT\r\n")
        said = wire.rest()
        assert b"235" not in said
        assert b"550 5.7.1" in said or b"\r\n250 2.1.5" not in said


def test_a_wrong_authzid_is_no_login(server: Server) -> None:
    with Wire(server.ports["submission"]) as wire:
        wire.hello()
        assert wire.auth(BOB, PASSWORDS[BOB], authzid=ALICE).startswith(b"535 5.7.8")
        assert wire.auth(BOB, PASSWORDS[BOB], authzid="root").startswith(b"535 5.7.8")
        assert wire.ask(b"MAIL FROM:<bob@rig.test>").startswith(b"530")
        assert wire.auth(BOB, PASSWORDS[BOB], authzid=BOB.upper()).startswith(b"235")


@pytest.mark.parametrize(
    "sender",
    [
        b"<alice@rig.test>",
        b'<"alice"@rig.test>',
        b"<ALICE@RIG.TEST>",
        b"<@bob.test:alice@rig.test>",
        b"<postmaster@rig.test>",
        b"<ceo@bank.test>",
        b"<bob@rig.test.evil.test>",
    ],
)
def test_who_has_logged_in_sends_in_the_own_name(server: Server, sender: bytes) -> None:
    with Wire(server.ports["submission"]) as wire:
        wire.hello()
        assert wire.auth(BOB, PASSWORDS[BOB]).startswith(b"235")
        assert wire.ask(b"MAIL FROM:" + sender).startswith(b"553 5.7.1")
        assert wire.ask(b"RCPT TO:<v@other.test>").startswith(b"503")


def test_who_has_logged_in_may_relay_but_percent_stays_a_letter(server: Server) -> None:
    with Wire(server.ports["submission"]) as wire:
        wire.hello()
        assert wire.auth(BOB, PASSWORDS[BOB]).startswith(b"235")
        assert wire.ask(b"MAIL FROM:<bob@rig.test>").startswith(b"250")
        assert wire.ask(b"RCPT TO:<v%other.test@rig.test>").startswith(b"550 5.1.1")
        assert wire.ask(b"RCPT TO:<v@other.test>").startswith(b"250")


def test_submission_without_a_login_takes_nothing(server: Server) -> None:
    for door in ("submission", "submissions"):
        with Wire(server.ports[door], tls=door == "submissions") as wire:
            wire.hello()
            assert wire.ask(b"MAIL FROM:<alice@rig.test>").startswith(b"530 5.7.0")
            assert wire.ask(b"RCPT TO:<bob@rig.test>").startswith(b"503")
            assert wire.ask(b"DATA").startswith(b"503")
            assert wire.ask(b"BDAT 2 LAST\r\nhi").startswith((b"503", b"530"))


@pytest.mark.parametrize(
    "login", ["' OR 1=1--", "*)(uid=*", "${run{id}}", ";id;", "alice@rig.test'--", "%", "\x1b[2J"]
)
def test_a_login_name_is_no_program(server: Server, login: str) -> None:
    with Wire(server.ports["submission"]) as wire:
        wire.hello()
        assert wire.auth(login, "x").startswith((b"535", b"501"))
    with Wire(server.ports["imap"]) as wire:
        quoted = login.replace("\\", "\\\\").replace('"', '\\"').encode()
        assert wire.imap(b"a", b'LOGIN "' + quoted + b'" x')[-1][:4] in {b"a NO", b"a BA"}
    with Wire(server.ports["pop3"]) as wire:
        wire.ask(b"USER " + login.encode())
        assert wire.ask(b"PASS x").startswith(b"-ERR")


def test_commands_in_an_address_never_leave_it(server: Server) -> None:
    for recipient in (
        b"<a@b.test>\rRCPT TO:<x@y.test>",
        b"<a@b.test>\nRCPT TO:<x@y.test>",
        b"<a@b.test\0>",
        b'<"a\rb"@b.test>',
        b'<"a\nb"@b.test>',
        b"<a\xc2\x85b@b.test>",
    ):
        with Wire(server.ports["submission"]) as wire:
            wire.hello()
            assert wire.auth(BOB, PASSWORDS[BOB]).startswith(b"235")
            assert wire.ask(b"MAIL FROM:<bob@rig.test>").startswith(b"250")
            wire.send(b"RCPT TO:" + recipient + b"\r\n")
            assert wire.reply()[:1] == b"5"


def test_a_sender_with_controls_is_refused(server: Server) -> None:
    for path in (b"<a\0b@x.test>", b"<a\x1bb@x.test>", b"<\xc3@x.test>", b"<a@\xff.test>"):
        with Wire(server.ports["smtp"]) as wire:
            wire.hello()
            assert wire.ask(b"MAIL FROM:" + path)[:3] in {b"501", b"553"}
            assert wire.ask(b"RCPT TO:<alice@rig.test>").startswith(b"503")
            assert wire.ask(b"VRFY alice").startswith(b"252")


def test_a_stolen_envelope_parameter_changes_nothing(server: Server) -> None:
    for parameter in (b"AUTH=alice@rig.test", b"AUTH=<>", b"XOORG=rig.test", b"SIZE=-1"):
        with Wire(server.ports["smtp"]) as wire:
            wire.hello()
            wire.ask(b"MAIL FROM:<a@x.test> " + parameter)
            assert not wire.ask(b"RCPT TO:<v@other.test>").startswith(b"2")
