r"""Flags on the wire: system flags are bits, keywords are text (RFC 3501 §2.3.2, §9).

``\Recent`` can be shown, never set.
"""

from typing import Final

from postroom.protocol.imap.search import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN
from postroom.protocol.imap.tokens import FLAG, BadSyntax, Reader

MAX_KEYWORDS: Final = 100  # in one command
MAX_KEYWORD: Final = 100  # octets

SYSTEM: Final[dict[bytes, int]] = {
    b"\\Answered": ANSWERED,
    b"\\Flagged": FLAGGED,
    b"\\Deleted": DELETED,
    b"\\Seen": SEEN,
    b"\\Draft": DRAFT,
}
_BIT_OF: Final = {name.lower(): bit for name, bit in SYSTEM.items()}
SYSTEM_TEXT: Final = b" ".join(SYSTEM)


def read_flag_list(reader: Reader) -> tuple[int, frozenset[str]]:
    r"""RFC 3501 §9 flag-list: ``()``, ``(\Seen $Junk)``."""
    reader.expect(b"(")
    if reader.skip(b")"):
        return 0, frozenset()
    found = read_flags(reader)
    reader.expect(b")")
    return found


def read_flags(reader: Reader) -> tuple[int, frozenset[str]]:
    """One or more flags, separated by a space."""
    bits = 0
    keywords: set[str] = set()
    while True:
        flag = reader.take(FLAG)
        if flag is None:
            raise BadSyntax("Expected a flag")
        if flag.startswith(b"\\"):
            bit = _BIT_OF.get(flag.lower())
            if bit is None:
                raise BadSyntax("There is no such system flag, or it can't be set")
            bits |= bit
        else:
            keywords.add(flag.decode("ascii"))
            if len(keywords) > MAX_KEYWORDS or len(flag) > MAX_KEYWORD:
                raise BadSyntax("Too many or too long keywords")
        if not reader.skip(b" "):
            return bits, frozenset(keywords)


def write_flags(bits: int, keywords: str, *, recent: bool = False) -> bytes:
    r"""``(\Seen $Junk)``; ``keywords`` are separated by a blank, as the store keeps them."""
    names = [name for name, bit in SYSTEM.items() if bits & bit]
    if recent:
        names.append(b"\\Recent")
    if keywords:
        names.append(keywords.encode("ascii", "replace"))
    return b"(%s)" % b" ".join(names)
