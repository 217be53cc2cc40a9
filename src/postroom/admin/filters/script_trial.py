"""Trying scripts on letters in files: nothing is stored, sent or filed."""

from collections.abc import Callable, Collection
from typing import Any, Final

import msgspec

from postroom.intake.sieving import local_offset
from postroom.message import headers
from postroom.message.addresses import mailboxes, parse
from postroom.message.lineends import LineEnds
from postroom.message.scan import scan
from postroom.sieve.actions import (
    Action,
    Discard,
    FileInto,
    Keep,
    Notify,
    Outcome,
    Redirect,
    Reject,
    Vacation,
)
from postroom.sieve.compiler import compile_script
from postroom.sieve.interpreter import Passed, run
from postroom.sieve.letter import Environment, Letter
from postroom.sieve.problems import Problem, ScriptError
from postroom.sieve.questions import Answer, Asking, MailboxExists, Question, ScriptText
from postroom.sieve.script import Script
from postroom.sieve.vacation import objection

NAMES: Final = {
    Keep: "keep",
    FileInto: "fileinto",
    Redirect: "redirect",
    Discard: "discard",
    Reject: "reject",
    Vacation: "vacation",
    Notify: "notify",
}


class Checked(msgspec.Struct, frozen=True):
    """What is wrong with a script; a valid one has no ``problems`` and requires ``extensions``."""

    problems: tuple[Problem, ...]
    extensions: tuple[str, ...]


class Tried(msgspec.Struct, frozen=True):
    """What a script would do. ``actions`` have the member ``action``, their name in Sieve.

    ``trace`` are the commands that were run, in order. ``error`` is why the script gave up.
    """

    sender: str
    recipient: str
    actions: tuple[dict[str, Any], ...]
    error: str | None
    trace: tuple[Passed, ...]


def check(octets: bytes) -> Checked:
    """Read and check a script."""
    try:
        compiled = compile_script(octets)
    except ScriptError as error:
        return Checked(error.problems, ())
    return Checked((), tuple(sorted(compiled.extensions)))


def try_on(
    script: Script,
    message: bytes,
    *,
    now: int,
    sender: str | None = None,
    recipient: str | None = None,
    folders: Collection[str] = (),
    included: Callable[[str], bytes | None] = lambda _: None,
) -> Tried:
    """Run a script on a message.

    Without ``sender`` that is who stands in Return-Path, or in From; without ``recipient`` who
    stands in Delivered-To, or in To. ``now`` is UTC milliseconds; ``folders`` are mailboxes that
    exist besides INBOX; ``included`` has the scripts that may be included, by name.
    """
    letter = _letter(message, sender, recipient)
    own = (letter.recipient,) if letter.recipient else ()
    environment = Environment(now=now, offset_at=local_offset)
    trail: list[Passed] = []
    present = {"INBOX", *folders}
    outcome = _driven(
        run(script, letter, environment, trail), lambda asked: _answer(asked, present, included)
    )
    actions = tuple(_described(one, letter, own) for one in outcome.actions)
    return Tried(letter.sender, letter.recipient, actions, outcome.error, tuple(trail))


def _driven(running: Asking[Outcome], answer: Callable[[Question], Answer]) -> Outcome:
    try:
        question = next(running)
        while True:
            question = running.send(answer(question))
    except StopIteration as end:
        outcome: Outcome = end.value
        return outcome


def _answer(
    question: Question, folders: set[str], included: Callable[[str], bytes | None]
) -> Answer:
    match question:
        case ScriptText(name):
            return included(name)
        case MailboxExists(mailbox):
            return mailbox in folders
        case _:
            return None


def _letter(message: bytes, sender: str | None, recipient: str | None) -> Letter:
    ends = LineEnds()
    octets = ends.feed(message) + ends.finish()
    head, body = headers.split(octets)
    return Letter(
        head=head,
        part=scan(octets),
        body=body,
        size=len(octets),
        sender=_first(head, b"return-path", b"from") if sender is None else sender,
        recipient=_first(head, b"delivered-to", b"to") if recipient is None else recipient,
    )


def _first(head: bytes, *fields: bytes) -> str:
    for field in fields:
        value = headers.value(head, field)
        if value is not None:
            for one in mailboxes(parse(value, 1)):
                if one.domain:  # not the null path
                    return f"{one.local.decode()}@{one.domain.decode()}"
            return ""
    return ""


def _described(action: Action, letter: Letter, own: tuple[str, ...]) -> dict[str, Any]:
    members = {"action": NAMES[type(action)]} | msgspec.structs.asdict(action)
    edited = members.pop("head", None)
    if edited is not None:
        members["edited"] = edited.decode("utf-8", "replace")
    if isinstance(action, Vacation):
        members["not_sent"] = objection(letter, action, own)
    return members
