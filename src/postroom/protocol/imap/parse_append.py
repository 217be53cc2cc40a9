"""Reading APPEND but for its messages, whose octets are no part of the command.

The command comes in segments: up to the literal of a message, then what stands behind it.

RFC 3501 §6.3.11, §9; RFC 3502 (MULTIAPPEND), RFC 3516 and RFC 4466 (literal8), RFC 6855 §4
(UTF8).
"""

from postroom.protocol.imap.commands import Append
from postroom.protocol.imap.dates import BadDate, parse_date_time
from postroom.protocol.imap.events import (
    AppendEvent,
    LiteralOffered,
    MessageBegins,
    MessagesEnd,
)
from postroom.protocol.imap.flags import read_flag_list
from postroom.protocol.imap.parse_mailbox import read_mailbox
from postroom.protocol.imap.tokens import ATOM, LITERAL, LITERAL8, BadSyntax, Reader


def parse_append(reader: Reader) -> Append:
    """Read APPEND up to its first message."""
    reader.space()
    return Append(read_mailbox(reader))


class MessageReader:
    """Reads the messages of one APPEND, a segment at a time.

    ``read`` raises BadSyntax, or CutLiteral when a string of the segment has not come; then
    it is called again with a longer segment.
    """

    __slots__ = ("_has_message", "_in_utf8")

    def __init__(self) -> None:
        self._has_message = False
        self._in_utf8 = False  # ``UTF8 (`` is open

    def read(self, reader: Reader) -> list[AppendEvent]:
        """What a segment says; the last event is LiteralOffered or MessagesEnd."""
        if self._in_utf8:
            reader.expect(b")")
        if self._has_message and reader.at_end:
            return [MessagesEnd()]
        reader.space()
        events: list[AppendEvent] = [_options(reader)]
        in_utf8 = not reader.peek(b"{") and not reader.peek(b"~")
        events.append(_utf8_literal(reader) if in_utf8 else _literal(reader))
        self._has_message, self._in_utf8 = True, in_utf8
        return events


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


def _utf8_literal(reader: Reader) -> LiteralOffered:
    """RFC 6855 §4 utf8-literal, up to the head of its literal8."""
    if (reader.take(ATOM) or b"").upper() != b"UTF8":
        raise BadSyntax("Expected a literal with the message")
    reader.space()
    reader.expect(b"(")
    if not reader.peek(b"~"):
        raise BadSyntax("Expected a literal8 with the message")
    return _literal(reader)


def _literal(reader: Reader) -> LiteralOffered:
    """The head of a literal or literal8, which ends the segment."""
    is_binary = reader.peek(b"~")
    match = (LITERAL8 if is_binary else LITERAL).match(reader.data, reader.at)
    if match is None or match.end() != len(reader.data):
        raise BadSyntax("Expected a literal with the message")
    return LiteralOffered(int(match[1]), not match[0].endswith(b"+}\r\n"), is_binary)
