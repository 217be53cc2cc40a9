"""Reading SEARCH: charset, then keys in any nesting, without recursion.

The tree is bounded by ``MAX_DEPTH`` and ``MAX_KEYS``. Strings are decoded here: the
charsets below are known; with another one the tree is read, but can't be searched for
(``NO [BADCHARSET (..)]``, RFC 3501 §6.4.4).

RFC 5032 (OLDER, YOUNGER), RFC 5182 (``$``), RFC 8514 (SAVEDON and its like).
"""

import codecs
from collections.abc import Callable
from typing import Final, Literal

from postroom.protocol.imap.dates import BadDate, parse_date
from postroom.protocol.imap.object_ids import OBJECT_ID, Kind, number_of
from postroom.protocol.imap.search import (
    ANSWERED,
    DELETED,
    DRAFT,
    FLAGGED,
    MAX_DEPTH,
    MAX_KEYS,
    SEEN,
    All,
    And,
    Body,
    Comparison,
    Criteria,
    EmailId,
    Flag,
    Header,
    Keyword,
    Larger,
    Modseq,
    Not,
    Numbers,
    Or,
    Received,
    Recent,
    Saved,
    SearchKey,
    Sent,
    Smaller,
    Subject,
    Text,
    ThreadId,
    Within,
)
from postroom.protocol.imap.sets import SAVED, BadSet, Ranges, parse_set
from postroom.protocol.imap.tokens import (
    MAX_NUMBER64,
    SET,
    BadSyntax,
    Reader,
    UidRequired,
)

CHARSETS: Final = frozenset(
    (
        *("us-ascii", "ascii", "utf-8", "utf8", "koi8-r", "koi8-u", "big5", "gb2312", "gbk"),
        *("gb18030", "shift_jis", "iso-2022-jp", "euc-jp", "euc-kr"),
        *(f"iso-8859-{number}" for number in range(1, 17) if number != 12),
        *(f"windows-{number}" for number in range(1250, 1259)),
    )
)

Leaf = Callable[[Reader, str], SearchKey]


def read_criteria(reader: Reader) -> Criteria:
    """Read ``[CHARSET name] key ..`` up to the end: the arguments of SEARCH."""
    if reader.data[reader.at : reader.at + 8].upper() != b"CHARSET ":
        return Criteria(_keys(reader, "utf-8"))  # a superset of the default, US-ASCII
    if reader.modes.utf8 and not reader.modes.rev2:
        raise BadSyntax("After ENABLE UTF8=ACCEPT there is no CHARSET")  # RFC 6855 §3
    reader.at += 8
    return read_criteria_in_charset(reader)


def read_criteria_in_charset(reader: Reader) -> Criteria:
    """Read ``name key ..`` up to the end: SORT and THREAD always name the charset."""
    name = reader.astring().decode("ascii", "replace").lower()
    reader.space()
    if name not in CHARSETS:
        return Criteria(_keys(reader, "latin-1"), knows_charset=False)
    return Criteria(_keys(reader, codecs.lookup(name).name))


def _keys(reader: Reader, charset: str) -> SearchKey:
    stack: list[_Frame] = [_Frame("all")]
    keys = 0
    while True:
        keys += 1
        if keys > MAX_KEYS or len(stack) > MAX_DEPTH:
            raise BadSyntax("The search is too large")
        opened = _opening(reader)
        if opened is not None:
            stack.append(opened)
            continue
        key = _close(reader, stack, _leaf(reader, charset))
        if key is not None:
            return key


class _Frame:
    """A key that waits for the keys inside it."""

    __slots__ = ("keys", "kind")

    def __init__(self, kind: Literal["all", "group", "not", "or"]) -> None:
        self.kind = kind
        self.keys: list[SearchKey] = []


def _opening(reader: Reader) -> _Frame | None:
    """``(``, ``NOT `` or ``OR `` stand before other keys."""
    if reader.skip(b"("):
        return _Frame("group")
    ahead = reader.data[reader.at : reader.at + 4].upper()
    if ahead == b"NOT ":
        reader.at += 4
        return _Frame("not")
    if ahead[:3] == b"OR ":
        reader.at += 3
        return _Frame("or")
    return None


def _close(reader: Reader, stack: list[_Frame], key: SearchKey) -> SearchKey | None:
    """Put a finished key into its frame; the whole tree when all is read."""
    while True:
        frame = stack[-1]
        frame.keys.append(key)
        if frame.kind == "not":
            key = Not(frame.keys[0])
        elif frame.kind == "or" and len(frame.keys) == 2:
            key = Or(frame.keys[0], frame.keys[1])
        elif (frame.kind == "group" and reader.skip(b")")) or (
            frame.kind == "all" and reader.at_end
        ):
            key = frame.keys[0] if len(frame.keys) == 1 else And(tuple(frame.keys))
        else:
            reader.space()
            return None
        stack.pop()
        if not stack:
            return key


def _leaf(reader: Reader, charset: str) -> SearchKey:
    if reader.data[reader.at : reader.at + 1] in _SET_STARTS:
        if reader.modes.uidonly and not reader.peek(b"$"):
            raise UidRequired
        return Numbers(read_set(reader), by_uid=False)
    name = reader.word()
    found = _CONSTANT.get(name)
    if found is not None:
        return found
    leaf = _LEAVES.get(name)
    if leaf is None:
        raise BadSyntax("There is no such search key")
    reader.space()
    return leaf(reader, charset)


def read_set(reader: Reader) -> Ranges:
    """A sequence set as a token; ``$`` is ``SAVED``."""
    if reader.skip(b"$"):
        return SAVED
    found = reader.take(SET)
    if found is None:
        raise BadSyntax("Expected a sequence set")
    try:
        return parse_set(found)
    except BadSet as error:
        raise BadSyntax(f"Bad sequence set: {error}") from None


def _text(reader: Reader, charset: str) -> str:
    octets = reader.astring()
    try:
        text = octets.decode(charset)
    except (UnicodeDecodeError, LookupError):
        raise BadSyntax("A search string is not in the charset") from None
    if "\x00" in text:
        raise BadSyntax("A NUL stands in a search string")
    return text


def _header(reader: Reader, charset: str) -> SearchKey:
    name = reader.astring().decode("ascii", "replace").lower()
    reader.space()
    return Header(name, _text(reader, charset))


def _modseq(reader: Reader, _: str) -> SearchKey:
    """RFC 7162 §7 search-modsequence; all flags of a message share one MODSEQ."""
    if reader.peek(b'"'):
        if not reader.string().lower().startswith(b"/flags/"):
            raise BadSyntax("Expected the name of a flag")
        reader.space()
        if reader.word() not in (b"PRIV", b"SHARED", b"ALL"):
            raise BadSyntax("Expected priv, shared or all")
        reader.space()
    return Modseq(reader.modseq())


def _object_id(kind: Kind) -> Leaf:
    def read(reader: Reader, _: str) -> SearchKey:
        text = reader.take(OBJECT_ID)
        if text is None:
            raise BadSyntax("Expected an identifier")
        number = number_of(text, kind)
        return EmailId(number) if kind == "M" else ThreadId(number)

    return read


def _field(name: str) -> Leaf:
    return lambda reader, charset: Header(name, _text(reader, charset))


def _keyword(*, is_set: bool) -> Leaf:
    return lambda reader, _: Keyword(reader.atom().decode("ascii"), is_set)


def _within(*, is_older: bool) -> Leaf:
    def read(reader: Reader, _: str) -> SearchKey:
        seconds = reader.number()
        if not seconds:
            raise BadSyntax("An interval has a second at least")
        return Within(seconds, is_older)

    return read


def _date(kind: type[Received | Saved | Sent], comparison: Comparison) -> Leaf:
    def read(reader: Reader, _: str) -> SearchKey:
        try:
            return kind(comparison, parse_date(reader.astring()))
        except BadDate as error:
            raise BadSyntax(f"Bad date: {error}") from None

    return read


_SET_STARTS: Final = frozenset(b"%d" % digit for digit in range(10)) | {b"*", b"$"}

_CONSTANT: Final[dict[bytes, SearchKey]] = {
    b"ALL": All(),
    b"ANSWERED": Flag(ANSWERED),
    b"DELETED": Flag(DELETED),
    b"DRAFT": Flag(DRAFT),
    b"FLAGGED": Flag(FLAGGED),
    b"NEW": And((Recent(), Flag(SEEN, is_set=False))),
    b"OLD": Recent(is_set=False),
    b"RECENT": Recent(),
    b"SAVEDATESUPPORTED": All(),
    b"SEEN": Flag(SEEN),
    b"UNANSWERED": Flag(ANSWERED, is_set=False),
    b"UNDELETED": Flag(DELETED, is_set=False),
    b"UNDRAFT": Flag(DRAFT, is_set=False),
    b"UNFLAGGED": Flag(FLAGGED, is_set=False),
    b"UNSEEN": Flag(SEEN, is_set=False),
}

_LEAVES: Final[dict[bytes, Leaf]] = {
    b"BCC": _field("bcc"),
    b"BEFORE": _date(Received, "before"),
    b"BODY": lambda reader, charset: Body(_text(reader, charset)),
    b"CC": _field("cc"),
    b"FROM": _field("from"),
    b"EMAILID": _object_id("M"),
    b"HEADER": _header,
    b"KEYWORD": _keyword(is_set=True),
    b"LARGER": lambda reader, _: Larger(reader.number(MAX_NUMBER64)),
    b"MODSEQ": _modseq,
    b"OLDER": _within(is_older=True),
    b"ON": _date(Received, "on"),
    b"SAVEDBEFORE": _date(Saved, "before"),
    b"SAVEDON": _date(Saved, "on"),
    b"SAVEDSINCE": _date(Saved, "since"),
    b"SENTBEFORE": _date(Sent, "before"),
    b"SENTON": _date(Sent, "on"),
    b"SENTSINCE": _date(Sent, "since"),
    b"SINCE": _date(Received, "since"),
    b"SMALLER": lambda reader, _: Smaller(reader.number(MAX_NUMBER64)),
    b"SUBJECT": lambda reader, charset: Subject(_text(reader, charset)),
    b"TEXT": lambda reader, charset: Text(_text(reader, charset)),
    b"THREADID": _object_id("T"),
    b"TO": _field("to"),
    b"UID": lambda reader, _: Numbers(read_set(reader), by_uid=True),
    b"UNKEYWORD": _keyword(is_set=False),
    b"YOUNGER": _within(is_older=False),
}
