"""Header fields in the forms of RFC 8621 §4.1.2: raw, text, addresses, message ids, dates, URLs.

What a property like ``header:To:asAddresses:all`` asks for is read once (``read``), and answered of
any header block. Whatever the octets, what comes out is Unicode without NUL and surrogates.
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from postroom.message import addresses, dates, headers, ident
from postroom.message.addresses import Group, Mailbox
from postroom.message.charset import decode, decode_words
from postroom.message.headers import MAX_HEADER
from postroom.message.parameters import without_comments
from postroom.web.jmap.errors import invalid

MAX_ADDRESSES: Final = 10_000  # of one field
MAX_URLS: Final = 100

PREFIX: Final = "header:"
_NAME: Final = re.compile(r"[!-9;-~]{1,200}")
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_DOT_ATOM: Final = re.compile(r"[^\x00-\x20()<>@,;:\\\"\[\]]+")
_URL: Final = re.compile(r"<\s*([^<>]*?)\s*>")
_SPACES: Final = re.compile(r"\s+")


class Raw(msgspec.Struct, frozen=True):
    """A field as it stands: its name, and the octets behind the colon without the last line end."""

    name: bytes
    value: bytes

    def told(self) -> dict[str, str]:
        """An EmailHeader."""
        return {"name": self.name.decode("ascii"), "value": raw(self.value)}


class Block:
    """A header block; its fields are looked for when they are first asked for."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets[:MAX_HEADER]
        self._fields: list[Raw] | None = None
        self._by_name: dict[bytes, list[bytes]] = {}

    @property
    def fields(self) -> list[Raw]:
        """All of them, in order."""
        if self._fields is None:
            octets = self._octets
            self._fields = [
                Raw(octets[one.start : one.start + len(one.name)], _without_end(octets, one))
                for one in headers.fields(octets)
            ]
            for one in self._fields:
                self._by_name.setdefault(one.name.lower(), []).append(one.value)
        return self._fields

    def values(self, name: bytes) -> list[bytes]:
        """The raw values of the fields with a name in lower case."""
        return self._by_name.get(name, []) if self.fields else []


def _without_end(octets: bytes, field: headers.Field) -> bytes:
    value = octets[field.value_start : field.end]
    return value[:-2] if value.endswith(b"\r\n") else value.removesuffix(b"\n")


class Wanted(msgspec.Struct, frozen=True):
    """A property that is a header field in some form; ``name`` is in lower case."""

    name: bytes
    form: str
    is_all: bool = False

    def of(self, block: Block) -> Any:
        """Its value: of the last such field, or of all (§4.1.3)."""
        values = block.values(self.name)
        make = FORMS[self.form]
        if self.is_all:
            return [make(value) for value in values]
        return make(values[-1]) if values else None


def read(property_name: str) -> Wanted:
    """What ``header:...`` asks for; raises ``invalidArguments`` (§4.1.3)."""
    name, *words = property_name.removeprefix(PREFIX).split(":")
    if not _NAME.fullmatch(name):
        raise invalid(f"{property_name!r} names no header field")
    is_all = bool(words) and words[-1] == "all"
    if is_all:
        words.pop()
    form = words.pop() if words else "asRaw"
    if words or form not in FORMS:
        raise invalid(f"{property_name!r} asks for no form that there is")
    lower = name.lower()
    if form != "asRaw" and lower in _FORMS_OF and form not in _FORMS_OF[lower]:
        raise invalid(f"the field {name} is not told in the form {form}")
    return Wanted(lower.encode("ascii"), form, is_all)


def raw(value: bytes) -> str:
    """As it stands, octets that are no UTF-8 as U+FFFD (§4.1.2.1)."""
    return value.replace(b"\0", b"").decode("utf-8", "replace")


def text(value: bytes) -> str:
    """Unfolded and decoded (§4.1.2.2)."""
    unfolded = headers.unfold(value).replace(b"\r", b"").replace(b"\n", b"")
    return _clean(decode_words(unfolded.strip(b" \t")))


def address_list(value: bytes) -> list[dict[str, str | None]]:
    """Every mailbox, those of groups too (§4.1.2.3)."""
    return list(map(_address, addresses.mailboxes(_parsed(value))))


def grouped(value: bytes) -> list[dict[str, Any]]:
    """Groups, and mailboxes between them as one without a name (§4.1.2.4)."""
    found: list[dict[str, Any]] = []
    for entry in _parsed(value):
        if isinstance(entry, Group):
            name = _clean(decode_words(entry.name))
            found.append({"name": name, "addresses": list(map(_address, entry.members))})
        elif found and found[-1]["name"] is None:
            found[-1]["addresses"].append(_address(entry))
        else:
            found.append({"name": None, "addresses": [_address(entry)]})
    return found


def message_ids(value: bytes) -> list[str] | None:
    """Identifiers without their brackets (§4.1.2.5)."""
    unfolded = without_comments(headers.unfold(value))
    return [_clean(one) for one in ident.ids(unfolded)] or None if b"<" in unfolded else None


def date(value: bytes) -> str | None:
    """RFC 3339, in the zone of its writer (§4.1.2.6)."""
    found = dates.read(headers.unfold(value))
    if found is None:
        return None
    zone = dt.timezone(dt.timedelta(minutes=found.offset))
    try:
        moment = dt.datetime.fromtimestamp(found.ms // 1000, dt.UTC).astimezone(zone)
    except (OverflowError, ValueError):
        return None
    return moment.isoformat().replace("+00:00", "Z")


def urls(value: bytes) -> list[str] | None:
    """What is in angle brackets (§4.1.2.7)."""
    written = _clean(decode(without_comments(headers.unfold(value))))
    found = [_SPACES.sub("", one) for one in _URL.findall(written)]
    return [one for one in found if one][:MAX_URLS] or None


def _parsed(value: bytes) -> Sequence[Mailbox | Group]:
    return addresses.parse(headers.unfold(value), MAX_ADDRESSES)


def _address(one: Mailbox) -> dict[str, str | None]:
    local, domain = _clean(decode(one.local)), _clean(decode(one.domain))
    if domain and local and not _DOT_ATOM.fullmatch(local):
        local = '"' + re.sub(r'(["\\])', r"\\\1", local) + '"'
    return {
        "name": _clean(decode_words(one.name)) or None,
        "email": f"{local}@{domain}" if domain else local,
    }


def _clean(value: str) -> str:
    """Unicode that JSON can carry, without NUL, in NFC."""
    if value.isascii():
        return value.replace("\0", "")
    return unicodedata.normalize("NFC", clean(value))


def clean(value: str) -> str:
    """Without NUL, and U+FFFD for halves of surrogates."""
    return _SURROGATES.sub("\ufffd", value.replace("\0", ""))


FORMS: Final[dict[str, Callable[[bytes], Any]]] = {
    "asRaw": raw,
    "asText": text,
    "asAddresses": address_list,
    "asGroupedAddresses": grouped,
    "asMessageIds": message_ids,
    "asDate": date,
    "asURLs": urls,
}


def _fields(form: Iterable[str], *names: str) -> dict[str, frozenset[str]]:
    return dict.fromkeys(names, frozenset(form))


# The forms of the fields of RFC 5322 and RFC 2369; any other may be told in every form.
_FORMS_OF: Final[dict[str, frozenset[str]]] = {
    **_fields(["asText"], "subject", "comments", "keywords"),
    **_fields(
        ["asAddresses", "asGroupedAddresses"],
        *("from", "sender", "reply-to", "to", "cc", "bcc"),
        *("resent-from", "resent-sender", "resent-reply-to"),
        *("resent-to", "resent-cc", "resent-bcc"),
    ),
    **_fields(["asMessageIds"], "message-id", "in-reply-to", "references", "resent-message-id"),
    **_fields(["asDate"], "date", "resent-date"),
    **_fields(
        ["asURLs"],
        *("list-help", "list-unsubscribe", "list-subscribe"),
        *("list-post", "list-owner", "list-archive"),
    ),
    **_fields([], "return-path", "received"),
}

CONVENIENT: Final[dict[str, Wanted]] = {
    "messageId": Wanted(b"message-id", "asMessageIds"),
    "inReplyTo": Wanted(b"in-reply-to", "asMessageIds"),
    "references": Wanted(b"references", "asMessageIds"),
    "sender": Wanted(b"sender", "asAddresses"),
    "from": Wanted(b"from", "asAddresses"),
    "to": Wanted(b"to", "asAddresses"),
    "cc": Wanted(b"cc", "asAddresses"),
    "bcc": Wanted(b"bcc", "asAddresses"),
    "replyTo": Wanted(b"reply-to", "asAddresses"),
    "subject": Wanted(b"subject", "asText"),
    "sentAt": Wanted(b"date", "asDate"),
}
"""The properties that stand for a header field in one form (§4.1.3)."""
