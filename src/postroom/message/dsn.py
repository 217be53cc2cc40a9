"""Delivery status notifications: what became of a message, for people and for programs.

A notice has three parts: an explanation in plain language with the remote server's own
words, the status as fields, and the header (or, when it is small and asked for, the whole)
of the message. Whatever the inputs, it has lines of at most 998 octets that end in CRLF,
no NUL, and a bounded size; it is ASCII unless an address or the header is not. Addresses
beyond ASCII make the status part, headers beyond ASCII the last part "global" (RFC 6533).

The notice goes out with a null reverse-path, and never about a notice (RFC 5321 §6.1):
who sends it sees to that, and to whether one was asked for (RFC 3461 §4.1).

RFC 3464 (fields), RFC 6522 (multipart/report), RFC 3461 §6 (content), RFC 6533 (global),
RFC 3834 §5 (Auto-Submitted).
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal, get_args

import msgspec

from postroom.message import dates, headers, xtext
from postroom.message.charset import decode_words
from postroom.message.compose import one_line, words
from postroom.message.dsn_texts import explain
from postroom.message.ident import ids
from postroom.message.lineends import LineEnds
from postroom.message.sevenbit_encode import (
    MAX_LINE,
    has_line_ends,
    is_clean,
    longest_line,
    quoted_printable,
)

Kind = Literal["failed", "delayed", "delivered", "relayed", "expanded"]

MAX_RECIPIENTS: Final = 100  # shown in one notice
MAX_TEXT: Final = 500  # characters of what a remote server said
MAX_SUBJECT: Final = 200  # characters
MAX_HEAD: Final = 64 * 1024  # octets of the header returned
MAX_FULL: Final = 50_000  # octets of a message returned whole
MAX_TOKEN: Final = 900  # octets of an address or identifier: it stands in one line
FOLD: Final = 76
OWN_TYPE: Final = "X-Postroom"  # of diagnostics that are no server's reply (RFC 3464 §2.3.6)

_SUBJECTS: Final[dict[Kind, str]] = {
    "failed": "Undelivered",
    "delayed": "Delayed",
    "delivered": "Delivered",
    "relayed": "Passed on",
    "expanded": "Passed on",
}
_OPENINGS: Final[dict[Kind, str]] = {
    "failed": "Your message could not be delivered to {}, and is not tried again:",
    "delayed": "Your message has not been delivered to {} yet. You need to do nothing:"
    " we keep trying, and tell you if we have to give up.",
    "delivered": "Your message has been delivered to {}:",
    "relayed": "Your message has been passed on for {} to a mail server that does not confirm"
    " deliveries. You will hear of it again only if something goes wrong:",
    "expanded": "Your message has been passed on to everybody behind {}:",
}
_DEFAULT_STATUS: Final[dict[Kind, str]] = {"failed": "5.0.0", "delayed": "4.0.0"}
_STATUS: Final = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}")
_TYPE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}+")
_NOT_IN_ID: Final = re.compile(r"[^!-;=?-~]++")
_BEYOND_ASCII: Final = re.compile(r"[^ -~]")
_LAST: Final = 253_402_300_799_000  # the end of the year 9999, in milliseconds


class ReportedRecipient(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one recipient; times in milliseconds.

    ``original`` is ORCPT decoded, with its type ("rfc822;bob@x"). ``diagnostic`` is the
    remote server's reply, "" where there was none; with ``is_own`` it is our own words, which no
    server has said. ``will_retry_until`` counts for delayed ones. A ``status`` that is none
    becomes the general one of its class.
    """

    final: str
    action: Kind
    status: str
    original: str | None = None
    remote_mta: str = ""
    diagnostic: str = ""
    is_own: bool = False
    last_attempt: int | None = None
    will_retry_until: int | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A notice to be written; times in milliseconds.

    ``kind`` decides the subject. ``to`` is the sender of the message, ``postmaster`` the
    address the notice comes from, ``envelope_id`` ENVID decoded. ``head`` is the message's
    header block; ``body`` is given when the whole was asked for (RET=FULL).
    """

    kind: Kind
    reporting_mta: str
    postmaster: str
    to: str
    recipients: Sequence[ReportedRecipient]
    head: bytes
    message_id: str
    date: int
    arrival_date: int | None = None
    envelope_id: str | None = None
    body: bytes | None = None


def compose(report: Report) -> bytes:
    """The octets of a notice; raises ValueError when there is no recipient to tell of."""
    if not report.recipients:
        raise ValueError("a notice tells of one recipient at least")
    shown = report.recipients[:MAX_RECIPIENTS]
    parts = [_explanation(report, shown), _status(report, shown), _returned(report)]
    boundary = _boundary(report.message_id, parts)
    fields = [
        _field("From", '"Mail Delivery System"', f"<{_token(report.postmaster)}>"),
        _field("To", f"<{_token(report.to)}>"),
        _field("Subject", *words(f"{_SUBJECTS[report.kind]}: {_subject(report.head)}")),
        _field("Date", _date(report.date)),
        _field("Message-ID", f"<{_identifier(report.message_id)}>"),
        *_thread(report.head),
        _field("Auto-Submitted", "auto-replied"),
        _field("MIME-Version", "1.0"),
        _field(
            "Content-Type",
            f"multipart/report; report-type={_report_type(shown)};",
            f'boundary="{boundary}"',
        ),
    ]
    if not all(map(bytes.isascii, parts)):
        fields.append(_field("Content-Transfer-Encoding", "8bit"))
    opened = b"\r\n--" + boundary.encode("ascii")
    inner = b"".join([opened + b"\r\n" + part for part in parts])
    return _octets("".join(fields)) + inner + opened + b"--\r\n"


# -- the explanation


def _explanation(report: Report, shown: Sequence[ReportedRecipient]) -> bytes:
    lines = list(_lines(report, shown))
    body = _octets("\r\n".join(lines) + "\r\n")
    charset = "us-ascii" if body.isascii() else "utf-8"
    encoding = "7bit"
    if not is_clean(body):
        encoding, body = "quoted-printable", quoted_printable(body)
    return _part(f"text/plain; charset={charset}", "Explanation", encoding, body)


def _lines(report: Report, shown: Sequence[ReportedRecipient]) -> Iterator[str]:
    yield f"This is the mail server {_token(report.reporting_mta)}."
    yield ""
    yield from _wrapped("Subject: ", _subject(report.head))
    if report.arrival_date is not None:
        yield f"Accepted: {_date(report.arrival_date)}"
    for action in get_args(Kind):
        group = [one for one in shown if one.action == action]
        if group:
            whom = "this address" if len(group) == 1 else "these addresses"
            yield ""
            yield from _wrapped("", _OPENINGS[action].format(whom))
            for one in group:
                yield ""
                yield from _told(one)
    more = len(report.recipients) - len(shown)
    if more:
        yield ""
        yield f"... and {more} more."
    yield ""
    yield "Below are the same facts for mail programs, and your message or its header."


def _told(one: ReportedRecipient) -> Iterator[str]:
    final = _token(one.final)
    yield f"  {final or '(no address)'}"
    original = _original(one)
    if original is not None and original[1].casefold() != final.casefold():
        yield f"    You wrote to {original[1]}"
    if one.action in _DEFAULT_STATUS:
        status = _valid_status(one)
        found = explain(status, "" if one.is_own else one.diagnostic)
        yield from _wrapped("    ", f"{found.reason} ({status})")
        if one.action == "failed":
            yield from _wrapped("    ", f"What to do: {found.advice}")
    if diagnostic := _said(one):
        yield f"    {_teller(one)}:"
        yield from _wrapped("    > ", diagnostic)
    if one.last_attempt is not None:
        yield f"    Last tried: {_date(one.last_attempt)}"
    if one.action == "delayed" and one.will_retry_until is not None:
        yield f"    We keep trying until: {_date(one.will_retry_until)}"


def _teller(one: ReportedRecipient) -> str:
    """Whose words the diagnostic is."""
    server = _token(one.remote_mta)
    if one.is_own:
        return f"What happened at {server}" if server else "What happened"
    return f"The server {server} said" if server else "The server said"


def _wrapped(prefix: str, text: str) -> Iterator[str]:
    """Lines of at most 76 characters, as far as the words allow, each with the prefix."""
    line = ""
    for word in text.split():
        if line and len(prefix) + len(line) + 1 + len(word) > FOLD:
            yield prefix + line
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield prefix + line


# -- the status


def _status(report: Report, shown: Sequence[ReportedRecipient]) -> bytes:
    is_global = _is_global(shown)
    groups = ["".join(_message_fields(report))]
    groups += ["".join(_recipient_fields(one, is_global=is_global)) for one in shown]
    body = _octets("\r\n".join(groups))
    encoding = "8bit" if is_global else "7bit"
    return _part(f"message/{_report_type(shown)}", "Delivery report", encoding, body)


def _report_type(shown: Sequence[ReportedRecipient]) -> str:
    """The subtype of the status part (RFC 6522 §3)."""
    return "global-delivery-status" if _is_global(shown) else "delivery-status"


def _is_global(shown: Sequence[ReportedRecipient]) -> bool:
    """An address needs UTF-8 (RFC 6533 §4)."""
    return not all(_token(one.final).isascii() for one in shown) or not all(
        original[1].isascii() for one in shown if (original := _original(one))
    )


def _message_fields(report: Report) -> Iterator[str]:
    """RFC 3464 §2.2."""
    if report.envelope_id:
        yield _field("Original-Envelope-Id", _ascii(_token(report.envelope_id)))
    yield _field("Reporting-MTA", "dns;", _ascii(_token(report.reporting_mta)))
    if report.arrival_date is not None:
        yield _field("Arrival-Date", _date(report.arrival_date))


def _recipient_fields(one: ReportedRecipient, *, is_global: bool) -> Iterator[str]:
    """RFC 3464 §2.3."""
    original = _original(one)
    if original is not None:
        yield _field("Original-Recipient", *_typed(*original, is_global=is_global))
    final = _token(one.final)
    yield _field("Final-Recipient", *_typed(xtext.RFC822, final, is_global=is_global))
    yield _field("Action", one.action)
    yield _field("Status", _valid_status(one))
    if server := _token(one.remote_mta):
        yield _field("Remote-MTA", "dns;", _ascii(server))
    if said := _said(one):
        kind = f"{OWN_TYPE};" if one.is_own else "smtp;"
        yield _field("Diagnostic-Code", kind, *(said if is_global else _ascii(said)).split())
    if one.last_attempt is not None:
        yield _field("Last-Attempt-Date", _date(one.last_attempt))
    if one.action == "delayed" and one.will_retry_until is not None:
        yield _field("Will-Retry-Until", _date(one.will_retry_until))


def _typed(kind: str, address: str, *, is_global: bool) -> tuple[str, str]:
    """Type and address; UTF-8 as such in a global report, else in ASCII (RFC 6533 §3)."""
    if not address.isascii() and kind == xtext.RFC822:
        kind = xtext.UTF8
    if kind == xtext.UTF8 and not is_global:
        address = xtext.encode_utf8(address)
    return f"{kind};", address


def _original(one: ReportedRecipient) -> tuple[str, str] | None:
    """The type and the address of the original recipient."""
    if not one.original:
        return None
    kind, semicolon, address = one.original.partition(";")
    if not semicolon or not _TYPE.fullmatch(kind):
        kind, address = xtext.RFC822, one.original
    address = _token(address)
    return (kind.lower(), address) if address else None


def _valid_status(one: ReportedRecipient) -> str:
    if _STATUS.fullmatch(one.status):
        return one.status
    return _DEFAULT_STATUS.get(one.action, "2.0.0")


def _said(one: ReportedRecipient) -> str:
    text = " ".join(one_line(one.diagnostic[: 4 * MAX_TEXT]).split())
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 3] + "..."


# -- what is returned of the message


def _returned(report: Report) -> bytes:
    if report.body is not None and len(report.head) + len(report.body) <= MAX_FULL:
        whole = _block(report.head) + report.body
        if b"\0" not in whole and has_line_ends(whole) and longest_line(whole) <= MAX_LINE:
            encoding = "7bit" if whole.isascii() else "8bit"
            if report.head.isascii():
                return _part("message/rfc822", "Your message", encoding, whole)
            if _is_utf8(report.head):
                return _part("message/global", "Your message", encoding, whole)
    block = _returned_head(report.head)
    if block.isascii():
        return _part("text/rfc822-headers", "Header of your message", "7bit", block)
    return _part("message/global-headers", "Header of your message", "8bit", block)


def _block(head: bytes) -> bytes:
    """The header block with its empty line."""
    if head == b"\r\n" or head.endswith(b"\r\n\r\n"):
        return head
    return head + (b"\r\n" if head.endswith(b"\r\n") or not head else b"\r\n\r\n")


def _returned_head(head: bytes) -> bytes:
    """The fields, as many as fit; line ends, NULs and what is no UTF-8 are put right."""
    ends = LineEnds()
    clean = ends.feed(headers.split(head)[0].replace(b"\0", b"?")) + ends.finish()
    clean = headers.split(clean)[0]
    if clean.endswith(b"\r\n\r\n") or clean == b"\r\n":
        clean = clean[:-2]
    lines = _octets(clean.decode("utf-8", "replace")).split(b"\r\n")
    block = b"\r\n".join([_short(line) for line in lines])
    if len(block) <= MAX_HEAD:
        return block
    kept = [field.end for field in headers.fields(block) if field.end <= MAX_HEAD]
    return block[: max(kept, default=0)]


def _short(line: bytes) -> bytes:
    if len(line) <= MAX_LINE:
        return line
    return line[: MAX_LINE - 3].decode("utf-8", "ignore").encode("utf-8") + b"..."


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


# -- fields and parts


def _part(kind: str, description: str, encoding: str, body: bytes) -> bytes:
    fields = [
        _field("Content-Type", kind),
        _field("Content-Description", description),
        _field("Content-Transfer-Encoding", encoding),
    ]
    return _octets("".join(fields)) + b"\r\n" + body


def _field(name: str, *pieces: str) -> str:
    """A field with its CRLF, folded between the pieces; a piece that is too long is cut."""
    lines = []
    line = f"{name}:"
    for piece in [cut for whole in pieces if whole for cut in _cut(whole)]:
        if len(line) + 1 + len(piece) > FOLD and not line.endswith(":"):
            lines.append(line)
            line = ""
        line += " " + piece
    return "\r\n".join([*lines, line, ""])


def _cut(piece: str) -> list[str]:
    step = MAX_TOKEN // 4  # no character has more octets
    if len(_octets(piece)) <= MAX_TOKEN + 2:  # an address with its brackets
        return [piece]
    return [piece[at : at + step] for at in range(0, len(piece), step)]


def _token(text: str) -> str:
    """An address or a name in one line, and short enough for it."""
    octets = _octets(one_line(text[:MAX_TOKEN]))
    return octets[:MAX_TOKEN].decode("utf-8", "ignore")


def _identifier(text: str) -> str:
    return _NOT_IN_ID.sub("", text)[:MAX_TOKEN]


def _thread(head: bytes) -> Iterator[str]:
    """In-Reply-To and References: mail programs show the notice with the message."""
    found = ids(headers.value(head, b"message-id") or b"")[:1]
    for ident in found:
        if ident == _identifier(ident):
            yield _field("In-Reply-To", f"<{ident}>")
            yield _field("References", f"<{ident}>")


def _subject(head: bytes) -> str:
    value = headers.value(head, b"subject") or b""
    text = one_line(decode_words(value[: 10 * MAX_SUBJECT])) or "your message"
    return text if len(text) <= MAX_SUBJECT else text[: MAX_SUBJECT - 3] + "..."


def _date(ms: int) -> str:
    return dates.write(max(0, min(ms, _LAST)))


def _ascii(text: str) -> str:
    return _BEYOND_ASCII.sub("?", text)


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _boundary(seed: str, parts: Sequence[bytes]) -> str:
    """A boundary that stands in none of the parts; the same for the same notice."""
    text = seed
    while True:
        text = hashlib.sha256(_octets(text)).hexdigest()[:32]
        if not any(text.encode("ascii") in part for part in parts):
            return text
