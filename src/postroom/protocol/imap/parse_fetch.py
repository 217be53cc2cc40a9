"""Reading the items of FETCH: macros, attributes, sections, partials (RFC 3501 §6.4.5, RFC 3516)."""

import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final, cast

from postroom.protocol.imap.fetch import (
    HEADER,
    TEXT,
    WHOLE,
    Attribute,
    Binary,
    BinarySize,
    FetchItem,
    Octets,
    Piece,
    Section,
)
from postroom.protocol.imap.tokens import BadSyntax, Reader

MAX_ITEMS: Final = 200
MAX_FIELDS: Final = 200
MAX_PATH: Final = 100
MAX_KNOWN: Final = 512  # octets of items that are remembered

_NAME: Final = re.compile(rb"[A-Za-z0-9.]+")
_SECTION: Final = re.compile(rb"[A-Za-z0-9.]*")
_PARTIAL: Final = re.compile(rb"<([0-9]{1,19})\.([1-9][0-9]{0,18})>")
_PART: Final = re.compile(rb"[1-9][0-9]{0,9}")
_FIELD: Final = re.compile(rb"[\x21-\x39\x3b-\x7e]+")  # RFC 5322 §2.2 field name
_PREVIEW_MODIFIERS: Final = re.compile(rb" \(LAZY(?: LAZY)*\)", re.IGNORECASE)
_PLAIN_FIELD: Final = re.compile(rb"[A-Za-z0-9_.\-]+")

_FAST: Final = (Attribute.FLAGS, Attribute.INTERNALDATE, Attribute.SIZE)
_MACROS: Final[dict[bytes, tuple[FetchItem, ...]]] = {
    b"FAST": _FAST,
    b"ALL": (*_FAST, Attribute.ENVELOPE),
    b"FULL": (*_FAST, Attribute.ENVELOPE, Attribute.BODY),
}
_SIMPLE: Final[dict[bytes, FetchItem]] = {
    **{attribute.value: attribute for attribute in Attribute},
    b"RFC822": Octets(WHOLE, b"RFC822"),
    b"RFC822.HEADER": Octets(HEADER, b"RFC822.HEADER", peek=True),
    b"RFC822.TEXT": Octets(TEXT, b"RFC822.TEXT"),
}
_PIECES: Final = frozenset(
    (b"", b"HEADER", b"HEADER.FIELDS", b"HEADER.FIELDS.NOT", b"TEXT", b"MIME")
)


def parse_fetch_items(reader: Reader) -> tuple[FetchItem, ...]:
    """Read a macro, one item or a list of items; doubles are dropped."""
    rest = reader.data[reader.at : reader.at + MAX_KNOWN + 1]
    if len(rest) > MAX_KNOWN:
        return _items(reader)
    items, length = _known(rest)
    reader.at += length
    return items


@lru_cache(maxsize=256)
def _known(text: bytes) -> tuple[tuple[FetchItem, ...], int]:
    """The same at the beginning of the end of a command, and its length: clients repeat it."""
    reader = Reader(text)
    return _items(reader), reader.at


def _items(reader: Reader) -> tuple[FetchItem, ...]:
    if not reader.skip(b"("):
        place = reader.at
        macro = _MACROS.get((reader.take(_NAME) or b"").upper())
        if macro is not None:
            return macro
        reader.at = place
        return (_item(reader, in_list=False),)
    items: dict[FetchItem, None] = {_item(reader, in_list=True): None}
    while not reader.skip(b")"):
        reader.space()
        items[_item(reader, in_list=True)] = None
        if len(items) > MAX_ITEMS:
            raise BadSyntax("Too many items")
    return tuple(items)


def _item(reader: Reader, *, in_list: bool) -> FetchItem:
    name = (reader.take(_NAME) or b"").upper()
    if reader.skip(b"["):
        parse = _BRACKETED.get(name)
        if parse is None:
            raise BadSyntax("There is no such item")
        return parse(reader)
    item = _SIMPLE.get(name)
    if item is None:
        raise BadSyntax("There is no such item")
    if item is Attribute.PREVIEW and _is_lazy(reader, in_list=in_list):
        return Attribute.PREVIEW_LAZY
    return item


def _is_lazy(reader: Reader, *, in_list: bool) -> bool:
    """RFC 8970 §6 preview-mod; what follows a single item may be modifiers of FETCH instead."""
    found = reader.take(_PREVIEW_MODIFIERS)
    if found is None:
        if in_list and reader.peek(b" ("):
            raise BadSyntax("There is no such modifier of PREVIEW")
        return False
    return True


def _body(reader: Reader, *, peek: bool) -> Octets:
    section, name = read_section(reader)
    reader.expect(b"]")
    label, extent = _partial(reader, b"BODY[%s]" % name)
    return Octets(section, label, extent, peek)


def _binary(reader: Reader, *, peek: bool) -> Binary:
    path, name = _section_part(reader)
    label, extent = _partial(reader, b"BINARY[%s]" % name)
    return Binary(path, label, extent, peek)


def _binary_size(reader: Reader) -> BinarySize:
    path, name = _section_part(reader)
    return BinarySize(path, b"BINARY.SIZE[%s]" % name)


def _section_part(reader: Reader) -> tuple[tuple[int, ...], bytes]:
    """RFC 3516 §7 section-binary behind its bracket: numbers, or nothing."""
    section, name = read_section(reader)
    reader.expect(b"]")
    if section.piece:
        raise BadSyntax("BINARY takes the number of a part")
    return section.path, name


def _partial(reader: Reader, label: bytes) -> tuple[bytes, tuple[int, int] | None]:
    """The partial, if there is one, and the label of the response with its origin."""
    match = _PARTIAL.match(reader.data, reader.at)
    if match is None:
        if reader.peek(b"<"):
            raise BadSyntax("Bad partial")
        return label, None
    reader.at = match.end()
    start = int(match[1])
    return b"%s<%d>" % (label, start), (start, int(match[2]))


def read_section(reader: Reader) -> tuple[Section, bytes]:
    """The section and its spelling in the response."""
    text = (reader.take(_SECTION) or b"").upper()
    words = text.split(b".")
    numbers = 0
    while numbers < len(words) and _PART.fullmatch(words[numbers]):
        numbers += 1
    piece = b".".join(words[numbers:])
    ends_badly = numbers < len(words) and not piece and text  # "1." or "1..2"
    if piece not in _PIECES or ends_badly or numbers > MAX_PATH:
        raise BadSyntax("Bad section")
    if piece == b"MIME" and not numbers:
        raise BadSyntax("MIME needs a part")
    path = tuple(map(int, words[:numbers]))
    fields: tuple[str, ...] = ()
    if piece.startswith(b"HEADER.FIELDS"):
        fields, names = _fields(reader)
        text += b" " + names
    return Section(path, cast("Piece", piece.decode("ascii")), fields), text


def _fields(reader: Reader) -> tuple[tuple[str, ...], bytes]:
    reader.space()
    reader.expect(b"(")
    names = [_field(reader)]
    while not reader.skip(b")"):
        reader.space()
        names.append(_field(reader))
        if len(names) > MAX_FIELDS:
            raise BadSyntax("Too many header fields")
    spelling = b" ".join([_spelling(name) for name in names])
    return tuple([name.decode("ascii").lower() for name in names]), b"(%s)" % spelling


def _field(reader: Reader) -> bytes:
    name = reader.astring()
    if not _FIELD.fullmatch(name):
        raise BadSyntax("Bad header field name")
    return name


def _spelling(name: bytes) -> bytes:
    """The name as an astring, as the client wrote it."""
    if _PLAIN_FIELD.fullmatch(name):
        return name
    return b'"%s"' % name.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


_BRACKETED: Final[dict[bytes, Callable[[Reader], FetchItem]]] = {
    b"BODY": partial(_body, peek=False),
    b"BODY.PEEK": partial(_body, peek=True),
    b"BINARY": partial(_binary, peek=False),
    b"BINARY.PEEK": partial(_binary, peek=True),
    b"BINARY.SIZE": _binary_size,
}
