"""The table of operations, made from signatures."""

from collections.abc import AsyncIterator

from postroom.web.api.call import Call
from postroom.web.api.operation import Input, Noun, Paged, Streamed
from postroom.web.api.upload import Upload


class Wish(Input, frozen=True, kw_only=True):
    to: str


def test_an_operation_is_read_from_its_function() -> None:
    noun = Noun("things", "stuff", "Things.")

    @noun.on("GET", "/things/{address}/parts/{part}")
    async def show_(call: Call, address: str, part: str, query: Paged) -> list[int]:
        """Show a part.

        All of it.
        """
        return []

    @noun.on("POST", "/things", within=["body.to"], status=201, uploads=["text/plain"])
    async def add(call: Call, body: Wish | None, upload: Upload | None) -> None:
        """Add one."""

    @noun.on("GET", "/all")
    async def every(call: Call) -> Streamed[list[int]]:
        """Tell all."""
        return Streamed(pieces())

    async def pieces() -> AsyncIterator[bytes]:
        yield b"[]"

    show, added, streamed = noun.operations
    assert (show.name, show.noun, show.scope) == ("things.show", "things", "stuff:read")
    assert (show.places, show.within, show.query) == (("address", "part"), ("address",), Paged)
    assert (show.summary, show.description) == ("Show a part", "All of it.")
    assert (show.body, show.answer, show.status, show.is_write) == (None, list[int], 200, False)
    assert (added.scope, added.within, added.status) == ("stuff:write", ("body.to",), 201)
    assert (added.answer, added.is_write, added.uploads) == (None, True, ("text/plain",))
    assert added.body is Wish
    assert streamed.answer == list[int]
