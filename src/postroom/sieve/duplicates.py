"""The test ``duplicate``: has a letter like this one come before? (RFC 7352).

What is to be remembered is part of the outcome, so that a delivery that fails leaves no trace
(§3). The keys are hashes: of a handle and of what identifies the letter.
"""

import hashlib
from typing import Final

from postroom.sieve.actions import Remember
from postroom.sieve.machine import Machine
from postroom.sieve.mailboxes import ask
from postroom.sieve.questions import Asking, WasSeen
from postroom.sieve.script import Call

DEFAULT_SECONDS: Final = 7 * 86_400


def duplicate(machine: Machine, call: Call) -> Asking[bool]:
    """The test; false for a letter that has nothing to know it by (§3.1)."""
    identity = _identity(machine, call)
    if identity is None:
        return False
    handle = machine.text(call.tags["handle"]) if "handle" in call.tags else ""
    text = f"{len(handle)}:{handle}{identity}"
    key = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:40]
    if key not in machine.seen:  # asked again it says the same
        machine.seen[key] = (yield from ask(machine, WasSeen(key))) is True
    seconds = call.tags.get("seconds", DEFAULT_SECONDS)
    if isinstance(seconds, int) and (not machine.seen[key] or "last" in call.tags):
        machine.remembered[key] = Remember(key, min(seconds, machine.limits.max_tracked))
    return machine.seen[key]


def _identity(machine: Machine, call: Call) -> str | None:
    if "uniqueid" in call.tags:
        return machine.text(call.tags["uniqueid"])
    name = machine.text(call.tags["header"]) if "header" in call.tags else "message-id"
    texts = machine.head.texts(name)
    return texts[0] if texts else None
