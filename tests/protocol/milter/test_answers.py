"""Answers: read as they are meant; none can end a line, a field or a command."""

import pytest
from hypothesis import given, strategies as st

from postroom.protocol.milter import answers
from postroom.protocol.milter.answers import (
    AddHeader,
    AddRecipient,
    Answer,
    ChangeHeader,
    ChangeSender,
    InsertHeader,
    Quarantine,
    RemoveRecipient,
    ReplaceBody,
    ReplyCode,
    Word,
)
from postroom.protocol.milter.packets import Malformed

ONE = (1).to_bytes(4, "big")


@pytest.mark.parametrize(
    ("kind", "data", "answer"),
    [
        (b"c", b"", Word.CONTINUE),
        (b"4", b"", Word.SHUTDOWN),
        (b"y", b"550 5.7.1 No way\0", ReplyCode(550, "5.7.1", ("No way",))),
        (b"y", b"450\0", ReplyCode(450, "", ("",))),
        (b"y", b"550 100%% spam\0rest", ReplyCode(550, "", ("100% spam",))),
        (
            b"y",
            b"550-5.7.1 one\r\n550 5.7.1 two\0",
            ReplyCode(550, "5.7.1", ("one", "two")),
        ),
        (b"y", b"550 5.7.1\0", ReplyCode(550, "5.7.1", ("",))),
        (b"y", b"550 a\x07b\xff\0", ReplyCode(550, "", ("a?b\ufffd",))),
        (b"h", b"X\0y\0", AddHeader(b"X", b"y")),
        (b"h", b"X\0a\n\n  \nb\r\n\tc\rd\n\0", AddHeader(b"X", b"a\r\n\tb\r\n\tc\r\n\td")),
        (b"i", ONE + b"X\0y\0", InsertHeader(1, b"X", b"y")),
        (b"m", ONE + b"X\0\0", ChangeHeader(1, b"X", b"")),
        (b"b", b"a\0b", ReplaceBody(b"a\0b")),
        (b"e", b"<>\0", ChangeSender("")),
        (b"e", b"<a@b.test>\0SIZE=1\0", ChangeSender("a@b.test", "SIZE=1")),
        (b"e", b"<a@b.test>\0RET=\r\nFULL\0x\0", ChangeSender("a@b.test", "RET=??FULL")),
        (b"+", b" a@b.test \0", AddRecipient("a@b.test")),
        (b"2", b"<\xc3\xa4@b.test>\0NOTIFY=NEVER\0", AddRecipient("\xe4@b.test", "NOTIFY=NEVER")),
        (b"+", b"<a@b.test>\0NOTIFY=NEVER\0", AddRecipient("a@b.test")),
        (b"-", b"<a@b.test>\0", RemoveRecipient("a@b.test")),
        (b"q", b"odd\r\n\0", Quarantine("odd??")),
    ],
)
def test_answers(kind: bytes, data: bytes, answer: Answer) -> None:
    assert answers.read(kind, data) == answer


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (b"?", b""), (b"l", b""), (b"y", b""), (b"y", b"250 OK\0"), (b"y", b"5500 x\0"),
        (b"y", b"550 4.7.1 x\0"), (b"y", b"550-a\r\n451 b\0"), (b"y", b"550 a\n" * 33),
        (b"h", b""), (b"h", b"X"), (b"h", b"\0y\0"), (b"h", b"X:\0y\0"), (b"h", b"X \0y\0"),
        (b"h", b"\xff\0y\0"), (b"i", b"\0\0\0"), (b"i", ONE), (b"m", ONE + b"X"),
        (b"+", b"a"), (b"+", b"a\r\nb\0"), (b"-", b"a\x7f\0"), (b"e", b"\xff@b\0"), (b"q", b"x"),
    ],
)  # fmt: skip
def test_what_is_no_answer(kind: bytes, data: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        answers.read(kind, data)
    assert str(caught.value).isprintable()


@given(st.sampled_from([b"h", b"i", b"m"]), st.binary(max_size=80))
def test_no_field_ends_early(kind: bytes, value: bytes) -> None:
    data = (b"" if kind == b"h" else ONE) + b"X\0" + value + b"\0"
    found = answers.read(kind, data)
    assert isinstance(found, AddHeader | InsertHeader | ChangeHeader)
    for line in found.value.split(b"\r\n")[1:]:
        assert line[:1] in (b" ", b"\t")
        assert line.strip()
    assert b"\n" not in found.value.replace(b"\r\n", b"")
    assert b"\r" not in found.value.replace(b"\r\n", b"")


def test_the_space_behind_the_colon() -> None:
    assert answers.spaced(AddHeader(b"X", b"y"), keeps=False) == AddHeader(b"X", b" y")
    assert answers.spaced(AddHeader(b"X", b" y"), keeps=False) == AddHeader(b"X", b" y")
    assert answers.spaced(AddHeader(b"X", b"y"), keeps=True) == AddHeader(b"X", b"y")
    assert answers.spaced(ChangeHeader(1, b"X", b""), keeps=False) == ChangeHeader(1, b"X", b"")
    assert answers.spaced(Word.ACCEPT, keeps=False) is Word.ACCEPT
