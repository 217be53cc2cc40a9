"""Notices by mail: ``notify`` and what goes with it (RFC 5435, RFC 5436, RFC 6068).

A notice never answers a notice: letters that were made by a program give none (RFC 5436 §2.7).
"""

from collections.abc import Collection, Sequence
from typing import Final
from urllib.parse import unquote

import msgspec

from postroom.message.compose import Draft, Person, compose
from postroom.sieve.actions import Notify
from postroom.sieve.details import FIELD_NAME, address
from postroom.sieve.filing import fcc
from postroom.sieve.heads import Head
from postroom.sieve.letter import Letter
from postroom.sieve.machine import Machine
from postroom.sieve.problems import RunError
from postroom.sieve.script import Call
from postroom.sieve.vacation import author

MAX_URI: Final = 4096  # characters
MAX_RECIPIENTS: Final = 8
MAX_FIELDS: Final = 10
MAX_SUBJECT: Final = 250  # characters

_RESERVED: Final = frozenset(  # RFC 5436 §2.3: what a URI must not say
    {
        *("from", "sender", "reply-to", "date", "message-id", "received", "return-path"),
        *(
            "in-reply-to",
            "references",
            "mime-version",
            "auto-submitted",
            "importance",
            "x-priority",
        ),
        *("to", "cc", "bcc", "subject", "body", "delivered-to", "dkim-signature", "precedence"),
    }
)
_RESERVED_KINDS: Final = ("content-", "resent-", "list-", "arc-", "x-auto", "authentication-")


class Target(msgspec.Struct, frozen=True):
    """What a mailto URI says."""

    to: tuple[str, ...]
    cc: tuple[str, ...]
    subject: str | None
    body: str | None
    fields: tuple[tuple[str, str], ...]


def target(uri: str) -> Target:
    """Read a mailto URI; raises RunError."""
    scheme, colon, rest = uri.partition(":")
    if not colon or scheme.lower() != "mailto":
        raise RunError(f"{uri[:60]!r} is no address to notify; it must begin with mailto:")
    if len(uri) > MAX_URI:
        raise RunError("the address to notify is too long")
    path, _, query = rest.partition("?")
    to = _addresses(path)
    cc: list[str] = []
    texts: dict[str, str] = {}
    fields: list[tuple[str, str]] = []
    for item in query.split("&") if query else ():
        name, equals, value = item.partition("=")
        name = unquote(name).lower()
        if not equals or not FIELD_NAME.fullmatch(name):
            raise RunError(f"{item[:60]!r} in the address to notify is no field")
        if name == "to":
            to += _addresses(value)
        elif name in {"cc", "bcc"}:
            cc += _addresses(value)
        elif name in {"subject", "body"}:
            texts.setdefault(name, unquote(value))
        elif name not in _RESERVED and not name.startswith(_RESERVED_KINDS):
            fields.append((name.title(), unquote(value)))
    if not 1 <= len(to) + len(cc) <= MAX_RECIPIENTS:
        raise RunError(f"the address to notify must name 1 to {MAX_RECIPIENTS} recipients")
    return Target(
        tuple(dict.fromkeys(to)),
        tuple(dict.fromkeys(cc)),
        texts.get("subject"),
        texts.get("body"),
        tuple(fields[:MAX_FIELDS]),
    )


def _addresses(text: str) -> list[str]:
    return [address(unquote(one)) for one in text.split(",") if one.strip()]


def notify(machine: Machine, call: Call) -> None:
    """The command ``notify``."""
    tags = call.tags
    where = target(machine.text(call.arguments[0]))
    importance = machine.text(tags["importance"]) if "importance" in tags else "2"
    if importance not in {"1", "2", "3"}:
        raise RunError(f"the importance must be 1, 2 or 3, not {importance[:20]!r}")
    message = machine.text(tags["message"]) if "message" in tags else None
    subject = message or where.subject or _first(machine, "subject") or "New mail"
    machine.add(
        Notify(
            to=where.to,
            cc=where.cc,
            subject=subject[:MAX_SUBJECT],
            body=_about(machine) if where.body is None else where.body,
            from_=machine.text(tags["from"]) if "from" in tags else None,
            importance=int(importance),
            fields=where.fields,
            fcc=fcc(machine, call),
        )
    )


def _first(machine: Machine, name: str) -> str:
    texts = machine.head.texts(name)
    return texts[0] if texts else ""


def _about(machine: Machine) -> str:
    """What the owner wants to know of a letter."""
    lines = [f"{name}: {_first(machine, name)[:500]}" for name in ("From", "To", "Subject", "Date")]
    return "A letter has come.\n\n" + "\n".join(lines) + "\n"


def valid_method(machine: Machine, call: Call) -> bool:
    """The test ``valid_notify_method``: all of them could be used."""
    for uri in machine.texts(call.arguments[0]):
        machine.spend(1)
        try:
            target(uri)
        except RunError:
            return False
    return True


def method_capability(machine: Machine, call: Call) -> bool:
    """The test ``notify_method_capability``: whether people are "online" mail can't know."""
    uri, capability, keys = call.arguments
    try:
        target(machine.text(uri))
    except RunError:
        return False
    if machine.text(capability).lower() != "online":
        return False
    return machine.compare(call, ["maybe"], keys)


def objection(letter: Letter) -> str | None:
    """Why no notice may be sent of this letter, in plain words; None when it may."""
    for text in Head(letter.head).texts("auto-submitted"):
        if text.lower().startswith("auto-notified"):
            return "the letter is a notice itself"
    return None


def notice(
    action: Notify, *, own: Sequence[str], date: str, message_id: str, owner: str = ""
) -> bytes:
    """The octets of the notice, for the null reverse-path; ``owner`` is whose script it was.

    ``date`` is as ``dates.write`` makes it.
    """
    kind = "auto-notified" + (f'; owner-email="{owner}"' if owner else "")
    priority = {1: "1 (High)", 3: "5 (Low)"}.get(action.importance, "3 (Normal)")
    people: Collection[str] = action.to or action.cc
    draft = Draft(
        sender=author(action.from_, own),
        to=[Person(one) for one in people],
        cc=[Person(one) for one in action.cc] if action.to else [],
        subject=action.subject,
        text=action.body,
        date=date,
        message_id=message_id,
        more=[("Auto-Submitted", kind), ("X-Priority", priority), *action.fields],
    )
    return compose(draft)
