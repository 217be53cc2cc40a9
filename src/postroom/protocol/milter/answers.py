"""What a milter says: of the step, as its last word on it, or of what is to be changed.

Texts that end up in SMTP or in a header block are checked here: no octet of a milter can end a
line, a command or a field.
"""

import enum
import re
from typing import Final

import msgspec

from postroom.protocol.milter.options import Actions
from postroom.protocol.milter.packets import Malformed

MAX_LINES: Final = 32
"""Of the text of a reply."""

_CODE: Final = re.compile(rb"([45][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_STATUS: Final = re.compile(r"([45]\.[0-9]{1,3}\.[0-9]{1,3})(?: +|\Z)")
_NAME: Final = re.compile(rb"[!-9;-~]{1,998}")
_BREAK: Final = re.compile(rb"\r\n|\r|\n")
_UNSAFE: Final = re.compile(rb"[\x00-\x1f\x7f]")


class Word(enum.Enum):
    """An answer without data; the value is its octet."""

    ACCEPT = b"a"
    CONTINUE = b"c"
    DISCARD = b"d"
    REJECT = b"r"
    TEMPFAIL = b"t"
    SKIP = b"s"
    PROGRESS = b"p"
    SHUTDOWN = b"4"
    CONNECTION_FAILED = b"f"


class ReplyCode(msgspec.Struct, frozen=True):
    """The reply for the client: ``code`` is 4yz or 5yz, ``status`` "" when it gives none."""

    code: int
    status: str
    lines: tuple[str, ...]


class AddHeader(msgspec.Struct, frozen=True):
    """A field goes to the end. Lines of a ``value`` end in CRLF, the last one in nothing."""

    name: bytes
    value: bytes


class InsertHeader(msgspec.Struct, frozen=True):
    """A field goes before the one of this ``index``, which counts all fields from 0 on."""

    index: int
    name: bytes
    value: bytes


class ChangeHeader(msgspec.Struct, frozen=True):
    """The ``index``th field of this name, from 1 on, gets a value; with b"" it is removed."""

    index: int
    name: bytes
    value: bytes


class ReplaceBody(msgspec.Struct, frozen=True):
    """The next octets of another body."""

    octets: bytes


class ChangeSender(msgspec.Struct, frozen=True):
    """Another reverse-path; "" is the null one. ``parameters`` of MAIL, not read yet."""

    address: str
    parameters: str = ""


class AddRecipient(msgspec.Struct, frozen=True):
    """One more recipient. ``parameters`` of RCPT, not read yet."""

    address: str
    parameters: str = ""


class RemoveRecipient(msgspec.Struct, frozen=True):
    """One recipient less."""

    address: str


class Quarantine(msgspec.Struct, frozen=True):
    """The message is to be looked at by somebody before it goes on."""

    reason: str


Change = (
    AddHeader
    | InsertHeader
    | ChangeHeader
    | ReplaceBody
    | ChangeSender
    | AddRecipient
    | RemoveRecipient
    | Quarantine
)
Answer = Word | ReplyCode | Change

NEEDED: Final = {
    b"h": Actions.ADD_HEADERS,
    b"i": Actions.ADD_HEADERS,
    b"m": Actions.CHANGE_HEADERS,
    b"b": Actions.CHANGE_BODY,
    b"e": Actions.CHANGE_SENDER,
    b"+": Actions.ADD_RECIPIENTS,
    b"2": Actions.ADD_RECIPIENTS_WITH,
    b"-": Actions.REMOVE_RECIPIENTS,
    b"q": Actions.QUARANTINE,
}
"""What has to be agreed for an answer that changes something."""

_WORDS: Final = {word.value: word for word in Word}


def read(kind: bytes, data: bytes) -> Answer:
    """One answer. Raises Malformed."""
    word = _WORDS.get(kind)
    if word is not None:
        return word
    if kind == b"y":
        return _reply(data)
    if kind == b"b":
        return ReplaceBody(data)
    if kind in (b"h", b"i", b"m"):
        return _header(kind, data)
    if kind in (b"e", b"+", b"2", b"-"):
        return _of_address(kind, _texts(data))
    if kind == b"q":
        return Quarantine(_shown(_texts(data)[0]))
    raise Malformed(f"it sent an unknown answer ({kind!r})")


def spaced(answer: Answer, *, keeps: bool) -> Answer:
    """With the space behind the colon, where the other side does not give it."""
    if keeps or not isinstance(answer, AddHeader | InsertHeader | ChangeHeader):
        return answer
    if not answer.value or answer.value[:1] in (b" ", b"\t"):
        return answer
    return msgspec.structs.replace(answer, value=b" " + answer.value)


def _reply(data: bytes) -> ReplyCode:
    lines = _BREAK.split(data.partition(b"\0")[0].rstrip(b"\r\n"))
    if len(lines) > MAX_LINES:
        raise Malformed(f"its reply has {len(lines)} lines")
    code, status, texts = 0, "", []
    for line in lines:
        found = _CODE.fullmatch(line)
        if found is None or (code and int(found[1]) != code):
            raise Malformed(f"its reply is {line[:80]!r}")
        code, text = int(found[1]), _shown((found[3] or b"").replace(b"%%", b"%"))
        enhanced = _STATUS.match(text)
        if enhanced is not None:
            if int(enhanced[1][0]) != code // 100:
                raise Malformed(f"its reply is {line[:80]!r}")
            status, text = enhanced[1], text[enhanced.end() :]
        texts.append(text)
    return ReplyCode(code, status, tuple(texts))


def _header(kind: bytes, data: bytes) -> AddHeader | InsertHeader | ChangeHeader:
    index = 0
    if kind != b"h":
        if len(data) < 4:
            raise Malformed("a header field is cut off")
        index, data = int.from_bytes(data[:4], "big"), data[4:]
    texts = _texts(data)
    name, value = texts[0], _folded(texts[1] if len(texts) > 1 else b"")
    if _NAME.fullmatch(name) is None:
        raise Malformed(f"{name[:80]!r} is not the name of a header field")
    if kind == b"h":
        return AddHeader(name, value)
    return (InsertHeader if kind == b"i" else ChangeHeader)(index, name, value)


def _folded(value: bytes) -> bytes:
    """A value whose further lines begin with white space and hold more than that."""
    first, *more = _BREAK.split(value)
    lines = [line if line[:1] in (b" ", b"\t") else b"\t" + line for line in more if line.strip()]
    return b"\r\n".join([first, *lines])


def _texts(data: bytes) -> list[bytes]:
    if not data.endswith(b"\0"):
        raise Malformed("a text is cut off")
    return data[:-1].split(b"\0")


def _of_address(kind: bytes, texts: list[bytes]) -> ChangeSender | AddRecipient | RemoveRecipient:
    """Only two of them have room for parameters."""
    address = _address(texts[0])
    if kind == b"-":
        return RemoveRecipient(address)
    if kind == b"+":
        return AddRecipient(address)
    parameters = _shown(texts[1]) if len(texts) > 1 else ""
    return (ChangeSender if kind == b"e" else AddRecipient)(address, parameters)


def _address(octets: bytes) -> str:
    """Without its brackets."""
    if _UNSAFE.search(octets):
        raise Malformed(f"{octets[:80]!r} is not an address")
    octets = octets.strip()
    if octets.startswith(b"<") and octets.endswith(b">"):
        octets = octets[1:-1]
    try:
        return octets.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"{octets[:80]!r} is not an address") from error


def _shown(octets: bytes) -> str:
    return "".join([one if one.isprintable() else "?" for one in octets.decode("utf-8", "replace")])
