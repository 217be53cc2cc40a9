"""The parts of a letter: which one a test means, and what stands in the fields of MIME.

RFC 5703 §3 (foreverypart), §4 (``:mime``, ``:anychild``, ``:type`` and so on).
"""

from collections.abc import Iterator, Sequence

from postroom.message import parameters
from postroom.message.charset import parameter
from postroom.message.parameters import Parameters
from postroom.message.part import Part
from postroom.sieve.heads import Head, clean
from postroom.sieve.machine import Machine
from postroom.sieve.script import Call


def children(part: Part) -> list[Part]:
    """What is directly inside."""
    return [*part.children, part.message] if part.message is not None else part.children


def walk(part: Part) -> Iterator[Part]:
    """The part and all inside it, each before what is in it."""
    waiting = [part]
    while waiting:
        one = waiting.pop()
        yield one
        waiting.extend(reversed(children(one)))


def loop(machine: Machine) -> Iterator[Part]:
    """What a foreverypart goes through: the whole letter, or what is in the part of the outer."""
    if machine.parts:
        for child in children(machine.parts[-1]):
            yield from walk(child)
    else:
        yield from walk(machine.letter.part)


def heads(machine: Machine, call: Call) -> Iterator[Head]:
    """The header blocks a test looks at: the letter's, or with ``:mime`` those of parts."""
    if "mime" not in call.tags:
        yield machine.head
        return
    part = machine.parts[-1] if machine.parts else machine.letter.part
    for one in walk(part) if "anychild" in call.tags else (part,):
        machine.spend(4)
        if one is machine.letter.part:
            yield machine.head
        else:
            machine.spend((one.body_start - one.header_start) // 64)
            yield Head(machine.letter.octets(one.header_start, one.body_start))


def mime_texts(
    machine: Machine, call: Call, name: str, values: Sequence[bytes], texts: Sequence[str]
) -> Iterator[str]:
    """What ``:type``, ``:subtype``, ``:contenttype`` or ``:param`` take out of a field's values.

    But for ``:param`` that is "" in fields that have no such thing (§4.2).
    """
    tags = call.tags
    if not tags.keys() & {"type", "subtype", "contenttype", "param"}:
        yield from texts
        return
    wanted = machine.texts(tags.get("param"))
    for value in values:
        machine.spend(1 + len(value) // 16)
        kind, disposition = parameters.content_type(value), parameters.disposition(value)
        if "param" in tags:
            written = kind[1] if kind else disposition[1] if disposition else ()
            yield from _parameters(written, wanted)
        elif name.lower() == "content-type":
            yield _of_type(kind[0] if kind else ("", ""), call)
        elif name.lower() == "content-disposition" and "subtype" not in tags:
            yield disposition[0] if disposition else ""
        else:
            yield ""


def _parameters(written: Parameters, wanted: Sequence[str]) -> Iterator[str]:
    for name in wanted:
        found = parameter(written, name)
        if found is not None:
            yield clean(found)


def _of_type(kind: tuple[str, str], call: Call) -> str:
    if "type" in call.tags:
        return kind[0]
    return kind[1] if "subtype" in call.tags else "/".join(kind)
