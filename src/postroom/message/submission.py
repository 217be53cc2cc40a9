"""What a submission server may do to a header block, and whom the block names as authors.

``prepare`` adds Date and Message-ID where they are absent and removes Bcc; every other
octet stays where it is. ``authors`` reads From and Sender strictly: what another reader
could take for a further address, a further field or a different end is a problem told in
plain words, so nobody can write in another's name beside his own. Whether the addresses
belong to the sender is for ``intake`` to say.

RFC 6409 §8 (what may be changed), RFC 5322 §3.6.1, §3.6.2, §3.6.4 (fields), §3.6.3 (Bcc),
RFC 6854 (groups in From), RFC 3834 §5 (Auto-Submitted), RFC 2919 and RFC 2369 (lists).
"""

import re
from typing import Final

import msgspec

from postroom.address import Address, AddressError
from postroom.message import dates, headers
from postroom.message.addresses import Mailbox, mailboxes, parse
from postroom.message.parameters import without_comments

MAX_AUTHORS: Final = 100
_MAX_FIELD: Final = 20_000  # octets of From and Sender: the reader of addresses reads it all
MAX_SHOWN: Final = 100  # characters of an address in a problem

BLIND: Final = frozenset({b"bcc", b"resent-bcc"})
_MARKS: Final = frozenset({b"precedence", b"list-id", b"list-unsubscribe", b"auto-submitted"})
_BULK: Final = frozenset({b"bulk", b"list", b"junk"})
_CONTINUED: Final = re.compile(rb"(?:[ \t][^\n]*+\n)*+")
_NO_LETTERS: Final = re.compile(rb"[^a-z-]++")
_CONTROLS: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_UNPRINTABLE: Final = re.compile(r"[^!-~]++")
_ESCAPED: Final = re.compile(r'(["\\])')
_OUTSIDE: Final = re.compile(
    rb'"(?:[^"\\]|\\.)*+"|\[(?:[^\[\]\\]|\\.)*+\]|[^"()<>\[\]\\]++|[(<>]', re.DOTALL
)
_INSIDE: Final = re.compile(rb"[^()\\]++|\\.|[()]", re.DOTALL)


class Prepared(msgspec.Struct, frozen=True):
    """The block, the names of the fields added, and how many Bcc fields were removed."""

    head: bytes
    added: tuple[str, ...]
    removed: int


class Authors(msgspec.Struct, frozen=True):
    """Whom From and Sender name, in canonical form (``str`` of Address), each once.

    With a ``problem`` there are none: the message is not to be sent, and the text says why.
    """

    from_: tuple[str, ...] = ()
    sender: str | None = None
    problem: str | None = None


class _Problem(Exception):
    """A field can't be believed; the message is for the sender."""


def prepare(head: bytes, *, now: int, message_id: str, hostname: str) -> Prepared:
    """The block as it may be sent. ``now`` in milliseconds.

    Where there is no Message-ID it becomes ``<message_id@hostname>``; ``message_id`` is
    unique and needs no quoting.
    """
    names = [field.name for field in headers.fields(head)]
    removed = sum([name in BLIND for name in names])
    if removed:
        head = headers.strip(head, BLIND)
    added = {}
    if b"message-id" not in names:
        added["Message-ID"] = f"<{message_id}@{hostname}>"
    if b"date" not in names:
        added["Date"] = dates.write(now)
    if added:
        lines = "".join([f"{name}: {value}\r\n" for name, value in added.items()])
        found = _CONTINUED.match(head)  # lines that would continue what is put before them
        top = found.end() if found else 0
        head = head[:top] + lines.encode("ascii", "replace") + head[top:]
    return Prepared(head, tuple(added), removed)


def authors(head: bytes) -> Authors:
    """The addresses of From and Sender, or why they can't be believed."""
    try:
        return Authors(_from(head), _sender(head))
    except _Problem as problem:
        return Authors(problem=str(problem))


def has_bulk_marks(head: bytes) -> bool:
    """True when the message says of itself that it is mass mail or was made by a program."""
    lower = head.lower()
    for name in _MARKS:
        if name in lower:
            break
    else:  # most have none
        return False
    found = headers.collect(head, _MARKS)
    if b"list-id" in found or b"list-unsubscribe" in found:
        return True
    if any(_word(value) in _BULK for value in found.get(b"precedence", ())):
        return True
    return any(_word(value) not in {b"", b"no"} for value in found.get(b"auto-submitted", ()))


def _word(value: bytes) -> bytes:
    """The value in lower case without comments and parameters."""
    return without_comments(value).partition(b";")[0].strip().lower()


def _from(head: bytes) -> tuple[str, ...]:
    found = _addresses(head, "From")
    if not found:
        raise _Problem("The message has no From field; add one with your address")
    return found


def _sender(head: bytes) -> str | None:
    found = _addresses(head, "Sender")
    if len(found) > 1:
        raise _Problem("The Sender field holds several addresses; leave only one")
    return found[0] if found else None


def _addresses(head: bytes, name: str) -> tuple[str, ...]:
    """The addresses of a field that may stand once; none when it is absent."""
    values = _values(head, name)
    if not values:
        return ()
    if len(values) > 1:
        raise _Problem(f"The message has {len(values)} {name} fields; leave only one")
    value = values[0]
    if len(value) > _MAX_FIELD:
        raise _Problem(
            f"The {name} field is longer than {_MAX_FIELD} octets; leave fewer addresses"
        )
    opened = None if _CONTROLS.search(value) else _opened(value)
    if opened is None:
        raise _Problem(
            f"The {name} field can't be read: a quote, comment or bracket is left open, or a"
            " control character stands in it; write name <address>"
        )
    found = mailboxes(parse(value))
    if not found:
        raise _Problem(f"The {name} field holds no address; add yours")
    # "ceo@a.example <x@b.example>" without quotes: some readers show the first as the address
    found += [mailbox for mailbox in mailboxes(parse(opened)) if mailbox.local and mailbox.domain]
    if len(found) > 2 * MAX_AUTHORS:
        raise _Problem(f"The {name} field holds more than {MAX_AUTHORS} addresses; leave fewer")
    return tuple(dict.fromkeys([_address(mailbox, name) for mailbox in found]))


def _values(head: bytes, name: str) -> list[bytes]:
    """The unfolded values of a field. A line that only looks like it is a problem.

    Other readers take no notice of what else stands before the colon.
    """
    wanted = name.lower().encode("ascii")
    values = []
    for line in headers.unfold(head).split(b"\n"):
        if not line:
            break
        written, colon, value = line.partition(b":")
        written = written.lower()
        if not colon or _NO_LETTERS.sub(b"", written) != wanted:
            continue
        if written.rstrip(b" \t") != wanted:
            raise _Problem(
                f"A line of the header looks like a {name} field and is none; remove what"
                f" stands before the colon besides {name}"
            )
        values.append(value.strip(b" \t"))
    return values


def _opened(value: bytes) -> bytes | None:
    """The value without comments, and with commas for angle brackets.

    None when a quoted string, a comment, a literal or a bracket is not closed.
    """
    kept = []
    depth = at = 0
    in_angle = False
    while at < len(value):
        found = (_INSIDE if depth else _OUTSIDE).match(value, at)
        if found is None:
            return None
        lexeme, at = found[0], found.end()
        if lexeme == b"(":
            depth += 1
            lexeme = b" "
        elif depth:
            depth -= lexeme == b")"
            lexeme = b""
        elif lexeme in {b"<", b">"}:
            if in_angle is (lexeme == b"<"):
                return None
            in_angle = not in_angle
            lexeme = b","
        kept.append(lexeme)
    return None if depth or in_angle else b"".join(kept)


def _address(mailbox: Mailbox, name: str) -> str:
    try:
        local, domain = mailbox.local.decode("utf-8"), mailbox.domain.decode("utf-8")
        quoted = _ESCAPED.sub(r"\\\1", local)  # the reader has taken the quotes away
        return str(Address.parse(f'"{quoted}"@{domain}'))
    except (AddressError, UnicodeDecodeError):
        octets = mailbox.local + b"@" + mailbox.domain if mailbox.domain else mailbox.local
        shown = _UNPRINTABLE.sub("?", octets.decode("utf-8", "replace"))[:MAX_SHOWN]
        raise _Problem(f"The {name} field holds <{shown}>, which is no full address") from None
