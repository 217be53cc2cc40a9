"""Reading APPEND and REPLACE but for their messages, whose octets are no part of a command.

The command comes in segments: up to the literal of a message, then what stands behind it.

RFC 3501 §6.3.11, §9; RFC 3502 (MULTIAPPEND), RFC 3516 and RFC 4466 (literal8), RFC 6855 §4
(UTF8), RFC 8508 (REPLACE), RFC 4469 (CATENATE).
"""

from postroom.protocol.imap.commands import Append, Replace
from postroom.protocol.imap.dates import BadDate, parse_date_time
from postroom.protocol.imap.events import (
    AppendEvent,
    LiteralOffered,
    MessageBegins,
    MessagesEnd,
    UrlGiven,
)
from postroom.protocol.imap.flags import read_flag_list
from postroom.protocol.imap.parse_mailbox import read_mailbox
from postroom.protocol.imap.sets import STAR
from postroom.protocol.imap.tokens import ATOM, LITERAL, LITERAL8, BadSyntax, Reader, UidRequired


def brings_messages(name: bytes, reader: Reader) -> bool:
    """True when a command of this name (behind which the reader stands) is read here."""
    if name == b"UID":
        return reader.data[reader.at : reader.at + 9].upper() == b" REPLACE "
    return name in (b"APPEND", b"REPLACE")


def parse_append(name: bytes, reader: Reader) -> Append | Replace:
    """Read a command that ``brings_messages`` up to its first message."""
    reader.space()
    if name == b"APPEND":
        return Append(read_mailbox(reader))
    by_uid = name == b"UID"
    if by_uid:
        reader.word()
        reader.space()
    elif reader.modes.uidonly:
        raise UidRequired
    number = STAR if reader.skip(b"*") else reader.number()
    if not number:
        raise BadSyntax("Messages are numbered from 1")
    reader.space()
    return Replace(number, by_uid, read_mailbox(reader))


class MessageReader:
    """Reads the messages of one command, a segment at a time; REPLACE has a ``single`` one.

    ``read`` raises BadSyntax, or CutLiteral when a string of the segment has not come; then
    it is called again with a longer segment.
    """

    __slots__ = ("_has_message", "_in_list", "_in_utf8", "_is_single")

    def __init__(self, *, single: bool = False) -> None:
        self._is_single = single
        self._has_message = False
        self._in_list = False  # ``CATENATE (`` is open
        self._in_utf8 = False  # ``UTF8 (`` is open

    def read(self, reader: Reader) -> list[AppendEvent]:
        """What a segment says; the last event is LiteralOffered or MessagesEnd."""
        events: list[AppendEvent] = []
        in_list, has_message = self._in_list, self._has_message
        if self._in_utf8:
            reader.expect(b")")
        kind = b""
        while not events or isinstance(events[-1], UrlGiven):
            if in_list and reader.skip(b")"):
                in_list = False
            if not in_list and has_message and reader.at_end:
                events.append(MessagesEnd())
                break
            reader.space()
            if not in_list:
                events.append(self._options(reader, is_first=not has_message))
                has_message = True
                kind = _kind(reader)
                if kind == b"CATENATE":
                    reader.space()
                    reader.expect(b"(")
                    in_list = True
            if in_list:
                kind = _kind(reader)
            events.append(_part(reader, kind, in_list=in_list))
        self._in_list, self._has_message = in_list, has_message
        self._in_utf8 = kind == b"UTF8"
        return events

    def _options(self, reader: Reader, *, is_first: bool) -> MessageBegins:
        if self._is_single and not is_first:
            raise BadSyntax("REPLACE has one message")
        return _options(reader)


def _kind(reader: Reader) -> bytes:
    """The word before a part, b"" when it is a bare literal."""
    if reader.peek(b"{") or reader.peek(b"~"):
        return b""
    word = reader.take(ATOM)
    if word is None:
        raise BadSyntax("Expected a literal with the message")
    return word.upper()


def _part(reader: Reader, kind: bytes, *, in_list: bool) -> LiteralOffered | UrlGiven:
    """A whole message, or with ``in_list`` a part of one, up to its octets."""
    if kind == b"UTF8":
        reader.space()
        reader.expect(b"(")
        if not reader.peek(b"~"):
            raise BadSyntax("Expected a literal8 with the message")
        return _literal(reader, is_part=in_list)
    if in_list and kind == b"URL":
        reader.space()
        return UrlGiven(reader.astring())
    if in_list and kind == b"TEXT":
        reader.space()
        return _literal(reader, is_part=True)
    if kind or in_list:
        raise BadSyntax("Expected a literal with the message")
    return _literal(reader, is_part=False)


def _options(reader: Reader) -> MessageBegins:
    flags, keywords = 0, frozenset[str]()
    if reader.peek(b"("):
        flags, keywords = read_flag_list(reader)
        reader.space()
    received: int | None = None
    if reader.peek(b'"'):
        try:
            received = parse_date_time(reader.string())
        except BadDate as error:
            raise BadSyntax(f"Bad date: {error}") from None
        reader.space()
    return MessageBegins(flags, keywords, received)


def _literal(reader: Reader, *, is_part: bool) -> LiteralOffered:
    """The head of a literal or literal8, which ends the segment."""
    is_binary = reader.peek(b"~")
    match = (LITERAL8 if is_binary else LITERAL).match(reader.data, reader.at)
    if match is None or match.end() != len(reader.data):
        raise BadSyntax("Expected a literal with the message")
    return LiteralOffered(int(match[1]), not match[0].endswith(b"+}\r\n"), is_binary, is_part)
