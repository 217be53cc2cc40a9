"""Reports that return a message: delivery status notifications, and feedback on spam.

``read`` takes what machines write: the fields of the report, and the header block of the message
that comes back with it. Nothing of it is proven; whoever concludes from it has to know the message
again. What is no such report is None; nothing raises, and all numbers are bounded.

RFC 6522 (multipart/report), RFC 3464 and RFC 6533 (delivery status), RFC 5965 (feedback, ARF).
"""

from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from postroom.message import headers
from postroom.message.content import transferred
from postroom.message.part import Part
from postroom.message.scan import scan

MAX_SIZE: Final = 8 * 1024 * 1024  # octets of a report
MAX_PARTS: Final = 20  # of a report, looked at
MAX_FIELDS: Final = 64 * 1024  # octets of the fields of a report, and of the returned header
MAX_RECIPIENTS: Final = 100
MAX_TEXT: Final = 500  # characters of what was said

_STATUS_TYPES: Final = frozenset({"delivery-status", "global-delivery-status"})
_HEADER_TYPES: Final = frozenset({("text", "rfc822-headers"), ("message", "global-headers")})
_MESSAGE_TYPES: Final = frozenset({("message", "rfc822"), ("message", "global")})
_COMPLAINTS: Final = frozenset({"abuse", "fraud", "opt-out", "opt-out-list"})


class Failed(msgspec.Struct, frozen=True):
    """A recipient that a message did not get to for good. ``said``: the reply, if any."""

    recipient: str
    original: str
    status: str
    said: str

    @property
    def names(self) -> tuple[str, ...]:
        """What the recipient may have been called when the message left."""
        return tuple([one for one in (self.original, self.recipient) if one])


class Returned(msgspec.Struct, frozen=True):
    """A report. ``head`` is the header block of the message, as far as it came back.

    A bounce has ``failed``, in the name of the server ``reporter``; a complaint may name
    ``recipients``, but many hide them. ``fields`` are those of a complaint.
    """

    kind: Literal["bounce", "complaint"]
    head: bytes
    reporter: str = ""
    failed: tuple[Failed, ...] = ()
    recipients: tuple[str, ...] = ()
    fields: bytes = b""


def is_report(part: Part) -> bool:
    """Whether a message with this MIME tree may be one."""
    return part.content_type == ("multipart", "report")


def read(octets: bytes) -> Returned | None:
    """The report in a message."""
    whole = scan(octets)
    if not is_report(whole) or len(octets) > MAX_SIZE:
        return None
    bounce = complaint = None
    head = b""
    for part in whole.children[:MAX_PARTS]:
        kind = part.content_type
        if kind[0] == "message" and kind[1] in _STATUS_TYPES:
            bounce = bounce or _body(octets, part)
        elif kind == ("message", "feedback-report"):
            complaint = complaint or _body(octets, part)
        elif kind in _HEADER_TYPES or kind in _MESSAGE_TYPES:
            head = head or headers.split(_body(octets, part))[0]
    if complaint is not None:
        return _complaint(complaint, head)
    return None if bounce is None else _bounce(bounce, head)


def _body(octets: bytes, part: Part) -> bytes:
    """The beginning of a part, decoded."""
    raw = octets[part.body_start : min(part.end, part.body_start + 2 * MAX_FIELDS)]
    return transferred(part.encoding, raw)[:MAX_FIELDS]


def _bounce(status: bytes, head: bytes) -> Returned | None:
    groups = list(_groups(status))
    failed = [one for one in map(_failed, groups[1 : 1 + MAX_RECIPIENTS]) if one is not None]
    if not failed:
        return None
    reporter = _typed(groups[0], b"reporting-mta")
    return Returned("bounce", head, reporter=reporter, failed=tuple(failed))


def _complaint(fields: bytes, head: bytes) -> Returned | None:
    fields = next(_groups(fields), b"")
    if _text(fields, b"feedback-type").lower() not in _COMPLAINTS:
        return None
    named = [
        value.decode("utf-8", "replace").strip().strip("<>")
        for name in (b"original-rcpt-to", b"removal-recipient")
        for value in headers.values(fields, name)[:MAX_RECIPIENTS]
    ]
    return Returned("complaint", head, recipients=tuple(dict.fromkeys(named)), fields=fields)


def _groups(octets: bytes) -> Iterator[bytes]:
    """Fields between empty lines (RFC 3464 §2.1)."""
    for group in octets.replace(b"\r\n", b"\n").split(b"\n\n"):
        if group.strip():
            yield group.lstrip(b"\n").replace(b"\n", b"\r\n") + b"\r\n"


def _failed(group: bytes) -> Failed | None:
    if _text(group, b"action").lower() != "failed":
        return None
    final, status = _typed(group, b"final-recipient"), _text(group, b"status")
    return Failed(
        final,
        _typed(group, b"original-recipient"),
        status.split(" ", 1)[0],
        _typed(group, b"diagnostic-code")[:MAX_TEXT],
    )


def _typed(fields: bytes, name: bytes) -> str:
    """The value behind its type: ``rfc822; bob@example.net``."""
    value = _text(fields, name)
    return value.partition(";")[2].strip() or value


def _text(fields: bytes, name: bytes) -> str:
    found = headers.value(fields, name)
    return "" if found is None else " ".join(found.decode("utf-8", "replace").split())
