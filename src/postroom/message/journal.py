"""Envelope journal reports: a message as an archive wants it, with the envelope it came in.

The report is a multipart of a text with one fact a line, and of the message as it is stored. The
form is that of Exchange, which archives read: the lines ``Sender``, ``Subject``, ``Message-Id``
and ``Recipient``, and the field X-MS-Journal-Report. The octets of the message stand between
``opening`` and ``closing``, so that it need not be in memory.

Its Received fields stand on top of the report as well: should two servers keep journals of each
other's reports, the number of hops ends it (RFC 5321 §6.3).

RFC 2046 §5.1.3, §5.2.1; RFC 3834 §5 (Auto-Submitted).
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

import msgspec

from postroom.message import dates, headers
from postroom.message.compose import field, one_line

MARK: Final = "X-Postroom-Journal"
_RECEIVED: Final = b"received"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a report tells; ``at`` in milliseconds.

    ``speaker`` is whom the report comes from, ``to`` where it goes. ``sender`` is "" for the null
    reverse-path. ``onward``: a recipient that has it sent on, and to whom. ``message_id`` and ``subject`` are those of the message, ``head`` its header
    block; ``ident`` makes the report's own Message-ID. ``is_ascii``: the message is.
    """

    speaker: str
    to: str
    ident: str
    sender: str
    recipients: Sequence[str]
    at: int
    queue_id: str
    message_id: str
    subject: str
    head: bytes
    is_ascii: bool
    onward: Sequence[tuple[str, str]] = ()


def head(report: Report, key: bytes) -> bytes:
    """The header block; ``key`` signs its mark."""
    message_id = f"<{identifier(report)}>"
    lines = [
        f"From: {one_line(report.speaker)}",
        f"To: {one_line(report.to)}",
        field("Subject", report.subject or "(no subject)"),
        f"Date: {dates.write(report.at)}",
        f"Message-ID: {message_id}",
        "X-MS-Journal-Report:",
        f"{MARK}: {_mark(message_id.encode(), key)}",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/mixed; boundary="{_boundary(report, key)}"',
        f"Content-Transfer-Encoding: {'7bit' if _is_ascii(report) else '8bit'}",
    ]
    trace = [
        report.head[one.start : one.end]
        for one in headers.fields(report.head)
        if one.name == _RECEIVED
    ]
    return b"".join([*trace, "\r\n".join([*lines, "", ""]).encode()])


def identifier(report: Report) -> str:
    """Its own Message-ID, without brackets."""
    return f"{report.ident}@{one_line(report.speaker).rpartition('@')[2]}"


def opening(report: Report, key: bytes) -> bytes:
    """The body up to the first octet of the message."""
    text = _text(report)
    charset = "us-ascii" if text.isascii() else "utf-8"
    encoding = "7bit" if report.is_ascii else "8bit"
    boundary = _boundary(report, key)
    return (
        f"--{boundary}\r\nContent-Type: text/plain; charset={charset}\r\n"
        f"Content-Transfer-Encoding: {'7bit' if text.isascii() else '8bit'}\r\n\r\n"
        f"{text}\r\n--{boundary}\r\nContent-Type: message/rfc822\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\nContent-Disposition: attachment\r\n\r\n"
    ).encode()


def closing(report: Report, key: bytes) -> bytes:
    """What follows the last octet of the message."""
    return f"\r\n--{_boundary(report, key)}--\r\n".encode()


def is_own(head: bytes, key: bytes) -> bool:
    """Whether a message with this header block is a report that this key has signed."""
    marks, idents = headers.values(head, MARK.encode()), headers.values(head, b"Message-ID")
    if len(marks) != 1 or len(idents) != 1:
        return False
    return hmac.compare_digest(marks[0], _mark(idents[0], key).encode())


def _text(report: Report) -> str:
    facts = [
        ("Sender", report.sender or "<>"),
        ("Subject", report.subject),
        ("Message-Id", f"<{report.message_id}>" if report.message_id else ""),
        *[("Recipient", one) for one in report.recipients],
        *[("Recipient", f"{to}, Forwarded: {through}") for through, to in report.onward],
        ("Date", dates.write(report.at)),
        ("Queue-Id", report.queue_id),
    ]
    return "".join([f"{name}: {one_line(value)}\r\n" for name, value in facts])


def _is_ascii(report: Report) -> bool:
    return report.is_ascii and _text(report).isascii()


def _mark(message_id: bytes, key: bytes) -> str:
    return hmac.digest(key, b"journal " + message_id, hashlib.sha256).hex()


def _boundary(report: Report, key: bytes) -> str:
    """Nobody who writes a message can know it, so it stands in none."""
    return hmac.digest(key, b"boundary " + report.ident.encode(), hashlib.sha256).hex()[:32]
