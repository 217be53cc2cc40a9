"""Flags: the internal variable, lists of flags in other variables, and ``hasflag``.

RFC 5232. A list of flags is a string with blanks between them, each flag once.
"""

from collections.abc import Iterable
from typing import Final

from postroom.sieve.actions import Flags
from postroom.sieve.details import FLAG
from postroom.sieve.limits import MAX_FLAGS
from postroom.sieve.machine import Machine
from postroom.sieve.script import Call, Value
from postroom.sieve.variables import assign

_SYSTEM: Final = {
    name.lower(): name for name in ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft")
}


def flag_list(texts: Iterable[str]) -> Flags:
    r"""The flags in these strings; what is none is left out, and so is \Recent."""
    found: dict[str, str] = {}
    for text in texts:
        for word in text.split():
            if FLAG.fullmatch(word) and (word[0] != "\\" or word.lower() in _SYSTEM):
                found.setdefault(word.lower(), _SYSTEM.get(word.lower(), word))
                if len(found) == MAX_FLAGS:
                    return tuple(found.values())
    return tuple(found.values())


def _given(machine: Machine, value: Value | None) -> Flags:
    texts = machine.texts(value)
    machine.spend(sum(map(len, texts)) // 32)
    return flag_list(texts)


def _current(machine: Machine, call: Call) -> Flags:
    if call.arguments[0] is None:
        return machine.flags
    return flag_list([_value(machine, machine.text(call.arguments[0]))])


def _value(machine: Machine, name: str) -> str:
    namespace, _, rest = name.lower().rpartition(".")
    return machine.variable(rest, namespace)


def change(machine: Machine, call: Call) -> None:
    """The commands ``setflag``, ``addflag`` and ``removeflag``."""
    given = _given(machine, call.arguments[1])
    if call.name == "addflag":
        given = flag_list([*_current(machine, call), *given])
    elif call.name == "removeflag":
        gone = {flag.lower() for flag in given}
        given = tuple([flag for flag in _current(machine, call) if flag.lower() not in gone])
    if call.arguments[0] is None:
        machine.flags = given
    else:
        assign(machine, machine.text(call.arguments[0]), " ".join(given))


def has_flag(machine: Machine, call: Call) -> bool:
    """The test ``hasflag``; the keys are lists of flags too (§5)."""
    if call.arguments[0] is None:
        flags: list[str] = list(machine.flags)
    else:
        names = machine.texts(call.arguments[0])
        flags = [flag for name in names for flag in flag_list([_value(machine, name)])]
    keys = machine.texts(call.arguments[1])
    if call.match.kind != "count":
        keys = [word for key in keys for word in key.split()]
    return machine.compare(call, flags, tuple(keys))


def of_action(machine: Machine, call: Call) -> Flags:
    """The flags of an action: ``:flags``, else the internal variable."""
    if "flags" in call.tags:
        return _given(machine, call.tags["flags"])
    return machine.flags
