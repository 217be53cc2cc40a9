"""Tests of what is known from elsewhere: the server, and verdicts on the letter.

RFC 5183 (environment), RFC 5235 (spamtest, virustest).
"""

from postroom.sieve.machine import Machine
from postroom.sieve.script import Call


def environment(machine: Machine, call: Call) -> bool:
    """The test ``environment``; an item that is not known fits nothing."""
    item = machine.environment.items.get(machine.text(call.arguments[0]).lower())
    return item is not None and machine.compare(call, [item], call.arguments[1])


def spam_test(machine: Machine, call: Call) -> bool:
    """The test ``spamtest``: 1 to 10, or with ``:percent`` 0 to 100; 0 when nobody looked."""
    percent = machine.letter.spam
    value = 0
    if percent is not None:
        percent = max(0, min(100, percent))
        value = percent if "percent" in call.tags else 1 + percent * 9 // 100
    return _compare(machine, call, value, was_tested=percent is not None)


def virus_test(machine: Machine, call: Call) -> bool:
    """The test ``virustest``: 1 (none) to 5 (surely one); 0 when nobody looked."""
    virus = machine.letter.virus
    value = 0 if virus is None else max(1, min(5, virus))
    return _compare(machine, call, value, was_tested=virus is not None)


def _compare(machine: Machine, call: Call, value: int, *, was_tested: bool) -> bool:
    """``:count`` says whether somebody looked (RFC 5235 §3.2)."""
    values = [str(value)] if was_tested or call.match.kind != "count" else []
    return machine.compare(call, values, call.arguments[0])
