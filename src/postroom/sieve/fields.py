"""Tests of header fields and of the envelope.

RFC 5228 §5.1, §5.4, §5.5, §5.7; RFC 5260 §6 (``:index``, ``:last``); RFC 5703 §4 (``:mime``).
"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from postroom.sieve.addressing import field_parts, part_of, path_part
from postroom.sieve.machine import Machine
from postroom.sieve.mime import heads, mime_texts
from postroom.sieve.problems import RunError
from postroom.sieve.script import Call

ItemT = TypeVar("ItemT")


def header(machine: Machine, call: Call) -> bool:
    """The test ``header``."""
    return machine.compare(call, _texts(machine, call), call.arguments[1])


def _texts(machine: Machine, call: Call) -> Iterator[str]:
    for head in heads(machine, call):
        for name in machine.texts(call.arguments[0]):
            machine.spend(1)
            texts = chosen(head.texts(name), call)
            if "mime" in call.tags:
                values = chosen(head.values(name), call)
                yield from mime_texts(machine, call, name, values, texts)
            else:
                yield from texts


def exists(machine: Machine, call: Call) -> bool:
    """The test ``exists``: all of the fields are there."""
    names = machine.texts(call.arguments[0])
    missing = set(names)
    for head in heads(machine, call):
        machine.spend(len(missing))
        missing = {name for name in missing if not head.values(name)}
    return not missing


def address(machine: Machine, call: Call) -> bool:
    """The test ``address``."""
    return machine.compare(call, _addresses(machine, call), call.arguments[1])


def _addresses(machine: Machine, call: Call) -> Iterator[str]:
    part = part_of(call)
    separators = machine.environment.separators
    for head in heads(machine, call):
        for name in machine.texts(call.arguments[0]):
            machine.spend(1)
            # An index counts the fields, whatever is in them (RFC 5260 §6).
            for value in chosen(head.values(name), call):
                machine.spend(len(value) // 32)
                yield from field_parts(value, part, separators)


def envelope(machine: Machine, call: Call) -> bool:
    """The test ``envelope``."""
    return machine.compare(call, _paths(machine, call), call.arguments[1])


def _paths(machine: Machine, call: Call) -> Iterator[str]:
    part = part_of(call)
    letter = machine.letter
    for name in machine.texts(call.arguments[0]):
        match name.lower():
            case "from":
                path: str | None = letter.sender
            case "to":
                path = letter.recipient or None
            case "auth":
                path = letter.auth or None
            case _:
                raise RunError(f"{name[:60]!r} is no part of the envelope")
        if path is not None:
            found = path_part(path, part, machine.environment.separators)
            if found is not None:
                yield found


def chosen(found: Sequence[ItemT], call: Call) -> Sequence[ItemT]:
    """All, or the one that ``:index`` means."""
    index = call.tags.get("index")
    if not isinstance(index, int):
        return found
    if "last" in call.tags:
        return found[-index : len(found) - index + 1] if index <= len(found) else ()
    return found[index - 1 : index]
