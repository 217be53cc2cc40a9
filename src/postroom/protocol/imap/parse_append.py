"""Reading APPEND up to its message, whose octets are no part of the command.

RFC 3501 §6.3.11, §9.
"""

from postroom.protocol.imap.commands import Append
from postroom.protocol.imap.dates import BadDate, parse_date_time
from postroom.protocol.imap.flags import read_flag_list
from postroom.protocol.imap.parse_mailbox import read_mailbox
from postroom.protocol.imap.tokens import LITERAL, BadSyntax, Reader


def parse_append(reader: Reader) -> Append:
    """Read APPEND up to the head of its message literal, which ends the octets.

    ``CutLiteral`` says that the last literal is the mailbox name, not yet the message.
    """
    reader.space()
    mailbox = read_mailbox(reader)
    reader.space()
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
    match = LITERAL.match(reader.data, reader.at)
    if match is None or match.end() != len(reader.data):
        raise BadSyntax("Expected a literal with the message")
    return Append(
        mailbox, flags, keywords, received, int(match[1]), not match[0].endswith(b"+}\r\n")
    )
