"""How much a message may be: size, header block, hops, recipients.

RFC 1870 (SIZE), RFC 5321 §4.5.3.1 (sizes), §6.3 (loops), threats D3 and D8.
"""

from typing import Final

from postroom.message import headers, trace
from postroom.message.headers import MAX_HEADER
from postroom.protocol.smtp import replies
from postroom.protocol.smtp.replies import Reply

MAX_FIELDS: Final = 1000
MAX_COPIES: Final = 10_000  # of one message, after all aliases were expanded

HEADER_TOO_LARGE: Final = replies.reply(552, "5.3.4", "The message's header is too large")
MAIL_LOOP: Final = replies.reply(
    554, "5.4.6", "The message has been delivered to this address before"
)
TOO_MANY_HOPS: Final = replies.reply(554, "5.4.6", "Too many Received fields: a mail loop")


def header_fault(head: bytes) -> Reply | None:
    """Refuse a header block of more than 256 KiB or 1,000 fields."""
    if len(head) > MAX_HEADER:
        return HEADER_TOO_LARGE
    if head.count(b"\n") > MAX_FIELDS:
        for number, _field in enumerate(headers.fields(head), 1):
            if number > MAX_FIELDS:
                return HEADER_TOO_LARGE
    return None


def hop_fault(head: bytes, hop_limit: int) -> Reply | None:
    """Refuse what has been received too often."""
    return TOO_MANY_HOPS if trace.count_received(head) >= hop_limit else None
