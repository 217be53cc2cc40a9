"""What a letter says: the test ``body`` and the command ``extracttext``.

Of a large letter only the beginning is known (``Letter.body``); the outcome says when that was
looked at. HTML is read as its text. RFC 5173, RFC 5703 §7.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from postroom.message.charset import decode
from postroom.message.content import decoded
from postroom.message.part import Part
from postroom.sieve.heads import clean
from postroom.sieve.limits import MAX_VARIABLE
from postroom.sieve.machine import Machine
from postroom.sieve.mime import walk
from postroom.sieve.problems import RunError
from postroom.sieve.script import Call
from postroom.sieve.variables import assign, modified, price

MAX_PARTS: Final = 200  # whose text a test reads

_RAW: Final = -1  # where the raw body is kept among the readings of parts

_TAG: Final = re.compile(  # what is never closed reaches to the end, so this is linear
    r"<(script|style)\b[^>]*+>?(?:.*?</\1\b[^>]*+>?|.*)|<!--(?:.*?-->|.*)|<[a-z/!?][^>]*+>?",
    re.DOTALL | re.IGNORECASE,
)


def body(machine: Machine, call: Call) -> bool:
    """The test ``body``; wildcards set no variables here (RFC 5173 §6)."""
    letter = machine.letter
    machine.is_partial = machine.is_partial or not letter.is_whole
    if "raw" in call.tags:
        texts: Iterator[str] = iter([_raw(machine)])
    elif "content" in call.tags:
        wanted = [kind.lower() for kind in machine.texts(call.tags["content"])]
        texts = _contents(machine, wanted)
    else:
        texts = _texts(machine)
    return machine.compare(call, texts, call.arguments[0], captures=False)


def _raw(machine: Machine) -> str:
    text = machine.readings.get(_RAW)
    if text is None:
        machine.spend(1 + len(machine.letter.body) // 64)
        text = machine.readings[_RAW] = clean(decode(machine.letter.body))
    return text


def _texts(machine: Machine) -> Iterator[str]:
    parts = [part for part in _all(machine) if part.content_type[0] == "text"]
    for part in parts[:MAX_PARTS]:
        yield readable(machine, part)


def _all(machine: Machine) -> list[Part]:
    parts = list(walk(machine.letter.part))
    machine.spend(len(parts))
    return parts


def readable(machine: Machine, part: Part) -> str:
    """The text of a text part, HTML without its tags; "" for other parts."""
    if part.content_type[0] != "text":
        return ""
    text = machine.readings.get(part.body_start)
    if text is None:
        text = _decoded(machine, part)
        if part.content_type[1] in {"html", "xhtml"}:
            machine.spend(len(text) // 32)
            text = plain(text)
        machine.readings[part.body_start] = text
    return text


def plain(text: str) -> str:
    """The text of HTML."""
    import html  # a third of a megabyte of names

    return html.unescape(_TAG.sub("", text))


def _decoded(machine: Machine, part: Part) -> str:
    octets = machine.letter.octets(part.body_start, part.end)
    machine.spend(1 + len(octets) // 64)
    return clean(decoded(part, octets))


def _contents(machine: Machine, wanted: Sequence[str]) -> Iterator[str]:
    """RFC 5173 §5.2: parts by type; of a message its header, of a multipart what is around."""
    parts = [part for part in _all(machine) if _is_wanted(part, wanted)]
    for part in parts[:MAX_PARTS]:
        if part.message is not None:
            inside = part.message
            octets = machine.letter.octets(inside.header_start, inside.body_start)
            machine.spend(1 + len(octets) // 256)
            yield clean(decode(octets))
        elif part.children:
            yield from _around(machine, part)
        else:
            yield _decoded(machine, part)


def _around(machine: Machine, part: Part) -> Iterator[str]:
    """What stands before the first delimiter line of a multipart and after the last one."""
    octets = machine.letter.octets(part.body_start, part.children[0].header_start)
    before = octets.rstrip(b"\r\n").rpartition(b"\n")[0].removesuffix(b"\r")
    octets = machine.letter.octets(part.children[-1].end, part.end)
    after = octets.lstrip(b"\r\n").partition(b"\n")[2]
    yield from [clean(decode(text)) for text in (before, after) if text]


def _is_wanted(part: Part, wanted: Sequence[str]) -> bool:
    major, minor = part.content_type
    return any(one in {"", major, f"{major}/{minor}"} for one in wanted)


def extract_text(machine: Machine, call: Call) -> None:
    """The command ``extracttext``: the text of the part a loop is at, into a variable."""
    if not machine.parts:
        raise RunError("extracttext works only inside foreverypart")
    machine.is_partial = machine.is_partial or not machine.letter.is_whole
    text = readable(machine, machine.parts[-1])
    first = call.tags.get("first")
    text = text[: min(first, MAX_VARIABLE) if isinstance(first, int) else MAX_VARIABLE]
    machine.spend(price(text, call.tags))
    assign(machine, machine.text(call.arguments[0]), modified(text, call.tags))
