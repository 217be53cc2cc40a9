import io
from collections.abc import Callable
from typing import IO

import pytest

from postroom.admin.moving import reading
from postroom.admin.moving.reading import SMALL, read_chunk
from postroom.admin.moving.source import Found, LeftOut


def found(octets: bytes, origin: str = "x") -> Found:
    return Found(origin, lambda: io.BytesIO(octets), len(octets), 0)


def failing(error: BaseException) -> Callable[[], IO[bytes]]:
    def fail() -> IO[bytes]:
        raise error

    return fail


def test_small_messages_are_read_with_line_ends_that_are_right() -> None:
    chunk = read_chunk(iter([found(b"a\nb\rc\r\nd\0")]))
    (one,) = chunk.messages
    assert one.octets == b"a\r\nb\r\nc\r\nd?"
    assert one.has_nul
    assert one.digest == read_chunk(iter([found(b"a\r\nb\nc\nd?")])).messages[0].digest


def test_a_chunk_is_bounded_by_messages_octets_and_large_ones() -> None:
    assert len(read_chunk(iter([found(b"x")] * 1000)).messages) == reading.MOST
    items = iter([found(b"x" * SMALL)] * 1000)
    assert len(read_chunk(items).messages) == reading.MAX_OCTETS // SMALL
    items = iter([found(b"x"), found(b"y" * (SMALL + 1)), found(b"z")])
    chunk = read_chunk(items)
    assert [one.stream is None for one in chunk.messages] == [True, False]
    stream = chunk.messages[1].stream
    assert stream is not None
    assert b"".join(reading.blocks(stream)) == b""
    assert chunk.messages[1].octets == b"y" * (SMALL + 1)
    chunk.close()
    assert stream.closed
    assert [one.octets for one in read_chunk(items).messages] == [b"z"]
    assert not read_chunk(items).messages


def test_what_can_not_be_read_is_left_out() -> None:
    items: list[Found | LeftOut] = [
        found(b"", "empty"),
        Found("io", failing(OSError(5, "Input/output error")), 1, 0),
        Found("end", failing(EOFError()), 1, 0),
        LeftOut("gone", "why"),
    ]
    chunk = read_chunk(iter(items))
    assert [(one.origin, one.reason) for one in chunk.left_out] == [
        ("empty", "it is empty"),
        ("io", "Input/output error"),
        ("end", "EOFError"),
        ("gone", "why"),
    ]
    assert not chunk.messages


def test_a_message_without_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_MESSAGE", 3 * SMALL)
    assert len(list(reading.blocks(io.BytesIO(bytes(3 * SMALL))))) == 3
    with pytest.raises(ValueError, match="larger than 1 GB") as raised:
        list(reading.blocks(io.BytesIO(bytes(3 * SMALL + 1))))
    assert isinstance(raised.value, reading.TROUBLE)
