"""Reading LIST and LSUB: reference, patterns, options.

RFC 5258 §6 (LIST-EXTENDED), RFC 6154 §2 (SPECIAL-USE), RFC 5819 (LIST-STATUS), RFC 8440
(LIST-MYRIGHTS), RFC 9590 (LIST-METADATA).
"""

from typing import Final

from postroom.protocol.imap.commands import List, Lsub
from postroom.protocol.imap.names import BadName, decode_name
from postroom.protocol.imap.parse_mailbox import read_status_items
from postroom.protocol.imap.parse_metadata import read_entries, read_entry
from postroom.protocol.imap.tokens import BadSyntax, Reader, Unusable

MAX_PATTERNS: Final = 20
MAX_ENTRIES: Final = 20  # of METADATA, which every mailbox is asked for
SELECTION: Final = frozenset((b"SPECIAL-USE", b"SUBSCRIBED", b"REMOTE", b"RECURSIVEMATCH"))
WANTED: Final = frozenset((b"SPECIAL-USE", b"SUBSCRIBED", b"CHILDREN", b"MYRIGHTS"))


def parse_list(reader: Reader) -> List:
    """RFC 3501 §6.3.8, RFC 5258 §3."""
    start = reader.at
    selection = frozenset[bytes]()
    if reader.peek(b"("):
        selection = _selection(reader)
        reader.space()
    reference = _name(reader, reader.astring())
    reader.space()
    is_extended = reader.data[start : start + 1] == b"(" or reader.peek(b"(")
    patterns = _patterns(reader)
    wanted, status, entries = frozenset[bytes](), tuple[bytes, ...](), tuple[str, ...]()
    if reader.skip(b" "):
        if reader.word() != b"RETURN":
            raise BadSyntax("Expected RETURN")
        reader.space()
        wanted, status, entries = _wanted(reader)
        is_extended = True
    return List(reference, patterns, selection, wanted, status, is_extended, entries)


def parse_lsub(reader: Reader) -> Lsub:
    """RFC 3501 §6.3.9."""
    reference = _name(reader, reader.astring())
    reader.space()
    return Lsub(reference, _name(reader, reader.list_pattern()))


def _patterns(reader: Reader) -> tuple[str, ...]:
    if not reader.skip(b"("):
        return (_name(reader, reader.list_pattern()),)
    patterns = [_name(reader, reader.list_pattern())]
    while not reader.skip(b")"):
        reader.space()
        patterns.append(_name(reader, reader.list_pattern()))
        if len(patterns) > MAX_PATTERNS:
            raise BadSyntax("Too many patterns")
    return tuple(patterns)


def _selection(reader: Reader) -> frozenset[bytes]:
    reader.expect(b"(")
    found: set[bytes] = set()
    while not reader.skip(b")"):
        if found:
            reader.space()
        option = reader.word()
        if option not in SELECTION:
            raise BadSyntax("There is no such option")
        found.add(option)
    if b"RECURSIVEMATCH" in found and not found & {b"SUBSCRIBED", b"SPECIAL-USE"}:
        raise BadSyntax("RECURSIVEMATCH needs something to look for")  # RFC 5258 §3.1
    return frozenset(found)


def _wanted(reader: Reader) -> tuple[frozenset[bytes], tuple[bytes, ...], tuple[str, ...]]:
    """The return options, the items of STATUS and the entries of METADATA among them."""
    reader.expect(b"(")
    found: set[bytes] = set()
    status: tuple[bytes, ...] = ()
    entries: tuple[str, ...] = ()
    is_first = True
    while not reader.skip(b")"):
        if not is_first:
            reader.space()
        is_first = False
        option = reader.word()
        if option == b"STATUS":
            reader.space()
            status = read_status_items(reader)
        elif option == b"METADATA":
            reader.space()
            entries = _entries(reader)
        elif option in WANTED:
            found.add(option)
        else:
            raise BadSyntax("There is no such option")
    return frozenset(found), status, entries


def _name(reader: Reader, octets: bytes) -> str:
    try:
        return decode_name(octets, utf8=reader.modes.utf8)
    except BadName as error:
        raise Unusable(b"CANNOT", f"Bad mailbox name: {error}") from None


def _entries(reader: Reader) -> tuple[str, ...]:
    """RFC 9590 §5: the entries of METADATA."""
    entries = read_entries(reader) if reader.peek(b"(") else (read_entry(reader),)
    if len(entries) > MAX_ENTRIES:
        raise BadSyntax("Too many entries")
    return entries
