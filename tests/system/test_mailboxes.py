"""IMAP and POP3 under attack: names, literals, sets, foreign mail (threats D5, D6, I1-I6)."""

import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rig.server import Server
from tests.system.wire import (
    ALICE,
    BOB,
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

Command = Callable[[random.Random, bytes], bytes]

MIB = 1024  # in KiB
CANARIES = {ALICE: b"octets-of-alice-5831", BOB: b"octets-of-bob-2749"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("mailboxes")) as server:
        yield server


@pytest.fixture
def imap(server: Server) -> Iterator[Wire]:
    with Wire(server.ports["imap"]) as wire:
        wire.imap_login(ALICE, PASSWORDS[ALICE])
        yield wire


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize(
    "name",
    [
        b'"../../x"',
        b'"a/../../b"',
        b'"a/./b"',
        b'".."',
        b'"."',
        b'"/etc/passwd"',
        b'"a//b"',
        b'"&AC8-"',
        b'"&AC4ALg-/x"',
        b'"&"',
        b'"&AAA-"',
        b'"a&Jjo!"',
        b'"&U,BTFw-&ZeVnLIqe-"',
        b'"~root"',
        b'"#news.x"',
        b'"a\\\\b"',
        b'"\\\\\\\\h\\\\s"',
        b'""',
        b'"\x01"',
        b'"a\x7f"',
        b'"a*"',
        b'"a%b"',
        b'" a"',
        b"{2}\r\n\r\n",
        b"{3+}\r\na\x00b",
        b"{4+}\r\na\r\nb",
        b'"' + b"x" * 256 + b'"',
        b'"' + b"x/" * 600 + b'y"',
        b"INBOX",
        b"inbox",
    ],
)
def test_a_bad_name_makes_nothing(server: Server, imap: Wire, name: bytes) -> None:
    before, listed = files(server.folder), imap.imap(b"l", b'LIST "" "*"')
    imap.send(b"c CREATE " + name + b"\r\n")
    while (said := imap.line()).startswith(b"+"):
        pass
    said = said if said.startswith(b"c ") else imap.line()
    assert said.startswith((b"c NO", b"c BAD")), said
    assert imap.imap(b"l", b'LIST "" "*"') == listed
    for command in (b"SELECT ", b"DELETE ", b"SUBSCRIBE "):
        if b"{" in name or name.upper() == b"INBOX":
            continue
        assert imap.imap(b"d", command + name)[-1][:4] in {b"d NO", b"d BA"}, command
    made = {one for one in files(server.folder) - before if not one.startswith("data/postroom.db")}
    assert not {one for one in made if "/tmp" not in one and "log" not in one}


def test_hostile_names_come_back_as_one_string(imap: Wire) -> None:
    names = [
        b'"say \\"hi\\" + OK evil"',
        b'"x) {5}"',
        b'"OK [ALERT] x"',
        b'"&2D3eAA-"',
        b'"NIL"',
    ]
    for name in names:
        assert imap.imap(b"c", b"CREATE " + name)[-1].startswith(b"c OK"), name
    lines = imap.imap(b"l", b'LIST "" "*"')
    assert lines[-1].startswith(b"l OK")
    assert all(line.startswith(b"* LIST (") for line in lines[:-1])
    for name in names:
        bare = name[1:-1] if name == b'"&2D3eAA-"' else name
        assert any(line.endswith((b'"/" ' + name, b'"/" ' + bare)) for line in lines), name
        status = imap.imap(b"s", b"STATUS " + name + b" (MESSAGES)")
        assert status[0].startswith(b"* STATUS ")
        assert imap.imap(b"d", b"DELETE " + name)[-1].startswith(b"d OK")


@pytest.mark.parametrize(
    "line",
    [
        b"a LOGIN {4294967296+}\r\n",
        b"a LOGIN {99999999999999999999}\r\n",
        b"a LOGIN {99999999999999999999+}\r\n",
        b"a LOGIN {513+}\r\n",
        b"a LOGIN {8192+}\r\n",
        b"a LOGIN {-1}\r\n",
        b"a LOGIN {0x10}\r\n",
        b'a LIST "" {2000000000}\r\n',
        b"a SEARCH " + b"(" * 100_000 + b"\r\n",
        b"a " + b"A" * 1_000_000 + b"\r\n",
        b"A" * 1_000_000,
        b"a AUTHENTICATE PLAIN " + b"A" * 100_000 + b"\r\n",
    ],
)
def test_bombs_before_login(server: Server, line: bytes) -> None:
    before = resident(server)
    for _ in range(5):
        with Wire(server.ports["imap"]) as wire:
            try:
                wire.send(line)
                said = wire.line()
            except ConnectionError:
                continue
            assert not said.startswith((b"+", b"a OK"))
    assert resident(server) < before + 16 * MIB
    with Wire(server.ports["imap"]) as wire:
        assert wire.imap(b"b", b"NOOP")[-1].startswith(b"b OK")


def test_a_refused_literal_is_never_run(server: Server) -> None:
    inside = b'b LOGIN "' + ALICE.encode() + b'" "' + PASSWORDS[ALICE].encode() + b'"\r\n'
    for head in (b"a LOGIN {%d+}\r\n" % 4096, b"a XYZZY {%d+}\r\n" % 4096):
        with Wire(server.ports["imap"]) as wire:
            wire.send(head + inside * 30)
            assert b"b OK" not in wire.rest()
    with Wire(server.ports["imap"]) as wire:
        wire.imap_login(ALICE, PASSWORDS[ALICE])
        letter = b"x DELETE Drafts\r\n" * 10
        wire.send(b"a APPEND nowhere {%d+}\r\n" % len(letter) + letter + b"\r\n")
        assert wire.line().startswith(b"a NO [TRYCREATE]")
        assert wire.imap(b"b", b"NOOP")[-1].startswith(b"b OK")


@pytest.mark.parametrize(
    "command",
    [
        b"SEARCH " + b"(" * 500_000,
        b"SEARCH " + b"NOT " * 200_000 + b"ALL",
        b"SEARCH " + b"OR " * 200_000 + b"ALL ALL",
        b"FETCH 1:4294967295 (FLAGS)",
        b"FETCH " + b"1," * 200_000 + b"1 (FLAGS)",
        b"UID FETCH 1:4294967295,1:4294967295,1:* (UID)",
        b"UID SEARCH UID " + b"1:4294967295," * 50_000 + b"1",
        b"FETCH 0 FLAGS",
        b"FETCH 4294967296 FLAGS",
        b"FETCH 1:*:* FLAGS",
        b"FETCH 1 (BODY[" + b"1." * 100_000 + b"1])",
        b"FETCH 1 (BODY[]<4294967296.1>)",
        b"FETCH 1 (BODY[]<0.0>)",
        b"FETCH 1 (" + b"FLAGS " * 100_000 + b"FLAGS)",
        b"FETCH 1 (BODY[HEADER.FIELDS (" + b"X " * 100_000 + b"X)])",
        b'LIST "" "' + b"*%" * 400 + b'x"',
        b'LIST "" "' + b"*" * 500_000 + b'"',
        b"STATUS INBOX (" + b"MESSAGES " * 50_000 + b"MESSAGES)",
        b"STORE 1 FLAGS (" + b" ".join(b"k%d" % n for n in range(20_000)) + b")",
        b"SEARCH CHARSET X-NONE TEXT a",
        b"SEARCH TEXT {2000000000}",
        b'SEARCH SUBJECT "' + b"\xff" * 1000 + b'"',
    ],
)
def test_bombs_after_login(server: Server, command: bytes) -> None:
    with Wire(server.ports["smtp"]).hello() as smtp:
        assert smtp.deliver().startswith(b"250")
    with Wire(server.ports["imap"]) as wire:
        wire.imap_login(ALICE, PASSWORDS[ALICE])
        assert wire.imap(b"s", b"SELECT INBOX")[-1].startswith(b"s OK")
        before = resident(server)
        try:
            said = wire.imap(b"a", command)
        except ConnectionError:
            said = [b"* BYE"]
        assert said[-1][:4] in {b"a OK", b"a NO", b"a BA", b"* BY", b""}, said[-1]
        assert resident(server) < before + 32 * MIB
    with Wire(server.ports["imap"]) as wire:
        wire.imap_login(ALICE, PASSWORDS[ALICE])
        assert wire.imap(b"s", b"SELECT INBOX")[-1].startswith(b"s OK")


def test_many_literals_at_a_time_hold_little_memory(server: Server) -> None:
    before = resident(server)
    wires = [Wire(server.ports["imap"]) for _ in range(150)]
    try:
        for wire in wires:
            wire.send(b"a LOGIN {512+}\r\n" + b"x" * 511)
        for wire in wires:
            taken(wire)
        assert resident(server) < before + 32 * MIB
        with Wire(server.ports["imap"]) as other:
            other.imap_login(ALICE, PASSWORDS[ALICE])
    finally:
        for wire in wires:
            wire.socket.close()


HOSTILE_HEADERS = (
    b'From: "a\\") (\\"b" <x@y.test>\r\n'
    b'To: "x\\\\" <q@z.test>, =?utf-8?q?=0D=0A*_1_FETCH_=28FLAGS_=28=29=29?= <r@z.test>\r\n'
    b"Cc: undisclosed:;, (comment {5}) <c@z.test>\r\n"
    b'Subject: {10}\r\n\t* BYE evil "quoted" \\ =?utf-8?b?DQoqIEJZRQ0K?=\r\n'
    b'Message-ID: <a"b\\c)(@x>\r\n'
    b"In-Reply-To: * OK [ALERT] x\r\n"
    b'Content-Type: text/plain; name="a\\"b) (\\\\"; x={9}\r\n'
    b"Content-Disposition: attachment; filename*=utf-8''%0D%0A*%20BYE\r\n"
    b'Content-ID: \xff\xfe\x80 ("\r\n'
    b"Content-Description: {3}\xc3\r\n"
    b"\r\nbody\r\n"
)


def test_stored_headers_inject_nothing(server: Server, imap: Wire) -> None:
    empty(server)
    with Wire(server.ports["smtp"]).hello() as smtp:
        assert smtp.deliver(HOSTILE_HEADERS).startswith(b"250")
    assert imap.imap(b"s", b"SELECT INBOX")[-1].startswith(b"s OK")
    for items in (b"ENVELOPE", b"BODYSTRUCTURE", b"BODY", b"(ENVELOPE BODYSTRUCTURE FLAGS UID)"):
        lines = imap.imap(b"f", b"FETCH 1 " + items)
        assert len(lines) == 2, lines
        assert lines[0].startswith(b"* 1 FETCH (")
        assert balanced(lines[0][10:]), lines[0]
        assert lines[1].startswith(b"f OK")
    lines = imap.imap(b"f", b'FETCH 1 (BODY[HEADER.FIELDS (SUBJECT "a)b" {3+}\r\nx]y)])')
    assert lines[-1].startswith((b"f OK", b"f BAD"))


def balanced(text: bytes) -> bool:
    """One parenthesised list of strings, literals and atoms, and nothing behind it."""
    depth = at = 0
    while at < len(text):
        letter = text[at : at + 1]
        if letter == b'"':
            at += 1
            while text[at : at + 1] != b'"':
                if text[at : at + 1] in {b"\r", b"\n", b""}:
                    return False
                at += 2 if text[at : at + 1] == b"\\" else 1
        elif letter == b"{":
            end = text.index(b"}\r\n", at)
            at = end + 2 + int(text[at + 1 : end])
        elif letter in {b"\r", b"\n"}:
            return False
        depth += (letter == b"(") - (letter == b")")
        at += 1
        if depth == 0 and at < len(text):
            return False
    return depth == 0


def test_two_people_see_nothing_of_each_other(server: Server) -> None:
    empty(server)
    empty(server, BOB)
    seen: dict[str, bytes] = {}
    faults: list[str] = []

    def live(who: str, seed: int) -> None:
        try:
            seen[who] = seen.get(who, b"") + wander(server, who, random.Random(seed))
        except Exception as error:  # noqa: BLE001 - told by the main thread
            faults.append(f"{who}: {error!r}")

    threads = [
        threading.Thread(target=live, args=(who, seed)) for seed in (1, 2) for who in (ALICE, BOB)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert CANARIES[ALICE] in seen[ALICE]
    assert CANARIES[BOB] in seen[BOB]
    assert CANARIES[BOB] not in seen[ALICE]
    assert CANARIES[ALICE] not in seen[BOB]
    for who, other in ((ALICE, BOB), (BOB, ALICE)):
        assert all(CANARIES[other] not in one for one in letters(server, who))


def wander(server: Server, who: str, chance: random.Random) -> bytes:
    """Random commands of one person, also with numbers and names of the other."""
    canary = CANARIES[who]
    heard = []
    with Wire(server.ports["imap"]) as wire:
        wire.imap_login(who, PASSWORDS[who])
        wire.imap(b"s", b"SELECT INBOX")
        for step in range(250):
            command = chance.choice(COMMANDS)(chance, canary)
            wire.send(b"t%d " % step + command + b"\r\n")
            heard += wire.imap_answer(b"t%d" % step)
            assert heard[-1], (command, heard[-3:])
            if heard[-1][len(b"t%d " % step) :].startswith(b"BAD"):
                wire.imap(b"s", b"SELECT INBOX")
        wire.imap(b"s", b"SELECT INBOX")
        heard += wire.imap(b"z", b"FETCH 1:* (BODY.PEEK[])")
    return b"\n".join(heard)


def _append(chance: random.Random, canary: bytes) -> bytes:
    octets = b"Subject: %s\r\nFrom: <%s@x.test>\r\n\r\n%s\r\n" % (canary, canary, canary)
    box = chance.choice([b"INBOX", b"Drafts", b"Sent", b"shared"])
    return b"APPEND %s {%d+}\r\n%s" % (box, len(octets), octets)


def _uid(chance: random.Random, _: bytes) -> bytes:
    return b"UID FETCH %d:%d (BODY.PEEK[] ENVELOPE)" % (
        chance.randrange(1, 40),
        chance.choice([chance.randrange(1, 100), 4_294_967_295]),
    )


def _box(verb: bytes) -> Command:
    names = [b"INBOX", b"Drafts", b"shared", b'"bob@rig.test/INBOX"', b'"user/alice"', b"Sent"]
    return lambda chance, _: verb % chance.choice(names)


COMMANDS: list[Command] = [
    _append,
    _append,
    _uid,
    _uid,
    _box(b"CREATE %s"),
    _box(b"SELECT %s"),
    _box(b"EXAMINE %s"),
    _box(b"STATUS %s (MESSAGES UNSEEN UIDNEXT)"),
    _box(b"COPY 1:3 %s"),
    _box(b"UID MOVE 1:2 %s"),
    lambda chance, _: b'LIST "" "*"',
    lambda chance, _: b'LSUB "" "*"',
    lambda chance, _: b"FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE)",
    lambda chance, _: b"UID SEARCH BODY octets-of",
    lambda chance, _: b"SEARCH SUBJECT octets",
    lambda chance, canary: b"UID STORE 1:5 +FLAGS (%s)" % canary,
    lambda chance, _: b"STORE 1 +FLAGS (\\Deleted)",
    lambda chance, _: b"EXPUNGE",
    lambda chance, _: b"NOOP",
    lambda chance, _: b'GETQUOTAROOT "bob@rig.test"',
    lambda chance, _: b"FETCH 1:5 (BODY[HEADER.FIELDS (SUBJECT)] BODY[1])",
]


def test_pop3_deletes_at_quit_only(server: Server) -> None:
    """The session is cut at every octet before the end of QUIT."""
    empty(server, BOB)
    with Wire(server.ports["smtp"]).hello() as smtp:
        for _ in range(2):
            assert smtp.deliver(LETTER, recipient=BOB).startswith(b"250")
    login = b"USER %s\r\nPASS %s\r\n" % (BOB.encode(), PASSWORDS[BOB].encode())
    lines = login + b"DELE 1\r\nDELE 2\r\nQUIT\r\n"
    for cut in range(len(login), len(lines) - 1):
        with Wire(server.ports["pop3"]) as wire:
            wire.send(lines[:cut])
            taken(wire)
    with Wire(server.ports["pop3"]) as wire:  # reset instead of an orderly end
        wire.send(lines[:-6])
        assert [wire.reply()[:3] for _ in range(4)] == [b"+OK"] * 4
        taken(wire)
    assert count(server, BOB) == 2
    with Wire(server.ports["pop3"]) as wire:
        wire.send(lines)
        assert [wire.reply()[:3] for _ in range(5)] == [b"+OK"] * 5
        assert wire.rest() == b""
    assert count(server, BOB) == 0


def test_pop3_takes_odd_commands_calmly(server: Server) -> None:
    empty(server, BOB)
    with Wire(server.ports["smtp"]).hello() as smtp:
        assert smtp.deliver(LETTER, recipient=BOB).startswith(b"250")
    for number in (b"0", b"2", b"-1", b"99999999999999999999", b"1 x", b"", b"\xd9\xa1", b"1e0"):
        for verb in (b"RETR ", b"DELE ", b"LIST " if number else b"DELE ", b"TOP "):
            with Wire(server.ports["pop3"]) as wire:
                wire.pop3_login(BOB, PASSWORDS[BOB])
                said = wire.ask(verb + number)
                top = verb == b"TOP " and number == b"1 x"
                assert said.startswith(b"-ERR") or top, (verb, number, said)
                assert wire.ask(b"STAT").startswith(b"+OK 1 ")
                assert wire.ask(b"QUIT").startswith(b"+OK")
    for line in (
        b"x" * 1_000_000 + b"\r\n",
        b"\0\0\0\r\n",
        b"USER " + b"a" * 300 + b"\r\n",
        b"\xff\r\n",
    ):
        with Wire(server.ports["pop3"]) as wire:
            try:
                wire.send(line)
                assert wire.line().startswith(b"-ERR") or line.startswith(b"USER")
            except ConnectionError:
                pass
    assert count(server, BOB) == 1


def test_uidvalidity_is_new_when_a_name_comes_back(imap: Wire) -> None:
    def validity() -> int:
        line = imap.imap(b"s", b"STATUS again (UIDVALIDITY)")[0]
        return int(line.rstrip(b")").split()[-1])

    seen = set()
    for _ in range(3):
        assert imap.imap(b"c", b"CREATE again")[-1].startswith(b"c OK")
        seen.add(validity())
        assert imap.imap(b"d", b"DELETE again")[-1].startswith(b"d OK")
    assert len(seen) == 3


def test_idle_floods_are_bounded(server: Server) -> None:
    """A client that idles and does not read, while mail comes in."""
    empty(server)
    with Wire(server.ports["imap"]) as idler:
        idler.imap_login(ALICE, PASSWORDS[ALICE])
        assert idler.imap(b"s", b"SELECT INBOX")[-1].startswith(b"s OK")
        idler.send(b"i IDLE\r\n")
        assert idler.line().startswith(b"+")
        with Wire(server.ports["smtp"]).hello() as smtp:
            for _ in range(100):
                assert smtp.deliver().startswith(b"250")
        seen: list[bytes] = []

        def told() -> bool:
            seen.append(idler.line())
            return seen[-1] == b"* 100 EXISTS"

        until(told, "all 100 are told")
        assert len(seen) <= 300
        idler.send(b"DONE\r\n")
        assert idler.imap_answer(b"i")[-1].startswith(b"i OK")
