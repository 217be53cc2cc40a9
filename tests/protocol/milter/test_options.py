"""What is agreed: steps, answers, block sizes, macros; what was not offered is refused."""

import pytest
from hypothesis import given, strategies as st

from postroom.protocol.milter import options
from postroom.protocol.milter.options import Actions, Options, Stage
from postroom.protocol.milter.packets import Malformed


def answer(version: int = 6, actions: int = 0, steps: int = 0, rest: bytes = b"") -> bytes:
    return b"".join([one.to_bytes(4, "big") for one in (version, actions, steps)]) + rest


def test_the_offer() -> None:
    assert options.offer() == bytes.fromhex("00000006 000001ff 301ff7ff")
    assert options.read(options.offer()).actions == Actions(0x1FF)


@pytest.mark.parametrize(
    ("stage", "unwanted", "unanswered"),
    [
        (Stage.CONNECT, 0x1, 0x1000), (Stage.HELO, 0x2, 0x2000), (Stage.MAIL, 0x4, 0x4000),
        (Stage.RCPT, 0x8, 0x8000), (Stage.BODY, 0x10, 0x80000), (Stage.HEADER, 0x20, 0x80),
        (Stage.EOH, 0x40, 0x40000), (Stage.DATA, 0x200, 0x10000),
        (Stage.UNKNOWN, 0x100, 0x20000),
    ],
)  # fmt: skip
def test_steps(stage: Stage, unwanted: int, unanswered: int) -> None:
    assert not options.read(answer(steps=unwanted)).wants(stage)
    assert options.read(answer(steps=unwanted)).answers(stage)
    assert not options.read(answer(steps=unanswered)).answers(stage)
    assert options.read(answer()).wants(stage)
    assert options.read(answer(steps=unwanted)).wants(Stage.END)


def test_old_versions_do_not_know_of_every_step() -> None:
    assert not options.read(answer(version=2)).wants(Stage.UNKNOWN)
    assert options.read(answer(version=3)).wants(Stage.UNKNOWN)
    assert not options.read(answer(version=2)).wants(Stage.DATA)
    assert options.read(answer(version=4)).wants(Stage.DATA)


def test_blocks() -> None:
    assert Options().block == 65_535
    assert options.read(answer(steps=0x10000000)).block == 262_143
    assert options.read(answer(steps=0x20000000)).block == 1_048_575


def test_macros() -> None:
    rest = (2).to_bytes(4, "big") + b"i {auth_authen}, j\0" + (5).to_bytes(4, "big") + b"\0"
    found = options.read(answer(rest=rest)).macros
    assert found == {
        Stage.MAIL: frozenset({b"i", b"{auth_authen}", b"j"}),
        Stage.END: frozenset(),
    }


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "cut off"),
        (answer()[:11], "cut off"),
        (answer(version=1), "version 1"),
        (answer(version=7), "version 7"),
        (answer(actions=0x200), "actions"),
        (answer(steps=0x800), "steps"),
        (answer(rest=b"\0"), "macros"),
        (answer(rest=bytes(4) + b"i"), "macros"),
        (answer(rest=(7).to_bytes(4, "big") + b"i\0"), "macros"),
        (answer(rest=bytes(4) + b"a " * 101 + b"\0"), "macros"),
    ],
)
def test_what_can_not_be_agreed(data: bytes, told: str) -> None:
    with pytest.raises(Malformed, match=told):
        options.read(data)


@given(st.binary(max_size=60))
def test_whatever_it_says(data: bytes) -> None:
    try:
        options.read(data)
    except Malformed as error:
        assert str(error).isprintable()
