"""Answers of those who are away: the command, when it may answer, and the letter itself.

RFC 5230, RFC 6131 (``:seconds``), RFC 3834 (automatic answers), RFC 8580 (``:fcc``).
"""

import hashlib
import re
from collections.abc import Collection
from typing import Final

from postroom.address import Address, AddressError, split_subaddress
from postroom.message import headers
from postroom.message.addresses import Mailbox, mailboxes, parse
from postroom.message.charset import decode, decode_words
from postroom.message.compose import Draft, Person, compose
from postroom.message.msgid import message_ids, references
from postroom.message.submission import has_bulk_marks
from postroom.sieve.actions import Vacation
from postroom.sieve.details import address
from postroom.sieve.filing import fcc
from postroom.sieve.heads import Head, clean
from postroom.sieve.letter import Letter
from postroom.sieve.machine import Machine
from postroom.sieve.problems import RunError
from postroom.sieve.script import Call

DAY: Final = 86_400
MAX_SUBJECT: Final = 250  # characters
MAX_REFERENCES: Final = 20

_LIST_FIELDS: Final = (
    *("list-id", "list-help", "list-subscribe", "list-unsubscribe", "list-post"),
    *("list-owner", "list-archive"),
)
_OWN_FIELDS: Final = ("to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc")
_MACHINES: Final = re.compile(
    r"owner-.*|.*-(?:request|owner|bounces?)|mailer-daemon|postmaster|listserv|majordomo"
    r"|(?:no|donot|do-not)[-_.]?reply|bounces?|bounces?[-+=].*",
    re.IGNORECASE,
)


def vacation(machine: Machine, call: Call) -> None:
    """The command: everything of the answer is decided here, but not whether it goes out."""
    tags = call.tags
    reason = machine.text(call.arguments[0])
    subject = machine.text(tags["subject"]) if "subject" in tags else None
    from_ = machine.text(tags["from"]) if "from" in tags else None
    is_mime = "mime" in tags
    if "handle" in tags:
        identity = ("handle", machine.text(tags["handle"]))
    else:
        identity = ("answer", f"{subject!r} {from_!r} {is_mime} {reason}")
    key = hashlib.sha256(repr(identity).encode("utf-8", "replace")).hexdigest()[:40]
    if subject is None:
        original = machine.head.texts("subject")
        subject = "Auto: " + original[0] if original and original[0] else "Automated reply"
    machine.add(
        Vacation(
            key=key,
            seconds=_seconds(machine, call),
            reason=reason,
            subject=subject[:MAX_SUBJECT],
            from_=from_,
            addresses=tuple([_address(one) for one in machine.texts(tags.get("addresses"))]),
            is_mime=is_mime,
            fcc=fcc(machine, call),
        )
    )


def _address(text: str) -> str:
    """An address as it is compared; what is none stays as it is, and is nobody's."""
    try:
        return address(text)
    except RunError:
        return text


def _seconds(machine: Machine, call: Call) -> int:
    """The period; whole days are at least one (RFC 5230 §4.1)."""
    seconds = call.tags.get("seconds")
    if not isinstance(seconds, int):
        days = call.tags.get("days", 7)
        seconds = max(1, days) * DAY if isinstance(days, int) else 7 * DAY
    return max(machine.limits.min_period, min(seconds, machine.limits.max_period))


def objection(
    letter: Letter, action: Vacation, own: Collection[str], separators: str = "+"
) -> str | None:
    """Why this letter must not be answered, in plain words; None when it may be.

    ``own`` are the addresses of the owner as far as the server knows them. How often an
    answer goes out is for the caller to watch. RFC 3834 §2, RFC 5230 §4.5, §4.6.
    """
    sender = letter.sender
    if not sender:
        return "the message has the null sender"
    local = sender.rpartition("@")[0]
    if _MACHINES.fullmatch(local):
        return f"{sender} is the address of a program"
    mine = {_plain(one, separators) for one in (*own, *action.addresses)}
    if _plain(sender, separators) in mine:
        return "the message comes from the owner"
    head = Head(letter.head)
    if has_bulk_marks(letter.head) or any(head.values(name) for name in _LIST_FIELDS):
        return "the message says that it comes from a list or a program"
    suppressed = {
        word.strip().lower()
        for text in head.texts("x-auto-response-suppress")
        for word in text.split(",")
    }
    if suppressed & {"all", "oof", "autoreply"}:
        return "the message asks for no automatic answer"
    named = [one for name in _OWN_FIELDS for value in head.values(name) for one in _list(value)]
    if not any(
        _plain(f"{_text(one.local)}@{_text(one.domain)}", separators) in mine for one in named
    ):
        return "the message names none of the owner's addresses as its recipient"
    return None


def _plain(address: str, separators: str) -> str:
    """An address without its detail, in lower case: to find out whose it is."""
    local, _, domain = address.strip().rpartition("@")
    return f"{split_subaddress(local, separators)[0]}@{domain}".lower()


def _list(value: bytes) -> list[Mailbox]:
    return mailboxes(parse(value, 1000))


def _text(octets: bytes) -> str:
    return clean(decode(octets))


def reply(
    letter: Letter, action: Vacation, *, own: Collection[str], date: str, message_id: str
) -> bytes:
    """The octets of the answer, for the null reverse-path and ``letter.sender``.

    The author is ``:from`` when that is one of ``own`` or of the addresses of the action, else
    the first of ``own``. ``date`` is as ``dates.write`` makes it. RFC 5230 §5, RFC 3834 §3.
    """
    before = headers.values(letter.head, b"message-id")
    parent = message_ids(before[0])[:1] if before else []
    ancestors = references(
        headers.values(letter.head, b"references"), headers.values(letter.head, b"in-reply-to")
    )
    more = [("Auto-Submitted", "auto-replied (vacation)"), ("Precedence", "bulk")]
    if parent:
        chain = [one for one in ancestors if one != parent[0]][1 - MAX_REFERENCES :]
        more += [
            ("In-Reply-To", f"<{_text(parent[0])}>"),
            ("References", " ".join([f"<{_text(one)}>" for one in (*chain, parent[0])])),
        ]
    draft = Draft(
        sender=author(action.from_, own, action.addresses),
        to=[Person(letter.sender)],
        subject=action.subject or "Automated reply",
        text="" if action.is_mime else action.reason,
        date=date,
        message_id=message_id,
        more=more,
    )
    octets = compose(draft)
    return _with_entity(octets, action.reason) if action.is_mime else octets


def author(wanted: str | None, own: Collection[str], further: Collection[str] = ()) -> Person:
    """Who a letter of a script comes from: ``wanted`` if it is the owner's address."""
    mine = [*own, *further]
    for mailbox in _list((wanted or "").encode("utf-8", "replace")):
        try:
            address = str(Address.parse(f"{_text(mailbox.local)}@{_text(mailbox.domain)}"))
        except AddressError:
            continue
        if address.lower() in {one.lower() for one in mine}:
            return Person(address, clean(decode_words(mailbox.name)))
    return Person(mine[0] if mine else "")


def _with_entity(octets: bytes, entity: str) -> bytes:
    """The letter with this MIME entity for its content; of its header only Content fields."""
    head, _ = headers.split(octets)
    head = headers.strip(head, {b"content-type", b"content-transfer-encoding"})
    given, body = headers.split(entity.encode("utf-8", "replace"))
    fields = [
        given[one.start : one.end].removesuffix(b"\n").removesuffix(b"\r") + b"\r\n"
        for one in headers.fields(given)
        if one.name.startswith(b"content-")
    ]
    return b"".join([head.removesuffix(b"\r\n"), *fields, b"\r\n", body])
