"""Nothing tells who exists, no secret leaves, no log line is forged (D4, A1, A2, L1, L2)."""

import base64
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.server import Server
from tests.system.wire import ALICE, BOB, LETTER, PASSWORDS, Wire, plain, running

WRONG = "canary-wrong-password-55"
TOPICS = b"EHLO HELO MAIL RCPT DATA BDAT RSET NOOP QUIT HELP VRFY EXPN STARTTLS".split()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("secrets")) as server:
        server.command("account", "add", "zoe@rig.test", "--password-stdin", stdin="zoes-canary\n")
        server.command("alias", "add", "team@rig.test", ALICE, BOB)
        server.command("alias", "add", "ping@rig.test", "pong@rig.test")
        server.command("alias", "add", "out@rig.test", "someone@other.test")
        yield server


# VRFY and EXPN


@pytest.mark.parametrize("verb", [b"VRFY", b"EXPN"])
@pytest.mark.parametrize("door", ["smtp", "submission", "lmtp"])
def test_a_stranger_is_told_the_same_of_all(server: Server, verb: bytes, door: str) -> None:
    with Wire(server.ports[door]) as wire:
        assert wire.ask(b"LHLO c" if door == "lmtp" else b"EHLO c").startswith(b"250")
        asked = (
            b"alice",
            b"alice@rig.test",
            b"<alice@rig.test>",
            b"nobody",
            b"nobody@rig.test",
            b"team@rig.test",
            b"ping@rig.test",
            b"postmaster",
            b"v@other.test",
            b"' OR 1=1--",
            b"*",
        )
        said = {wire.ask(verb + b" " + one) for one in asked}
        assert len(said) == 1
        assert said.pop().startswith(b"252 2.0.0")


def test_who_has_logged_in_is_told(server: Server) -> None:
    with Wire(server.ports["submission"]).hello() as wire:
        assert wire.auth(ALICE, PASSWORDS[ALICE]).startswith(b"235")
        assert wire.ask(b"VRFY bob@rig.test").startswith(b"250 2.1.5")
        assert wire.ask(b"VRFY nobody@rig.test").startswith(b"550 5.1.1")
        assert wire.ask(b"VRFY v@other.test")[:3] in {b"251", b"252", b"551"}
        members = wire.ask(b"EXPN team@rig.test")
        assert members.startswith(b"250-2.1.5")
        assert b"alice@rig.test" in members
        assert b"bob@rig.test" in members
        assert wire.ask(b"EXPN ping@rig.test")[:3] in {b"250", b"550"}
        assert wire.ask(b"VRFY alice\x01").startswith(b"501")
        assert wire.ask(b"VRFY \xff\xff").startswith((b"553", b"501"))
        assert wire.ask(b"VRFY").startswith(b"501")
        assert wire.ask(b"EXPN").startswith(b"501")


def test_questions_leave_the_transaction_alone(server: Server) -> None:
    with Wire(server.ports["submission"]).hello() as wire:
        assert wire.auth(ALICE, PASSWORDS[ALICE]).startswith(b"235")
        assert wire.ask(b"MAIL FROM:<alice@rig.test>").startswith(b"250")
        questions = [b"VRFY bob", b"EXPN team@rig.test", b"HELP", b"HELP MAIL", b"NOOP x", b"VERB"]
        questions += [b"VERB OFF", b"VRFY nobody", b"XYZZY", b"AUTH PLAIN", b"HELP \xff", b"MAIL x"]
        for question in questions:
            wire.ask(question)
            assert wire.ask(b"RCPT TO:<bob@rig.test>")[4:9] == b"2.1.5", question
        assert wire.ask(b"DATA").startswith(b"354")
        own = LETTER.replace(b"someone@elsewhere.test", ALICE.encode())
        assert wire.ask(own + b".").startswith(b"250")


# VERB and HELP


def test_verb_is_not_for_strangers(server: Server) -> None:
    with Wire(server.ports["smtp"]) as wire:
        assert b"VERB" not in wire.ask(b"EHLO c.test")
        assert wire.ask(b"VERB").startswith(b"502 5.7.0")
        assert b"VERB" not in wire.ask(b"HELP")
        assert b"214 2.0.0 You may not use it at this moment" in wire.ask(b"HELP VERB")
        wire.ask(b"MAIL FROM:<s@x.test>")
        assert b"\n" not in wire.ask(b"RCPT TO:<nobody@rig.test>")


def test_verb_gives_reasons_until_it_is_off(server: Server) -> None:
    with Wire(server.ports["submission"]).hello() as wire:
        assert wire.ask(b"VERB").startswith(b"502")
        assert wire.auth(ALICE, PASSWORDS[ALICE]).startswith(b"235")
        assert wire.ask(b"VERB maybe").startswith(b"501")
        assert wire.ask(b"VERB").startswith(b"250")
        wire.ask(b"MAIL FROM:<alice@rig.test>")
        reasons = wire.ask(b"RCPT TO:<team@rig.test>")
        assert reasons.startswith(b"250-2.1.5")
        assert b"\n250 2.1.5 " in reasons
        assert b"\n" in wire.ask(b"RCPT TO:<nobody@rig.test>")
        assert wire.ask(b"VERB OFF").startswith(b"250")
        assert b"\n" not in wire.ask(b"RCPT TO:<team@rig.test>")


def test_help_tells_every_verb_and_no_version(server: Server) -> None:
    with Wire(server.ports["smtp"]).hello() as wire:
        told = wire.ask(b"HELP")
        assert told.startswith(b"214")
        for topic in TOPICS:
            assert topic in told
        for topic in TOPICS:
            text = wire.ask(b"HELP " + topic.lower())
            assert text.startswith(b"214"), topic
            assert b"Example" in text
            told += text
        assert b"0.1" not in told
        assert b"Python" not in told
        assert wire.ask(b"HELP nonsense").startswith(b"504")
        assert wire.ask(b"HELP \x1b[2J")[:1] == b"5"


# logins


def failures(server: Server, login: str) -> list[bytes]:
    """What each door says to a wrong password."""
    said = []
    with Wire(server.ports["submission"]).hello() as wire:
        said.append(wire.auth(login, WRONG))
        wire.ask(b"AUTH LOGIN")
        wire.ask(_base64(login))
        said.append(wire.ask(_base64(WRONG)))
    with Wire(server.ports["imap"]) as wire:
        said += wire.imap(b"a", f'LOGIN "{login}" "{WRONG}"'.encode())
        said += wire.imap(b"b", b"AUTHENTICATE PLAIN " + plain(login, WRONG))
    with Wire(server.ports["pop3"]) as wire:
        said.append(wire.ask(b"USER " + login.encode()))
        said.append(wire.ask(b"PASS " + WRONG.encode()))
        said.append(wire.ask(b"AUTH PLAIN " + plain(login, WRONG)))
    return said


def _base64(text: str) -> bytes:
    return base64.b64encode(text.encode())


def test_a_failed_login_does_not_tell_why(server: Server) -> None:
    known = failures(server, "zoe@rig.test")
    assert known == failures(server, "nobody@rig.test")
    assert known == failures(server, "team@rig.test")
    assert known == failures(server, "nobody@other.test")
    assert known[0].startswith(b"535 5.7.8")


def test_a_connection_has_few_tries(server: Server) -> None:
    with Wire(server.ports["submission"]).hello() as wire:
        said = []
        while answer := wire.auth("nobody@rig.test", WRONG):
            said.append(answer)
            if answer.startswith(b"421"):
                break
        assert len(said) <= 6
    with Wire(server.ports["imap"]) as wire:
        tries = 0
        while wire.imap(b"a", b"LOGIN nobody x")[-1].startswith(b"a NO"):
            tries += 1
            assert tries <= 6
    with Wire(server.ports["pop3"]) as wire:
        tries = 0
        while wire.ask(b"USER nobody").startswith(b"+OK"):
            wire.ask(b"PASS x")
            tries += 1
            assert tries <= 6


@pytest.mark.parametrize(
    "line",
    [b"*", b"!!!", b"AA", b"A" * 13_000, b"", b"AGFsaWNl", b"\xff", b"AAAA AAAA", _base64("\0\0")],
)
def test_a_broken_login_harms_nobody_else(server: Server, line: bytes) -> None:
    good: list[bytes] = []

    def log_in() -> None:
        with Wire(server.ports["submission"]).hello() as wire:
            good.append(wire.auth(ALICE, PASSWORDS[ALICE]))

    threads = [threading.Thread(target=log_in) for _ in range(5)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        with Wire(server.ports["submission"]).hello() as wire:
            assert wire.ask(b"AUTH PLAIN").startswith(b"334")
            assert wire.ask(line)[:3] in {b"500", b"501", b"535"}
            assert wire.ask(b"NOOP").startswith(b"250")
        with Wire(server.ports["imap"]) as wire:
            wire.send(b"a AUTHENTICATE PLAIN\r\n")
            assert wire.line().startswith(b"+")
            wire.send(line + b"\r\n")
            assert wire.line().startswith((b"a BAD", b"a NO", b"* BYE"))
        with Wire(server.ports["pop3"]) as wire:
            assert wire.ask(b"AUTH PLAIN").startswith(b"+ ")
            assert wire.ask(line).startswith(b"-ERR")
    for thread in threads:
        thread.join()
    assert [one[:3] for one in good] == [b"235"] * 5


def test_guesses_of_one_name_do_not_lock_its_owner_out(server: Server) -> None:
    with Wire(server.ports["imap"]) as wire:
        wire.imap_login(BOB, PASSWORDS[BOB])
    for _ in range(3):
        with Wire(server.ports["imap"]) as wire:
            for _ in range(4):
                assert wire.imap(b"a", b"LOGIN bob@rig.test x")[-1].startswith(b"a NO")
    with Wire(server.ports["imap"]) as wire:
        wire.imap_login(BOB, PASSWORDS[BOB])


def test_a_flood_of_passwords_stops_no_mail(server: Server) -> None:
    """Only two passwords are tested at a time, the others wait in line; mail does not (D11)."""
    said: list[bytes] = []

    def guess(number: int) -> None:
        with Wire(server.ports["submission"]).hello() as wire:
            said.extend(wire.auth(f"guess{number}@rig.test", WRONG)[:3] for _ in range(3))

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    with Wire(server.ports["smtp"]).hello() as wire:
        for _ in range(20):
            assert wire.deliver().startswith(b"250")
    for thread in threads:
        thread.join()
    assert set(said) <= {b"535", b"454"}
    assert len(said) == 60
    with Wire(server.ports["imap"]) as wire:
        wire.imap_login(ALICE, PASSWORDS[ALICE])


# loops


def test_an_alias_loop_is_not_made(server: Server) -> None:
    for target in ("ping@rig.test", "pong@rig.test"):
        with pytest.raises(RuntimeError, match="loop"):
            server.command("alias", "add", "pong@rig.test", target)
    with Wire(server.ports["smtp"]).hello() as wire:
        assert wire.ask(b"MAIL FROM:<s@x.test>").startswith(b"250")
        assert wire.ask(b"RCPT TO:<ping@rig.test>").startswith(b"550")


def test_a_letter_that_goes_round_is_refused(server: Server) -> None:
    received = b"Received: from a by b; Mon, 1 Jan 2024 00:00:00 +0000\r\n"
    with Wire(server.ports["smtp"]).hello() as wire:
        assert wire.deliver(received * 99 + LETTER).startswith(b"250")
        assert wire.deliver(received * 100 + LETTER).startswith(b"554 5.4.6")
        assert wire.deliver(received.upper() * 101 + LETTER).startswith(b"554 5.4.6")
        again = b"Delivered-To: alice@rig.test\r\n" + LETTER
        assert wire.deliver(again).startswith(b"554 5.4.6")
        assert wire.deliver(LETTER).startswith(b"250")


# logs


def test_a_client_writes_no_log_lines(server: Server) -> None:
    forged = b'x" reason="rip=1.2.3.4'
    with Wire(server.ports["smtp"]) as wire:
        wire.ask(b"EHLO " + forged)
        wire.send(b"EHLO x\nNov 1 auth failed rip=1.2.3.4\r\n")
        wire.rest()
    with Wire(server.ports["smtp"]).hello(b"x.test") as wire:
        wire.ask(b'MAIL FROM:<"a\\" peer=1.2.3.4"@x.test>')
        wire.ask(b'RCPT TO:<"b\\" peer=1.2.3.4 \\\\"@rig.test>')
        wire.ask(b"HELP \x1b]0;owned\x07")
    for login in ('x"\\,"peer":"1.2.3.4"', "x\x1b[31m", "x\u2028y", "x\x85y", "x peer=1.2.3.4"):
        with Wire(server.ports["submission"]).hello() as wire:
            wire.auth(login, WRONG)
        with Wire(server.ports["imap"]) as wire:
            octets = login.encode()
            wire.imap(b"a", b"LOGIN {%d+}\r\n" % len(octets) + octets + b" x")
    with Wire(server.ports["smtp"]).hello() as wire:
        wire.deliver(b'Message-ID: <a"\r\n\x1b[2Jb@x>\r\n' + LETTER)
    for line in (server.data / "log" / "postroom.jsonl").read_bytes().split(b"\n")[:-1]:
        assert line.decode().isprintable()
        event = json.loads(line)
        assert event.get("peer", "127.0.0.1") in {"127.0.0.1", ""}
        assert len(line) < 16_384
    for text in (server.folder / "server.log").read_text().split("\n")[:-1]:
        assert text.isprintable()
        assert text[:4].isdigit()


def test_no_secret_is_written_anywhere(server: Server) -> None:
    """After all that was said above."""
    for who in (ALICE, BOB):
        with Wire(server.ports["imap"]) as wire:
            wire.imap_login(who, PASSWORDS[who])
            assert wire.imap(b"x", b"XYZZY " + PASSWORDS[who].encode())[-1].startswith(b"x BAD")
        with Wire(server.ports["pop3"]) as wire:
            wire.ask(b"PASS " + PASSWORDS[who].encode())
            wire.pop3_login(who, PASSWORDS[who])
        with Wire(server.ports["submission"]).hello() as wire:
            wire.auth(who, PASSWORDS[who])
            wire.ask(b"AUTH PLAIN " + plain(who, PASSWORDS[who])[:-1])
            wire.ask(b"PASS " + PASSWORDS[who].encode())
    secrets = [WRONG, "zoes-canary", *PASSWORDS.values()]
    encoded = [plain(who, password).rstrip(b"=") for who, password in PASSWORDS.items()]
    needles = [one.encode() for one in secrets] + encoded
    needles += [_base64(one).rstrip(b"=") for one in secrets]
    searched = 0
    for path in [*server.folder.rglob("*"), Path(f"/proc/{server.pid}/cmdline")]:
        if path.is_file() and "furnished" not in path.parts:
            octets = path.read_bytes()
            searched += len(octets)
            assert not [one for one in needles if one in octets], path
    assert searched > 100_000
    assert not Path(f"/proc/{server.pid}/environ").read_bytes().count(b"canary")


def test_all_files_are_private(server: Server) -> None:
    for path in [server.data, *server.data.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path
