"""Header fields that a client sets, in the forms of JMAP (RFC 8621 §4.1.2, §4.1.3, §4.6).

A property such as ``subject`` or ``header:List-Post:asURLs`` becomes the octets of fields. Nothing
that a value holds can end its line; a value that a field could not say is refused, so that what is
read back is what was set.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from postroom.address import Address, AddressError
from postroom.message import compose, dates
from postroom.message.compose import HARD_LINE, Person
from postroom.web.jmap.errors import SetError, invalid_properties

MAX_ADDRESSES: Final = 10_000  # of one message
MAX_FIELDS: Final = 1_000  # that one object sets
MAX_FIELD: Final = 200_000  # octets

CONVENIENT: Final = {
    "messageId": ("Message-ID", "asMessageIds"),
    "inReplyTo": ("In-Reply-To", "asMessageIds"),
    "references": ("References", "asMessageIds"),
    "sender": ("Sender", "asAddresses"),
    "from": ("From", "asAddresses"),
    "to": ("To", "asAddresses"),
    "cc": ("Cc", "asAddresses"),
    "bcc": ("Bcc", "asAddresses"),
    "replyTo": ("Reply-To", "asAddresses"),
    "subject": ("Subject", "asText"),
    "sentAt": ("Date", "asDate"),
}

_ADDRESSES: Final = frozenset({"asAddresses", "asGroupedAddresses"})
_RESENT: Final = ("from", "sender", "reply-to", "to", "cc", "bcc")
_KNOWN: Final[Mapping[str, frozenset[str]]] = {  # fields of RFC 5322 and RFC 2369
    **dict.fromkeys(_RESENT, _ADDRESSES),
    **{f"resent-{name}": _ADDRESSES for name in _RESENT},
    **dict.fromkeys(("subject", "comments", "keywords", "list-id"), frozenset({"asText"})),
    **dict.fromkeys(
        ("message-id", "in-reply-to", "references", "resent-message-id"),
        frozenset({"asMessageIds"}),
    ),
    **dict.fromkeys(("date", "resent-date"), frozenset({"asDate"})),
    **{
        f"list-{name}": frozenset({"asURLs"})
        for name in ("help", "unsubscribe", "subscribe", "post", "owner", "archive")
    },
    **dict.fromkeys(("return-path", "received"), frozenset[str]()),
}
_FREE: Final = frozenset(
    {"asText", "asAddresses", "asGroupedAddresses", "asMessageIds", "asDate", "asURLs"}
)

_NAME: Final = re.compile(r"[!-9;-~]{1,200}")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_TOKEN: Final = re.compile(r"[^\x00-\x20<>\x7f]{1,900}")
_PLAIN_ADDRESS: Final = re.compile(r'[^\x00-\x20()<>\[\]:;@\\,"\x7f]{1,300}')
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
_FOLDED: Final = re.compile(r"(?:[^\r\n]|\r\n[ \t])*")


class Unfit(ValueError):
    """A value that its field can't hold; the message says why."""


class Field(NamedTuple):
    """What one property sets: a header field in a form, once or ``is_all`` of its name."""

    name: str
    form: str
    is_all: bool = False


def field_of(name: str) -> Field | None:
    """Which field a property sets; None for a property that sets none. Raises Unfit."""
    if name in CONVENIENT:
        return Field(*CONVENIENT[name])
    if not name.startswith("header:"):
        return None
    _, field, *more = name.split(":")
    is_all = bool(more) and more[-1] == "all"
    if is_all:
        more.pop()
    form = more[0] if more else "asRaw"
    if not _NAME.fullmatch(field) or len(more) > 1 or (form != "asRaw" and form not in _FREE):
        raise Unfit(f"{name} is no property of a header field")
    if form != "asRaw" and form not in _KNOWN.get(field.lower(), _FREE):
        raise Unfit(f"the field {field} has no form {form} (RFC 8621, 4.1.2)")
    return Field(field, form, is_all)


def is_content(name: str) -> bool:
    """Whether a field says what a part is, and so belongs to the part."""
    return name.lower().startswith("content-")


def fields(properties: Mapping[str, Any], seen: set[str] | None = None) -> list[tuple[str, bytes]]:
    """(lower-case name, octets with the last line end) of all fields that properties set.

    ``seen`` are the names of before, which must not be set again; those found here are added.
    Raises SetError.
    """
    seen = set() if seen is None else seen
    found: list[tuple[str, bytes]] = []
    for name, value in properties.items():
        try:
            field = field_of(name)
            if field is None:
                continue
            folded = field.name.lower()
            if folded in seen:
                raise Unfit(f"another property sets the field {field.name} as well")  # noqa: TRY301
            seen.add(folded)
            found += [(folded, octets) for octets in _written(field, value)]
        except Unfit as error:
            raise invalid_properties(f"{name}: {error}", name) from None
        if len(found) > MAX_FIELDS:
            raise SetError("tooLarge", f"a message has at most {MAX_FIELDS} fields set by hand")
    return found


def moment(text: object) -> tuple[int, int]:
    """A Date (RFC 8620 §1.4) as UTC milliseconds and the writer's zone in minutes. Raises Unfit."""
    if not isinstance(text, str) or not _DATE.fullmatch(text):
        raise Unfit(f"{text!r} is no date; write it like 2026-12-24T18:00:00Z")
    try:
        found = dt.datetime.fromisoformat(text)
        offset = found.utcoffset() or dt.timedelta()
        at = (found - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(milliseconds=1)
        found.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise Unfit(f"{text} is in no calendar") from None
    return at, int(offset.total_seconds()) // 60


def _written(field: Field, value: object) -> Iterable[bytes]:
    values = value
    if not field.is_all:
        values = [] if value is None else [value]
    if not isinstance(values, list):
        raise Unfit("the values of all fields of a name are an array")
    for one in values:
        text = _WRITERS[field.form](field.name, one)
        octets = text.encode("utf-8") + b"\r\n"
        if len(octets) > MAX_FIELD:
            raise Unfit(f"a field has at most {MAX_FIELD} octets")
        if max(map(len, octets.split(b"\r\n"))) > HARD_LINE:
            raise Unfit(f"a line of the field would be longer than {HARD_LINE} octets")
        yield octets


def _raw(name: str, value: object) -> str:
    text = _text_of(value, "the raw form")
    if not _FOLDED.fullmatch(text) or _CONTROLS.search(text.replace("\r\n", "")):
        raise Unfit("a line end is CR LF with a blank after it, and no control character stands")
    lines = text.split("\r\n")
    if len(lines) > 1 and any(not line.strip() for line in lines[1:]):
        raise Unfit("a folded line holds more than blanks (RFC 5322, 3.2.2)")
    return f"{name}:{text}"


def _text(name: str, value: object) -> str:
    text = _text_of(value, "text")
    if _CONTROLS.search(text):
        raise Unfit("text holds no line ends and no control characters")
    return compose.field(name, text)


def _addresses(name: str, value: object) -> str:
    found = [_mailbox(one) for one in _list_of(value, "addresses")]
    return f"{name}: " + ",\r\n ".join(found) if found else f"{name}:"


def _grouped(name: str, value: object) -> str:
    found: list[str] = []
    for one in _list_of(value, "groups of addresses"):
        group = _object_of(one, {"name", "addresses"})
        members = [_mailbox(each) for each in _list_of(group.get("addresses"), "addresses")]
        if group.get("name") is None:
            found += members
            continue
        phrase = compose.phrase(_name_of(group["name"]))
        found.append(f"{phrase}:" + (" " + ",\r\n ".join(members) if members else "") + ";")
    return f"{name}: " + ",\r\n ".join(found) if found else f"{name}:"


def _message_ids(name: str, value: object) -> str:
    ids = _list_of(value, "message ids")
    if not all(isinstance(one, str) and _TOKEN.fullmatch(one) for one in ids):
        raise Unfit("a message id is a word without brackets and blanks")
    return _tokens(name, [f"<{one}>" for one in ids], " ")


def _urls(name: str, value: object) -> str:
    urls = _list_of(value, "URLs")
    if not all(isinstance(one, str) and _TOKEN.fullmatch(one) and one.isascii() for one in urls):
        raise Unfit("a URL has no blanks, no brackets and only ASCII")
    return _tokens(name, [f"<{one}>" for one in urls], ", ")


def _date(name: str, value: object) -> str:
    at, offset = moment(value)
    return f"{name}: {dates.write(at, offset)}"


def _tokens(name: str, words: Sequence[str], between: str) -> str:
    return f"{name}: " + f"{between.rstrip()}\r\n ".join(words) if words else f"{name}:"


def people(value: object) -> list[tuple[str, str | None]]:
    """(address, name) of each EmailAddress of an array (§4.1.2.3). Raises Unfit."""
    return [_person(one) for one in _list_of(value, "addresses")]


def _person(value: object) -> tuple[str, str | None]:
    found = _object_of(value, {"name", "email"})
    email, name = found.get("email"), found.get("name")
    if not isinstance(email, str):
        raise Unfit("an address has an email")
    return _addr_spec(email), None if name is None else _name_of(name)


def _mailbox(value: object) -> str:
    email, name = _person(value)
    return compose.mailbox(Person(email, name or ""))


def _addr_spec(text: str) -> str:
    """An address; of a draft also one that is not complete yet, as long as it can be read back."""
    try:
        Address.parse(text)
    except AddressError:
        local, _, domain = text.partition("@")
        if not _PLAIN_ADDRESS.fullmatch(local) or (domain and not _PLAIN_ADDRESS.fullmatch(domain)):
            raise Unfit(f"{text!r} is no address") from None
        return f"{local}@{domain}" if domain else local
    return text


def _name_of(value: object) -> str:
    text = _text_of(value, "a name")
    if _CONTROLS.search(text):
        raise Unfit("a name holds no line ends and no control characters")
    return text


def _text_of(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise Unfit(f"{what} is a string")
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise Unfit(f"{what} is Unicode, without single surrogates")
    return value


def _list_of(value: object, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise Unfit(f"{what} are an array")
    if len(value) > MAX_ADDRESSES:
        raise Unfit(f"there are at most {MAX_ADDRESSES} of them")
    return value


def _object_of(value: object, names: set[str]) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not names.issuperset(value):
        raise Unfit(f"it is an object with the properties {' and '.join(sorted(names))}")
    return value


_WRITERS: Final[Mapping[str, Callable[[str, object], str]]] = {
    "asRaw": _raw,
    "asText": _text,
    "asAddresses": _addresses,
    "asGroupedAddresses": _grouped,
    "asMessageIds": _message_ids,
    "asURLs": _urls,
    "asDate": _date,
}
