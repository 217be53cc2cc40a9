"""Our half of a connection: what is sent at each step, and which answers are out of place."""

import pytest

from postroom.protocol.milter import session as milter
from postroom.protocol.milter.answers import AddHeader, ReplyCode, Word
from postroom.protocol.milter.options import Stage
from postroom.protocol.milter.packets import Malformed, pack
from postroom.protocol.milter.session import Session


def agreed(actions: int = 0x1FF, steps: int = 0x400, rest: bytes = b"") -> Session:
    session = Session()
    assert session.offer().startswith(b"\0\0\0\x0dO\0\0\0\x06")
    assert session.is_waiting
    options = b"".join([one.to_bytes(4, "big") for one in (6, actions, steps)])
    session.feed(pack(b"O", options + rest)[:7])
    assert not session.is_agreed()
    session.feed(pack(b"O", options + rest)[7:])
    assert session.is_agreed()
    return session


def test_steps_and_their_answers() -> None:
    session = agreed()
    macros = {b"i": b"abc", b"{none}": b""}
    octets = session.command(Stage.MAIL, milter.path("a@b.test", ["SIZE=1"]), macros)
    assert octets == pack(b"D", b"Mi\0abc\0") + pack(b"M", b"<a@b.test>\0SIZE=1\0")
    assert session.is_waiting
    assert session.answer() is None
    session.feed(pack(b"p") + pack(b"c"))
    assert session.answer() is Word.PROGRESS
    assert session.is_waiting
    assert session.answer() is Word.CONTINUE
    assert not session.is_waiting


def test_steps_that_are_not_wanted_or_not_answered() -> None:
    session = agreed(steps=0x4 | 0x8000)
    assert session.command(Stage.MAIL, b"<>\0", {b"i": b"x"}) == pack(b"D", b"Mi\0x\0")
    assert not session.is_waiting
    assert session.command(Stage.RCPT, b"<a>\0") == pack(b"R", b"<a>\0")
    assert not session.is_waiting


def test_what_is_no_command() -> None:
    session = agreed()
    assert session.command(Stage.UNKNOWN, b"WIZ all\0") == b"\0\0\0\x09UWIZ all\0"
    session.feed(pack(b"y", b"554 5.7.1 No wizards\0"))
    assert session.answer() == ReplyCode(554, "5.7.1", ("No wizards",))
    session = agreed(steps=0x100)
    assert session.command(Stage.UNKNOWN, b"WIZ\0") == b""
    assert not session.is_waiting
    session = agreed(steps=0x20000)
    assert session.command(Stage.UNKNOWN, b"WIZ\0") == pack(b"U", b"WIZ\0")
    assert not session.is_waiting


def test_macros_that_are_asked_for() -> None:
    session = agreed(rest=(2).to_bytes(4, "big") + b"j\0")
    assert session.command(Stage.MAIL, b"", {b"i": b"x", b"j": b"y"}).startswith(
        pack(b"D", b"Mj\0y\0")
    )


def test_data_is_cut_to_what_it_takes() -> None:
    session = agreed()
    octets = session.command(Stage.HEADER, b"X\0" + b"y" * 100_000 + b"\0")
    assert octets == pack(b"L", b"X\0" + b"y" * (65_535 - 3) + b"\0")


@pytest.mark.parametrize(
    ("stage", "said", "actions", "steps"),
    [
        (Stage.MAIL, pack(b"h", b"X\0y\0"), 0x1FF, 0),
        (Stage.END, pack(b"h", b"X\0y\0"), 0x1FE, 0),
        (Stage.END, pack(b"m", b"\0\0\0\1X\0y\0"), 0xF, 0),
        (Stage.END, pack(b"b"), 0x1, 0),
        (Stage.END, pack(b"2", b"a\0"), 0x4, 0),
        (Stage.END, pack(b"s"), 0x1FF, 0x400),
        (Stage.BODY, pack(b"s"), 0x1FF, 0),
        (Stage.END, pack(b"O"), 0x1FF, 0),
    ],
)
def test_answers_out_of_place(stage: Stage, said: bytes, actions: int, steps: int) -> None:
    session = agreed(actions, steps)
    session.command(stage, b"")
    session.feed(said)
    with pytest.raises(Malformed):
        session.answer()


def test_what_was_not_asked_for() -> None:
    session = agreed()
    session.feed(pack(b"c"))
    with pytest.raises(Malformed, match="unasked"):
        session.command(Stage.MAIL, b"")


def test_changes_do_not_end_a_step() -> None:
    session = agreed()
    session.command(Stage.END, b"")
    session.feed(pack(b"h", b"X\0y\0") + pack(b"a"))
    assert session.answer() == AddHeader(b"X", b" y")
    assert session.is_waiting
    assert session.answer() is Word.ACCEPT


def test_no_options_are_a_failure() -> None:
    session = Session()
    session.offer()
    session.feed(pack(b"c"))
    with pytest.raises(Malformed, match="offer"):
        session.is_agreed()


def test_who_is_there() -> None:
    assert milter.connect("mx.test", "192.0.2.1", 25) == b"mx.test\x004\x00\x19192.0.2.1\0"
    assert milter.connect("", "2001:db8::1", 1) == b"[2001:db8::1]\x006\x00\x012001:db8::1\0"
    assert milter.connect("", "", 0) == b"unknown\0U"


def test_values_of_fields() -> None:
    assert milter.header(b"X", b" a\r\n b\r\n", keeps_space=False) == b"X\0a\n b\0"
    assert milter.header(b"X", b" a\r\n", keeps_space=True) == b"X\0 a\0"
    assert milter.header(b"X", b"a\0b\n", keeps_space=True) == b"X\0a b\0"
