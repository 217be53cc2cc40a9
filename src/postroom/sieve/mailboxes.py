"""Tests that ask about mailboxes and their annotations.

RFC 5490 (mailboxes, annotations), RFC 8579 §4.1 (special uses), RFC 9042 §5 (ids).
"""

from typing import Final

from postroom.sieve.machine import Machine
from postroom.sieve.questions import (
    Answer,
    Asking,
    MailboxExists,
    MailboxIdExists,
    Metadata,
    Question,
    SpecialUseExists,
)
from postroom.sieve.script import Call

QUESTION_STEPS: Final = 4000  # what a question costs: somebody looks into a database


def ask(machine: Machine, question: Question) -> Asking[Answer]:
    """Ask, and pay for it."""
    machine.spend(QUESTION_STEPS)
    answer = yield question
    return answer


def mailbox_exists(machine: Machine, call: Call) -> Asking[bool]:
    """The test ``mailboxexists``: all of them are there."""
    for name in machine.texts(call.arguments[0]):
        if (yield from ask(machine, MailboxExists(name))) is not True:
            return False
    return True


def mailbox_id_exists(machine: Machine, call: Call) -> Asking[bool]:
    """The test ``mailboxidexists``: all of them are there."""
    for mailbox_id in machine.texts(call.arguments[0]):
        if (yield from ask(machine, MailboxIdExists(mailbox_id))) is not True:
            return False
    return True


def special_use_exists(machine: Machine, call: Call) -> Asking[bool]:
    """The test ``specialuse_exists``: each attribute is that of the mailbox, or of any."""
    mailbox = machine.text(call.arguments[0]) if call.arguments[0] is not None else None
    for use in machine.texts(call.arguments[1]):
        if (yield from ask(machine, SpecialUseExists(use, mailbox))) is not True:
            return False
    return True


def metadata(machine: Machine, call: Call) -> Asking[bool]:
    """The tests ``metadata`` and ``servermetadata``: what an annotation says."""
    *where, entry, keys = call.arguments
    mailbox = machine.text(where[0]) if where else None
    value = yield from ask(machine, Metadata(machine.text(entry), mailbox))
    return isinstance(value, str) and machine.compare(call, [value], keys)


def metadata_exists(machine: Machine, call: Call) -> Asking[bool]:
    """The tests ``metadataexists`` and ``servermetadataexists``: all of them are there."""
    *where, entries = call.arguments
    mailbox = machine.text(where[0]) if where else None
    for entry in machine.texts(entries):
        if not isinstance((yield from ask(machine, Metadata(entry, mailbox))), str):
            return False
    return True
