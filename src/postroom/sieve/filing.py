"""Filing into mailboxes: ``fileinto``, and the copies that ``:fcc`` asks for.

RFC 5228 §4.1, RFC 5490 §3.2, RFC 8579 §4, RFC 9042 §4, RFC 8580 §3.
"""

from postroom.sieve import flags
from postroom.sieve.actions import FileInto
from postroom.sieve.machine import Machine
from postroom.sieve.problems import RunError
from postroom.sieve.script import Call, Value


def fileinto(machine: Machine, call: Call) -> None:
    """The command ``fileinto``."""
    action = _filing(machine, call, call.arguments[0], head=machine.edited)
    machine.add(action)
    machine.has_implicit_keep = machine.has_implicit_keep and action.copy


def fcc(machine: Machine, call: Call) -> FileInto | None:
    """Where a copy of what the action sends is kept; None when nobody asked for one."""
    return _filing(machine, call, call.tags["fcc"], head=None) if "fcc" in call.tags else None


def _filing(machine: Machine, call: Call, name: Value | None, *, head: bytes | None) -> FileInto:
    mailbox = machine.text(name)
    if not mailbox:
        raise RunError("the name of the mailbox is empty")
    tags = call.tags
    return FileInto(
        mailbox=mailbox,
        flags=flags.of_action(machine, call),
        create="create" in tags,
        copy="copy" in tags,
        special_use=machine.text(tags["specialuse"]) if "specialuse" in tags else None,
        mailbox_id=machine.text(tags["mailboxid"]) if "mailboxid" in tags else None,
        head=head,
    )
