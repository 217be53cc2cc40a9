"""Content in FETCH responses: literals whose size is known first.

What is large is read and sent piece by piece while the client takes it, so memory does
not grow with the message. What can't be read is found before the response has begun, if
that is possible; a response that has begun is ended, or the connection is.

RFC 3501 §7.4.2, RFC 3516 (BINARY).
"""

from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec

from postroom.access import binary
from postroom.access.fetch import extent, pieces, section
from postroom.access.pages import WHOLE, FetchRow
from postroom.errors import MailError, NotFound
from postroom.listen.imap.conversation import Conversation
from postroom.protocol.imap.fetch import Binary, BinarySize, Content, Octets
from postroom.protocol.imap.fetch_lines import CLOSE

LARGE: Final = WHOLE  # octets: above, content is streamed
MOST_HELD: Final = 1024 * 1024  # octets of one response that wait for its end


class BrokenLiteral(Exception):
    """Content ended before the size that was announced: the connection is of no more use."""


class _Large(msgspec.Struct, frozen=True):
    """Content that is streamed: its literal's head, its pieces."""

    head: bytes
    pieces: AsyncIterator[bytes]


async def write(
    talk: Conversation, opening: bytes, row: FetchRow, contents: Sequence[Content]
) -> None:
    """One response.

    Raises MailError or NotFound when nothing of it is written, else BrokenLiteral.
    """
    if row.body is not None and len(contents) == 1 and _is_whole(item := contents[0]):
        literal = (b" {%d}\r\n" % row.size, row.prefix, row.head, row.body)
        talk.session.untagged_pieces((opening, item.label, *literal, CLOSE))
        return
    await _check(row, contents)
    held = [opening]
    waiting = 0
    has_begun = False
    try:
        for number, item in enumerate(contents):
            held.append(b" " + item.label if number else item.label)
            if isinstance(item, Octets):
                made = await _octets(row, item)
            else:
                made = await _decoded(row, item)
            if isinstance(made, _Large):
                first = await anext(made.pieces)
                held += [made.head, first]
            else:
                held += made
                waiting += sum(map(len, made))
                if waiting <= MOST_HELD:
                    continue
            talk.session.untagged_pieces(held)
            has_begun = True
            await talk.flush()
            held.clear()
            waiting = 0
            if isinstance(made, _Large):
                async for piece in made.pieces:
                    await talk.wire.send(piece)
    except (MailError, NotFound) as error:
        if has_begun:
            raise BrokenLiteral from error
        raise
    held.append(CLOSE)
    talk.session.untagged_pieces(held)


def write_selected(talk: Conversation, opening: bytes, item: Content, selected: bytes) -> None:
    """The same for header fields that are at hand, for they are listed by the thousand."""
    response = b"%b%b {%d}\r\n%b)\r\n" % (opening, item.label, len(selected), selected)
    talk.session.untagged(response)


def _is_whole(item: Content) -> bool:
    """Whether it is all of the message."""
    return isinstance(item, Octets) and item.is_whole


async def _check(row: FetchRow, contents: Sequence[Content]) -> None:
    """Raise UnknownEncoding before the response has begun."""
    for item in contents:
        if not isinstance(item, Octets):
            await binary.check(row, item.path)


async def _octets(row: FetchRow, item: Octets) -> list[bytes] | _Large:
    """What stands behind the label."""
    if row.body is not None and _is_whole(item):
        return [b" {%d}\r\n" % row.size, row.prefix, row.head, row.body]
    if row.size > LARGE and (place := await extent(row, item.section)) is not None:
        start, length = _cut(place[1], item.partial)
        if length > LARGE:
            return _Large(b" {%d}\r\n" % length, pieces(row, place[0] + start, length))
    found = await section(row, item.section, item.partial)
    return [b" NIL"] if found is None else [b" {%d}\r\n" % len(found), found]


async def _decoded(row: FetchRow, item: Binary | BinarySize) -> list[bytes] | _Large:
    """The same for BINARY."""
    found = await binary.find(row, item.path)
    if isinstance(item, BinarySize):
        return [b" %d" % (found.size if found is not None else 0)]
    if found is None:
        return [b" NIL"]
    start, length = _cut(found.size, item.partial)
    head = b" ~{%d}\r\n" % length if found.has_nul else b" {%d}\r\n" % length
    content = binary.read(row, found, start, length)
    if length > LARGE:
        return _Large(head, content)
    return [head, *[piece async for piece in content]]


def _cut(length: int, partial: tuple[int, int] | None) -> tuple[int, int]:
    """Start and length of what a partial chooses of so many octets."""
    if partial is None:
        return 0, length
    start = min(partial[0], length)
    return start, min(partial[1], length - start)
