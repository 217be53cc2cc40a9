"""Reading LIST and LSUB: reference, patterns, options.

The options are those of RFC 6154 §2 (SPECIAL-USE) in the grammar of RFC 5258 §6.
"""

from typing import Final

from postroom.protocol.imap.commands import List, Lsub
from postroom.protocol.imap.names import BadName, decode_name
from postroom.protocol.imap.tokens import BadSyntax, Reader, Unusable

MAX_PATTERNS: Final = 20
SELECTION: Final = frozenset((b"SPECIAL-USE", b"SUBSCRIBED"))
WANTED: Final = frozenset((b"SPECIAL-USE", b"SUBSCRIBED", b"CHILDREN"))


def parse_list(reader: Reader) -> List:
    """RFC 3501 §6.3.8."""
    selection = frozenset[bytes]()
    if reader.peek(b"("):
        selection = _options(reader, SELECTION)
        reader.space()
    reference = _name(reader, reader.astring())
    reader.space()
    patterns = _patterns(reader)
    wanted = frozenset[bytes]()
    if reader.skip(b" "):
        if reader.word() != b"RETURN":
            raise BadSyntax("Expected RETURN")
        reader.space()
        wanted = _options(reader, WANTED)
    return List(reference, patterns, selection, wanted)


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


def _options(reader: Reader, known: frozenset[bytes]) -> frozenset[bytes]:
    reader.expect(b"(")
    found: set[bytes] = set()
    while not reader.skip(b")"):
        if found:
            reader.space()
        option = reader.word()
        if option not in known:
            raise BadSyntax("There is no such option")
        found.add(option)
    return frozenset(found)


def _name(reader: Reader, octets: bytes) -> str:
    try:
        return decode_name(octets, utf8=reader.modes.utf8)
    except BadName as error:
        raise Unusable(b"CANNOT", f"Bad mailbox name: {error}") from None
