"""An Email that a client makes: its properties checked, and the message that they ask for.

What a client must not set is refused, and what is missing is added: Date, Message-ID and
MIME-Version. RFC 8621 §4.1 (properties), §4.6 (creation).
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from postroom.message import dates
from postroom.store import flags as flag_words
from postroom.web.jmap import body_write, fields_write
from postroom.web.jmap.body_write import Node, Quoted
from postroom.web.jmap.errors import SetError, invalid_properties
from postroom.web.jmap.fields_write import CONVENIENT, Unfit

MAX_MAILBOXES: Final = 1_000  # of one message

_BODY: Final = frozenset({"bodyStructure", "bodyValues", "textBody", "htmlBody", "attachments"})
_PLACED: Final = frozenset({"mailboxIds", "keywords", "receivedAt"})
_GIVEN: Final = frozenset({"id", "blobId", "threadId", "size", "preview", "hasAttachment"})

_KEYWORD: Final = re.compile(r"[!#$&'+-\[^-z|}~]{1,255}")
_BITS: Final = {
    "$seen": flag_words.SEEN,
    "$answered": flag_words.ANSWERED,
    "$flagged": flag_words.FLAGGED,
    "$draft": flag_words.DRAFT,
}


class Labels(msgspec.Struct, frozen=True):
    """Keywords of an Email, as the store has them: system flags as bits, and the others."""

    bits: int = 0
    words: frozenset[str] = frozenset()


class Placing(msgspec.Struct, frozen=True):
    """Where a message goes, with which keywords; ``received`` in UTC milliseconds."""

    mailbox_ids: tuple[str, ...]
    labels: Labels
    received: int | None


class Drafted(msgspec.Struct, frozen=True):
    """A message to be made: its fields as octets, then its body."""

    head: bytes
    root: Node

    @property
    def blob_ids(self) -> list[str]:
        """The blobs that it needs."""
        return body_write.blob_ids(self.root)

    def pieces(self, seed: Callable[[], str]) -> Iterator[bytes | Quoted]:
        """The octets of the message; ``seed`` makes boundaries."""
        yield self.head
        yield from body_write.pieces(self.root, seed)
        if self.root.text is not None and not self.root.text.endswith("\n"):
            yield b"\r\n"  # the last line of a message ends (RFC 5321 §4.1.1.4)


def drafted(properties: Mapping[str, Any], *, now: int, message_id: str) -> Drafted:
    """The message that the properties of an Email ask for.

    ``now`` is its date, ``message_id`` (without brackets) its Message-ID when they set none.
    Raises SetError.
    """
    for name in properties:
        _check(name)
    own = {name: value for name, value in properties.items() if name not in _BODY}
    seen: set[str] = set()
    found = fields_write.fields(own, seen)
    root = body_write.root(properties, seen)
    has = {name for name, _ in found} | _named(root)
    lines = [octets for _, octets in found]
    if "date" not in has:
        lines.append(f"Date: {dates.write(now)}\r\n".encode())
    if "message-id" not in has:
        lines.append(f"Message-ID: <{message_id}>\r\n".encode())
    if "mime-version" not in has:
        lines.append(b"MIME-Version: 1.0\r\n")
    return Drafted(b"".join(lines), root)


def placing(properties: Mapping[str, Any]) -> Placing:
    """Where an Email goes. Raises SetError."""
    received = properties.get("receivedAt")
    try:
        at = None if received is None else fields_write.moment(received)[0]
    except Unfit as error:
        raise invalid_properties(f"receivedAt: {error}", "receivedAt") from None
    if at is not None and not 0 <= at < 1 << 48:
        raise invalid_properties("receivedAt is a time since 1970", "receivedAt")
    return Placing(
        tuple(mailbox_ids(properties.get("mailboxIds"))), keywords(properties.get("keywords")), at
    )


def mailbox_ids(value: object) -> list[str]:
    """The ids of ``mailboxIds``, at least one. Raises SetError."""
    chosen = _chosen("mailboxIds", value)
    if not chosen:
        raise invalid_properties("an Email is in at least one Mailbox", "mailboxIds")
    if len(chosen) > MAX_MAILBOXES:
        raise SetError("tooManyMailboxes", f"an Email is in at most {MAX_MAILBOXES} Mailboxes")
    return chosen


def keywords(value: object) -> Labels:
    """The keywords of ``keywords``; none for null. Raises SetError."""
    return labels(_chosen("keywords", value))


def labels(names: Sequence[str]) -> Labels:
    """Keywords as flags. Raises SetError."""
    bits, words = 0, set()
    for name in names:
        folded = name.lower()
        if not _KEYWORD.fullmatch(name) or folded in {"$deleted", "$recent"}:
            raise invalid_properties(f"{name!r} can't be a keyword", f"keywords/{name}")
        if folded in _BITS:
            bits |= _BITS[folded]
        else:
            words.add(folded)
    if len(words) > flag_words.MAX_KEYWORDS or (
        len(" ".join(words)) > flag_words.MAX_KEYWORD_OCTETS
    ):
        raise SetError(
            "tooManyKeywords", f"an Email has at most {flag_words.MAX_KEYWORDS} keywords"
        )
    return Labels(bits, frozenset(words))


def _chosen(name: str, value: object) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, dict):
        raise invalid_properties(f"{name} is an object with true for each", name)
    wrong = [f"{name}/{one}" for one, chosen in value.items() if chosen is not True]
    if wrong:
        raise invalid_properties(f"{name} is an object with true for each", *wrong)
    return list(value)


def _check(name: str) -> None:
    """Raises SetError for a property that can't be set of an Email."""
    if name in _BODY or name in _PLACED or name in CONVENIENT:
        return
    if name in _GIVEN:
        raise invalid_properties(f"{name} is set by the server", name)
    if not name.startswith("header:"):
        raise invalid_properties(f"{name} can't be set of an Email", name)
    if fields_write.is_content(name.removeprefix("header:")):
        raise invalid_properties(f"{name} is set of a part, not of an Email", name)


def _named(root: Node) -> set[str]:
    """The lower-case names of the fields that a part has."""
    return {
        line.partition(b":")[0].decode("ascii", "replace").lower()
        for octets in root.head
        for line in octets.split(b"\r\n")
        if line[:1] not in {b"", b" ", b"\t"}
    }
