"""Tests: which function answers which, and those that put others together.

RFC 5228 §5. Tests after the one that decides are not run (§5.2, §5.3).
"""

from collections.abc import Callable
from typing import Final

from postroom.sieve import (
    bodies,
    dates,
    duplicates,
    fields,
    flags,
    mailboxes,
    notices,
    surroundings,
    variables,
)
from postroom.sieve.machine import Machine
from postroom.sieve.questions import Asking
from postroom.sieve.script import Call


def holds(machine: Machine, call: Call) -> Asking[bool]:
    """Say whether the test is true."""
    machine.spend(1)
    name = call.name
    if name == "not":
        return not (yield from holds(machine, call.tests[0]))
    if name in {"allof", "anyof"}:
        for test in call.tests:
            if (yield from holds(machine, test)) is (name == "anyof"):
                return name == "anyof"
        return name == "allof"
    if name in ASKING:
        return (yield from ASKING[name](machine, call))
    return PLAIN[name](machine, call)


def _size(machine: Machine, call: Call) -> bool:
    over, under = call.tags.get("over"), call.tags.get("under")
    size = machine.letter.size + len(machine.head.octets) - len(machine.letter.head)
    if isinstance(over, int):
        return size > over
    return isinstance(under, int) and size < under


PLAIN: Final[dict[str, Callable[[Machine, Call], bool]]] = {
    "true": lambda _machine, _call: True,
    "false": lambda _machine, _call: False,
    "size": _size,
    "header": fields.header,
    "address": fields.address,
    "envelope": fields.envelope,
    "exists": fields.exists,
    "string": variables.string,
    "hasflag": flags.has_flag,
    "body": bodies.body,
    "date": dates.date,
    "currentdate": dates.current_date,
    "environment": surroundings.environment,
    "spamtest": surroundings.spam_test,
    "virustest": surroundings.virus_test,
    "valid_notify_method": notices.valid_method,
    "notify_method_capability": notices.method_capability,
}

ASKING: Final[dict[str, Callable[[Machine, Call], Asking[bool]]]] = {
    "mailboxexists": mailboxes.mailbox_exists,
    "mailboxidexists": mailboxes.mailbox_id_exists,
    "specialuse_exists": mailboxes.special_use_exists,
    "metadata": mailboxes.metadata,
    "servermetadata": mailboxes.metadata,
    "metadataexists": mailboxes.metadata_exists,
    "servermetadataexists": mailboxes.metadata_exists,
    "duplicate": duplicates.duplicate,
}
