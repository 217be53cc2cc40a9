"""What SEARCH looks at in a message: its texts, decoded and mapped (``casemap``).

The one place that says what a text is, for reading a message and for the index alike:

- a header field is one line, unfolded, its encoded words decoded, tabs as blanks;
- a body is the text of its parts that are text or a report, one after the other, and the
  header fields of the messages inside it; HTML is text as it stands;
- the MIME header fields of its parts belong to neither: TEXT looks at them, BODY does not;
- what is looked for is a substring of one line or of one part, never of two.

RFC 9051 §6.4.4 (TEXT: "MIME header fields"), RFC 3501 §6.4.4, RFC 5255 §4.2, RFC 2047, RFC 2045 §6.
"""

from collections.abc import Iterator, Sequence

from postroom.message import headers
from postroom.message.casemap import casemap
from postroom.message.charset import decode_words
from postroom.message.content import TextDecoder
from postroom.message.headers import MAX_HEADER
from postroom.message.part import Part


def mapped(value: bytes) -> str:
    """The value of a header field, decoded, as texts are compared."""
    return casemap(decode_words(value.replace(b"\t", b" "))).strip(" \t\r")


def head_lines(block: bytes) -> list[str]:
    """The fields of a header block (at most ``MAX_HEADER`` octets of it), a line each."""
    octets, _, _ = headers.unfold(block[:MAX_HEADER]).partition(b"\n\n")
    octets = octets.replace(b"\t", b" ")
    if octets.isascii() and b"=?" not in octets:
        return casemap(octets.decode("ascii")).split("\n")
    return [casemap(decode_words(line)) for line in octets.split(b"\n")]


def values(lines: Sequence[str], name: str) -> list[str]:
    """The values of the fields of this name, which is mapped too."""
    found = []
    for line in lines:
        if line.startswith(name):
            written, colon, value = line.partition(":")
            if colon and written.rstrip(" \t") == name:
                found.append(value.strip(" \t\r"))
    return found


def readable_parts(tree: Part) -> list[Part]:
    """The parts that are text, or something about mail, and the messages inside, in order."""
    found: list[Part] = []
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        if part.content_type[0] in ("text", "message"):
            found.append(part)
        waiting.extend(reversed(part.children))
        if part.message is not None:
            waiting.append(part.message)
    return found


def inner_parts(tree: Part) -> list[Part]:
    """The parts of multiparts, in order: their header blocks are MIME header fields."""
    found: list[Part] = []
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        waiting.extend(reversed(part.children))
        if part.message is not None:
            waiting.append(part.message)
        found += part.children
    return found


def part_lines(letter: bytes, tree: Part) -> Iterator[str]:
    """The MIME header fields of a whole message's parts, a line each."""
    for part in inner_parts(tree):
        yield from filter(None, head_lines(letter[part.header_start : part.body_start]))


def body_texts(letter: bytes, tree: Part) -> Iterator[str]:
    """The texts of a whole message's body, each apart from the others."""
    for part in readable_parts(tree):
        if part.message is None:
            decoder = TextDecoder(part)
            text = decoder.feed(letter[part.body_start : part.end]) + decoder.finish()
            yield casemap(text)
        else:
            inside = part.message
            yield from head_lines(letter[inside.header_start : inside.body_start])
