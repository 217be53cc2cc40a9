r"""Only CR LF . CR LF ends a message (threats S1, S3, S5), whatever is sent instead.

Each of the endings stands in the middle of a message with a second, forged message behind
it. One transaction must come of it, and nothing of evil@ in a mailbox.
"""

from collections.abc import Iterator

import pytest

from rig.server import Server
from tests.system.wire import ALICE, LETTER, PASSWORDS, Wire, count, letters, running, taken

REFUSED = [
    b"\n.\n",
    b"\n.\r",
    b"\r.\n",
    b"\r.\r",
    b"\n.\r\n",
    b"\r.\r\n",
    b"\r\n\0.\r\n",
    b"\r\n.\n",
    b"\r\n.\r",
    b"\r\n.\r\r\n",
    b"\r\r\n.\r\r\n",
    b"\r\n.\0\r\n",
    b"\r\n.\r\0\n",
    b"\r\0\n.\r\n",
]
TEXT = [b"\r\n.\x0b\r\n", b"\r\n.\xc2\x85\r\n", b"\r\n.\xe2\x80\xa8\r\n", b"\r\n.\x0c\r\n"]
FORGED = (
    b"MAIL FROM:<evil@x.test>\r\nRCPT TO:<alice@rig.test>\r\nDATA\r\n"
    b"From: evil@x.test\r\nSubject: smuggled\r\n\r\nevil\r\n"
)
FRONT = b"From: <s@elsewhere.test>\r\nSubject: front\r\n\r\nhi"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("smuggling")) as server:
        yield server


def alone(wire: Wire) -> None:
    """The session is in order, and no reply was left over."""
    assert wire.ask(b"NOOP").startswith(b"250 2.0.0")
    assert wire.ask(b"DATA").startswith(b"503")
    assert wire.ask(b"QUIT").startswith(b"221")
    assert wire.rest() == b""


@pytest.mark.parametrize("ending", REFUSED)
def test_a_false_ending_is_refused_after_the_true_one(server: Server, ending: bytes) -> None:
    before = count(server)
    with Wire(server.ports["smtp"]).hello() as wire:
        wire.begin()
        assert wire.ask(FRONT + ending + FORGED + b".").startswith(b"550 5.6.0")
        alone(wire)
    assert count(server) == before


@pytest.mark.parametrize("ending", TEXT)
def test_what_only_looks_like_a_line_end_is_text(server: Server, ending: bytes) -> None:
    before = count(server)
    with Wire(server.ports["smtp"]).hello() as wire:
        wire.begin()
        assert wire.ask(FRONT + ending + FORGED + b".").startswith(b"250")
        alone(wire)
    stored = letters(server)
    assert len(stored) == before + 1
    assert stored[-1].endswith(FRONT + ending.replace(b"\r\n.", b"\r\n") + FORGED)
    assert b"Return-Path: <s@elsewhere.test>" in stored[-1]


@pytest.mark.parametrize("ending", [*REFUSED, b"\r\n.\r\n"])
def test_bdat_counts_octets(server: Server, ending: bytes) -> None:
    before = count(server)
    content = FRONT + ending + FORGED
    with Wire(server.ports["smtp"]).hello() as wire:
        wire.send(b"MAIL FROM:<s@elsewhere.test>\r\nRCPT TO:<alice@rig.test>\r\n")
        assert [wire.reply()[:3] for _ in range(2)] == [b"250", b"250"]
        answer = wire.ask(b"BDAT %d LAST\r\n" % len(content) + content[:-2])
        assert answer.startswith(b"250" if ending == b"\r\n.\r\n" else b"550 5.6.0")
        alone(wire)
    assert count(server) == before + (ending == b"\r\n.\r\n")


@pytest.mark.parametrize("ending", REFUSED)
def test_bdat_cut_inside_the_ending(server: Server, ending: bytes) -> None:
    before = count(server)
    content = FRONT + ending + FORGED
    for cut in range(len(FRONT) + 1, len(FRONT) + len(ending)):
        with Wire(server.ports["smtp"]).hello() as wire:
            wire.send(b"MAIL FROM:<s@elsewhere.test>\r\nRCPT TO:<alice@rig.test>\r\n")
            wire.send(b"BDAT %d\r\n" % cut + content[:cut])
            wire.send(b"BDAT %d LAST\r\n" % (len(content) - cut) + content[cut:])
            codes = [wire.reply()[:9] for _ in range(4)]
            assert codes == [b"250 2.1.0", b"250 2.1.5", b"250 2.0.0", b"550 5.6.0"]
            alone(wire)
    assert count(server) == before


@pytest.mark.parametrize("ending", [*REFUSED, *TEXT])
def test_segments_cut_at_every_octet_around_the_ending(server: Server, ending: bytes) -> None:
    expected = b"250" if ending in TEXT else b"550 5.6.0"
    tail = FORGED + b".\r\n"
    whole = FRONT + ending + tail
    near = range(len(FRONT) - 1, len(FRONT) + len(ending) + 2)
    last = range(len(whole) - 5, len(whole))
    with Wire(server.ports["smtp"]).hello() as wire:
        for cut in [*near, *last]:
            wire.begin()
            wire.send(whole[:cut])
            taken(wire)
            assert wire.is_silent()
            wire.send(whole[cut:])
            assert wire.reply().startswith(expected)
            assert wire.ask(b"RSET").startswith(b"250")
        alone(wire)
    assert not [one for one in letters(server) if b"Return-Path: <evil" in one]


def test_a_message_in_single_octets(server: Server) -> None:
    letter = b"Subject: slow\r\n\r\n..a\r\n\r\n.. b\r\n"
    with Wire(server.ports["smtp"]).hello() as wire:
        wire.begin()
        for octet in letter + b".\r":
            wire.send(bytes([octet]))
            taken(wire)
        assert wire.is_silent()
        wire.send(b"\n")
        assert wire.reply().startswith(b"250")
        alone(wire)
    assert letters(server)[-1].endswith(letter.replace(b"\r\n..", b"\r\n."))


@pytest.mark.parametrize("ending", [b"\n.\n", b"\r\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\r"])
def test_submission_mends_line_ends_and_still_sees_one_message(
    server: Server, ending: bytes
) -> None:
    before = count(server)
    with Wire(server.ports["submission"]).hello() as wire:
        assert wire.auth(ALICE, PASSWORDS[ALICE]).startswith(b"235")
        wire.begin(sender=ALICE)
        own = FRONT.replace(b"s@elsewhere.test", ALICE.encode())
        assert wire.ask(own + ending + FORGED + b".").startswith(b"250")
        alone(wire)
    stored = letters(server)
    assert len(stored) == before + 1
    lone = stored[-1].replace(b"\r\n", b"")
    assert b"\r" not in lone
    assert b"\n" not in lone


def test_what_is_pipelined_behind_the_true_end_is_answered_in_order(server: Server) -> None:
    before = count(server)
    with Wire(server.ports["smtp"]).hello() as wire:
        wire.begin()
        wire.send(
            LETTER + b".\r\nNOOP\r\nMAIL FROM:<t@elsewhere.test>\r\nRCPT TO:<v@other.test>\r\n"
            b"RCPT TO:<alice@rig.test>\r\nDATA\r\n"
        )
        said = [wire.reply()[:3] for _ in range(6)]
        assert said == [b"250", b"250", b"250", b"550", b"250", b"354"]
        wire.send(LETTER + b".\r\nVRFY alice\r\nRSET\r\nNOOP\r\nQUIT\r\n")
        said = [wire.reply()[:3] for _ in range(4)]
        assert said == [b"250", b"252", b"250", b"250"]
        assert wire.reply()[:3] == b"221"
    assert count(server) == before + 2


@pytest.mark.parametrize(
    "early",
    [b"Subject: x\r\n\r\nbody\r\n.\r\n", b".\r\n", b"\r\n", b"MAIL FROM:<evil@x.test>\r\n", b"x"],
)
def test_content_before_the_354_is_turned_off(server: Server, early: bytes) -> None:
    before = count(server)
    with Wire(server.ports["smtp"]).hello() as wire:
        wire.send(b"MAIL FROM:<s@elsewhere.test>\r\nRCPT TO:<alice@rig.test>\r\nDATA\r\n" + early)
        assert [wire.reply()[:3] for _ in range(2)] == [b"250", b"250"]
        assert wire.reply().startswith(b"554 5.5.0")
        assert wire.rest() == b""
    assert count(server) == before


def test_talk_before_the_greeting_or_behind_ehlo(server: Server) -> None:
    for lines in (
        b"EHLO c.test\r\nMAIL FROM:<s@x.test>\r\n",
        b"HELO c.test\r\nMAIL FROM:<s@x.test>\r\nRCPT TO:<alice@rig.test>\r\n",
    ):
        with Wire(server.ports["smtp"]) as wire:
            wire.send(lines)
            assert wire.reply().startswith(b"554 5.5.0")
            assert wire.rest() == b""
    with Wire(server.ports["smtp"]) as wire:
        assert wire.ask(b"HELO c.test").startswith(b"250")
        wire.send(b"MAIL FROM:<s@x.test>\r\nRCPT TO:<alice@rig.test>\r\nDATA\r\n")
        assert wire.reply().startswith(b"554 5.5.0")
        assert wire.rest() == b""


@pytest.mark.parametrize(
    "size",
    [
        b"99999999999999999999",
        b"9223372036854775808",
        b"-1",
        b"0x10",
        b"1e3",
        b"5 FIRST",
        b"",
        b"\xd9\xa3",
        b"+5",
        b"5 LAST LAST",
    ],
)
def test_a_chunk_size_that_cannot_be_read_ends_the_connection(server: Server, size: bytes) -> None:
    before = count(server)
    with Wire(server.ports["smtp"]).hello() as wire:
        assert wire.ask(b"MAIL FROM:<s@x.test>").startswith(b"250")
        assert wire.ask(b"RCPT TO:<alice@rig.test>").startswith(b"250")
        wire.send(b"BDAT " + size + b"\r\n" + FORGED + b".\r\nQUIT\r\n")
        assert wire.reply()[:3] in {b"501", b"552"}
        rest = wire.rest()
        assert rest.startswith(b"421 4.5.0 ")
        assert rest.count(b"\n") == 1
    assert count(server) == before


def test_bdat_out_of_order(server: Server) -> None:
    before = count(server)
    with Wire(server.ports["smtp"]).hello() as wire:
        inside = b"QUIT\r\nNOOP\r\n"
        wire.send(b"BDAT %d LAST\r\n" % len(inside) + inside)
        assert wire.reply().startswith(b"503")
        assert wire.ask(b"MAIL FROM:<s@x.test>").startswith(b"250")
        wire.send(b"BDAT %d LAST\r\n" % len(inside) + inside)
        assert wire.reply().startswith(b"503")
        wire.ask(b"RSET")
        assert wire.ask(b"MAIL FROM:<s@x.test>").startswith(b"250")
        assert wire.ask(b"RCPT TO:<alice@rig.test>").startswith(b"250")
        assert wire.ask(b"BDAT 4\r\nab").startswith(b"250")
        assert wire.ask(b"DATA").startswith(b"503")
        assert wire.ask(b"MAIL FROM:<evil@x.test>").startswith(b"503")
        assert wire.ask(b"RCPT TO:<v@other.test>").startswith(b"503")
        assert wire.ask(b"RSET").startswith(b"250")
        assert wire.ask(b"BDAT 0 LAST").startswith(b"503")
        alone(wire)
    assert count(server) == before


def test_a_cut_connection_leaves_no_message(server: Server) -> None:
    before = count(server)
    for lines in (b"BDAT 5\r\nab", b"BDAT 5 LAST\r\nabcd", b"BDAT 5\r\nabcde"):
        with Wire(server.ports["smtp"]).hello() as wire:
            wire.send(b"MAIL FROM:<s@x.test>\r\nRCPT TO:<alice@rig.test>\r\n" + lines)
            taken(wire)
    for cut in (1, 10, len(LETTER), len(LETTER) + 1, len(LETTER) + 2):
        with Wire(server.ports["smtp"]).hello() as wire:
            wire.begin()
            wire.send((LETTER + b".\r\n")[:cut])
            taken(wire)
    assert count(server) == before


def test_an_empty_chunk_ends_a_message(server: Server) -> None:
    before = count(server)
    with Wire(server.ports["smtp"]).hello() as wire:
        wire.send(b"MAIL FROM:<s@x.test>\r\nRCPT TO:<alice@rig.test>\r\n")
        wire.send(b"BDAT %d\r\n" % len(LETTER) + LETTER + b"BDAT 0 LAST\r\n")
        assert [wire.reply()[:3] for _ in range(4)] == [b"250"] * 4
        alone(wire)
    assert count(server) == before + 1


def test_a_chunk_beyond_the_limit_is_swallowed_to_its_end(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("limit")
    settings = "[limits]\nmax_message = 65536"
    with running(folder, people=(ALICE,), settings=settings) as server:
        with Wire(server.ports["smtp"]).hello() as wire:
            assert wire.ask(b"MAIL FROM:<s@x.test> SIZE=65537").startswith(b"552")
            assert wire.ask(b"MAIL FROM:<s@x.test>").startswith(b"250")
            assert wire.ask(b"RCPT TO:<alice@rig.test>").startswith(b"250")
            chunk = b"QUIT\r\n" * 20_000
            wire.send(b"BDAT %d\r\n" % len(chunk) + chunk)
            assert wire.reply().startswith(b"552 5.3.4")
            wire.send(b"BDAT %d LAST\r\n" % len(chunk) + chunk)
            assert wire.reply()[:1] == b"5"
            assert wire.ask(b"RSET").startswith(b"250")
            wire.begin()
            wire.send(b"QUIT\r\n" * 20_000 + b".\r\n")
            assert wire.reply().startswith(b"552 5.3.4")
            assert wire.deliver().startswith(b"250")
            alone(wire)
        assert count(server) == 1
