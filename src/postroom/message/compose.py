"""Letters of our own: notices, demo letters, reports as text with attachments.

Date and Message-ID are given, so the same draft makes the same octets. Whatever the
texts contain, each field stays one field, lines end in CRLF and are at most 998 octets,
and the result is ASCII unless an address itself needs SMTPUTF8.

RFC 5322, RFC 2045 §6, RFC 2046 §5.1, RFC 2047, RFC 2231.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

MAX_LINE: Final = 76  # where lines are folded, RFC 2045 §6.7, RFC 2047 §2
HARD_LINE: Final = 998  # RFC 5322 §2.1.1
_WORD_OCTETS: Final = 42  # of UTF-8 in an encoded word: 56 letters of base64, 68 in all
_PIECE: Final = 50  # letters of a parameter's piece

_ATOMS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_UNSAFE: Final = re.compile(rb"[\0\r]")
_LINE_ENDS: Final = re.compile(r"\r\n|\r|\n")
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$&^_.+-]+")
_PLAIN: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class Person(msgspec.Struct, frozen=True):
    """An address, and perhaps a name."""

    address: str
    name: str = ""


class Attachment(msgspec.Struct, frozen=True):
    """A file in a letter; ``content_type`` such as ``application/pdf``.

    With ``content_id`` it is shown where HTML names that (RFC 2392), and not as a file.
    """

    name: str
    octets: bytes
    content_type: str = "application/octet-stream"
    content_id: str = ""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What a letter says. ``date`` is made by ``dates.write``; ``more`` are other fields.

    With ``html`` it says the same twice, as text and as HTML (RFC 2046 §5.1.4); ``images`` are
    those that the HTML shows (RFC 2387).

    With ``report_type`` it is a multipart/report of this type (RFC 6522).
    """

    sender: Person
    to: Sequence[Person]
    subject: str
    text: str
    date: str
    message_id: str
    cc: Sequence[Person] = ()
    bcc: Sequence[Person] = ()
    more: Sequence[tuple[str, str]] = ()
    html: str = ""
    images: Sequence[Attachment] = ()
    attachments: Sequence[Attachment] = ()
    report_type: str = ""


def compose(draft: Draft) -> bytes:
    """The octets of a letter."""
    lines = [
        f"From: {mailbox(draft.sender)}",
        *_address_field("To", draft.to),
        *_address_field("Cc", draft.cc),
        *_address_field("Bcc", draft.bcc),
        field("Subject", draft.subject),
        f"Date: {one_line(draft.date)}",
        f"Message-ID: <{_CONTROLS.sub('', draft.message_id).strip('<> ')}>",
        *[field(name, value) for name, value in draft.more],
        "MIME-Version: 1.0",
    ]
    head = "\r\n".join(lines).encode("utf-8", "replace") + b"\r\n"
    said = _text(draft.text)
    if draft.html:
        seed, html = draft.message_id, _text(draft.html, b"html")
        if draft.images:
            kind = b'related; type="text/html"'
            html = _multipart(kind, seed, [html, *map(_attachment, draft.images)])
        said = _multipart(b"alternative", seed, [said, html])
    parts = [said, *map(_attachment, draft.attachments)]
    if len(parts) == 1:
        return head + parts[0]
    subtype = b"mixed"
    if draft.report_type:
        subtype = b'report; report-type="%b"' % draft.report_type.encode("ascii")
    return head + _multipart(subtype, draft.message_id, parts)


def alternative(text: str, html: str) -> bytes:
    """A MIME entity that says the same twice (RFC 2046 §5.1.4); the same for the same texts."""
    return _multipart(b"alternative", text, [_text(text), _text(html, b"html")])


def field(name: str, text: str) -> str:
    """An unstructured header field, folded, without its last line end."""
    return _folded(name, words(text))


def words(text: str) -> list[str]:
    """Unstructured text as words between which a line may be folded (RFC 2047 §5)."""
    text = one_line(text)
    plain = text.split(" ")
    if text.isascii() and "=?" not in text and max(map(len, plain)) < HARD_LINE // 2:
        return plain
    return _encoded(text)


def one_line(text: str) -> str:
    """Text that can't end its line."""
    return _CONTROLS.sub(" ", text).strip()


def mailbox(person: Person) -> str:
    """A mailbox of an address field; it may be folded."""
    address = _CONTROLS.sub("", person.address)
    name = phrase(person.name)
    return f"{name}{_space(name, address)}<{address}>" if name else address


def phrase(name: str) -> str:
    """What stands before an address, or names a group; it may be folded."""
    name = one_line(name)
    if not name.isascii() or "=?" in name or len(name) > HARD_LINE // 2:
        return "\r\n ".join(_encoded(name))
    if _ATOMS.fullmatch(name):
        return name
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _space(phrase: str, address: str) -> str:
    """A blank, or a folded line when the address would make it too long."""
    used = len(phrase.rpartition("\n")[2])
    return " " if used + len(address) < MAX_LINE - len("Sender: ") else "\r\n "


def _address_field(name: str, people: Sequence[Person]) -> Iterable[str]:
    if people:
        yield f"{name}: " + ",\r\n ".join([mailbox(person) for person in people])


def _folded(name: str, pieces: Sequence[str]) -> str:
    lines = []
    line = _CONTROLS.sub("", name).replace(":", "").replace(" ", "") + ":"
    for piece in pieces:
        if len(line) + 1 + len(piece) > MAX_LINE and not line.endswith(":") and piece:
            lines.append(line)
            line = ""
        line += " " + piece
    return "\r\n".join([*lines, line.rstrip(" ") if not line.isspace() else " "])


def _encoded(text: str) -> list[str]:
    """Encoded words in UTF-8 and base64; none is cut inside a character."""
    pieces: list[bytes] = []
    piece = b""
    for letter in text:
        octets = letter.encode("utf-8", "replace")
        if len(piece) + len(octets) > _WORD_OCTETS:
            pieces.append(piece)
            piece = b""
        piece += octets
    pieces.append(piece)
    return [f"=?utf-8?B?{base64.b64encode(octets).decode('ascii')}?=" for octets in pieces]


def _text(text: str, subtype: bytes = b"plain") -> bytes:
    text = _LINE_ENDS.sub("\n", text)
    if text and not text.endswith("\n"):
        text += "\n"
    charset, encoding, body = encoded_text(text)
    return b"Content-Type: text/%b; charset=%b\r\nContent-Transfer-Encoding: %b\r\n\r\n%b" % (
        subtype,
        charset,
        encoding,
        body,
    )


def encoded_text(text: str) -> tuple[bytes, bytes, bytes]:
    """Charset, Content-Transfer-Encoding and octets of text; its lines end in LF, as they are."""
    body = text.encode("utf-8", "replace")
    longest = max(map(len, body.split(b"\n")))
    charset = b"us-ascii" if body.isascii() else b"utf-8"
    if body.isascii() and not _UNSAFE.search(body) and longest <= HARD_LINE:
        encoding, body = b"7bit", body.replace(b"\n", b"\r\n")
    elif b"\r" in body or len(body) > 3 * len(text) // 2:  # most letters are not ASCII
        encoding, body = b"base64", _base64(body.replace(b"\n", b"\r\n"))
    else:
        encoding = b"quoted-printable"
        body = binascii.b2a_qp(body, istext=True).replace(b"\n", b"\r\n")
    return charset, encoding, body


def _multipart(subtype: bytes, seed: str, parts: Sequence[bytes]) -> bytes:
    boundary = _boundary(seed, parts)
    kind = b'Content-Type: multipart/%b; boundary="%b"\r\n\r\n' % (subtype, boundary)
    opened = b"--" + boundary + b"\r\n"
    inner = b"".join([opened + part + b"\r\n" for part in parts])
    return kind + inner + b"--" + boundary + b"--\r\n"


def _attachment(file: Attachment) -> bytes:
    major, _, minor = file.content_type.partition("/")
    if not (_TOKEN.fullmatch(major) and _TOKEN.fullmatch(minor)):
        major, minor = "application", "octet-stream"
    if major == "message":  # RFC 2046 §5.2.1: never encoded
        encoding = "7bit" if file.octets.isascii() else "8bit"
        body = file.octets
    else:
        encoding = "base64"
        body = _base64(file.octets)
    ident = _CONTROLS.sub("", file.content_id).encode("ascii", "ignore").decode().strip("<> ")
    kind = "inline" if ident else "attachment"
    fields = (
        f"Content-Type: {major}/{minor}\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n"
        + (f"Content-ID: <{ident}>\r\n" if ident else "")
        + f"Content-Disposition: {kind}{parameter('filename', file.name)}\r\n\r\n"
    )
    return fields.encode("ascii") + body


def parameter(name: str, value: str) -> str:
    """A parameter after what came before, in pieces when it is long (RFC 2231 §3)."""
    value = one_line(value)
    if not value:
        return ""
    if value.isascii() and len(value) <= _PIECE:
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f';\r\n {name}="{escaped}"'
    octets = value.encode("utf-8", "replace")
    letters = [chr(octet) if chr(octet) in _PLAIN else f"%{octet:02X}" for octet in octets]
    step = _PIECE // 3
    pieces = ["".join(letters[at : at + step]) for at in range(0, len(letters), step)]
    pieces[0] = "utf-8''" + pieces[0]
    if len(pieces) == 1:
        return f";\r\n {name}*={pieces[0]}"
    return "".join([f";\r\n {name}*{number}*={piece}" for number, piece in enumerate(pieces)])


def _base64(octets: bytes) -> bytes:
    return base64.encodebytes(octets).replace(b"\n", b"\r\n")


def _boundary(seed: str, parts: Sequence[bytes]) -> bytes:
    """A boundary that stands in none of the parts; the same for the same letter."""
    text = seed.encode("utf-8", "replace")
    while True:
        text = hashlib.sha256(text).hexdigest()[:32].encode("ascii")
        if not any(text in part for part in parts):
            return text
