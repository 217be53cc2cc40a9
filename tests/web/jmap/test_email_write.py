"""What methods that write Emails share: base64 of pieces, whatever their cut, and sizes."""

import asyncio
import base64
from collections.abc import AsyncIterator

from hypothesis import given, strategies as st

from postroom.web.jmap.blobs import Blob
from postroom.web.jmap.body_write import Quoted
from postroom.web.jmap.email_write import seed, size_of, written


@given(st.lists(st.binary(max_size=200), max_size=8), st.booleans())
def test_blobs_are_written_into_the_message(cuts: list[bytes], is_whole: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for one in cuts:
            yield one

    octets = b"".join(cuts)
    blob = Blob(len(octets), "a/b", pieces)
    parts: list[bytes | Quoted] = [b"<", Quoted("U1", is_whole), b">"]

    async def run() -> bytes:
        return b"".join([one async for one in written(parts, {"U1": blob})])

    found = asyncio.run(run())
    inner = found[1:-1]
    assert (inner if is_whole else base64.b64decode(inner)) == octets
    assert all(len(line) <= 76 for line in inner.split(b"\r\n")) or is_whole
    assert abs(size_of(parts, {"U1": blob}) - len(found)) <= 8


def test_nobody_guesses_a_boundary() -> None:
    assert len({seed() for _ in range(100)}) == 100
