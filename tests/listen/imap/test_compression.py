"""The two DEFLATE streams, against zlib as the peer."""

import random
import zlib

import pytest

from postroom.listen.imap.compression import STEP, Compression, CompressionFault


def raw(octets: bytes, *, finish: bool = False) -> bytes:
    """What a client sends for them."""
    deflater = zlib.compressobj(wbits=-15)
    end = zlib.Z_FINISH if finish else zlib.Z_SYNC_FLUSH
    return deflater.compress(octets) + deflater.flush(end)


def inflated(compression: Compression) -> list[bytes]:
    pieces = [compression.inflate()]
    while compression.has_input:
        pieces.append(compression.inflate())
    return pieces


def test_each_answer_can_be_read_at_once() -> None:
    compression = Compression()
    peer = zlib.decompressobj(-15)
    for text in (b"* OK hello\r\n", b"x" * 100_000, b"", b"a OK done\r\n"):
        assert peer.decompress(compression.deflate(text)) == text


@pytest.mark.parametrize("size", [1, STEP - 1, STEP, STEP + 1, 3 * STEP, 10_000_000])
def test_a_bomb_comes_in_steps(size: int) -> None:
    compression = Compression()
    compression.feed(raw(b"x" * size))
    pieces = inflated(compression)
    assert b"".join(pieces) == b"x" * size
    assert max(map(len, pieces)) <= STEP
    assert not compression.has_input


def test_any_cut_of_the_stream_gives_the_same() -> None:
    chance = random.Random(7)
    text = bytes(chance.choices(b"abc \r\n", k=50_000))
    stream = raw(text)
    compression = Compression()
    got = b""
    while stream:
        at = chance.randint(1, 3000)
        compression.feed(stream[:at])
        stream = stream[at:]
        got += b"".join(inflated(compression))
    assert got == text


@pytest.mark.parametrize("octets", [b"a NOOP\r\n", b"\xff" * 10, raw(b"text")[:-4] + b"\0\0\0\0"])
def test_what_is_no_stream_is_a_fault(octets: bytes) -> None:
    compression = Compression()
    with pytest.raises(CompressionFault):
        for _ in range(3):
            compression.feed(octets)
            inflated(compression)


def test_the_end_of_the_streams() -> None:
    compression = Compression()
    peer = zlib.decompressobj(-15)
    compression.feed(raw(b"a UNAUTHENTICATE\r\n", finish=True) + b"plain again\r\n")
    assert inflated(compression) == [b"a UNAUTHENTICATE\r\n"]
    sent = compression.deflate(b"a OK\r\n")
    last, rest = compression.end()
    assert peer.decompress(sent + last) == b"a OK\r\n"
    assert peer.eof
    assert rest == b"plain again\r\n"


def test_nothing_follows_the_end() -> None:
    compression = Compression()
    compression.feed(raw(b"x", finish=True))
    assert inflated(compression) == [b"x"]
    compression.feed(b"")
    with pytest.raises(CompressionFault):
        compression.feed(b"more")
