r"""BODYSTRUCTURE read back: the tree of types, names and dispositions, without the message.

Reads what ``structure.bodystructure`` wrote; what is none of ours is one text part. Offsets are
not known then, nor is what is inside a message that is a part. RFC 3501 §7.4.2.
"""

import re
from typing import Final

from postroom.message.parameters import Parameters
from postroom.message.part import Part

_TOKEN: Final = re.compile(rb'[()]|"((?:[^"\\]|\\.)*+)"|\{([0-9]+)\}\r\n|[^ ()"{]+', re.DOTALL)
_ESCAPED: Final = re.compile(rb"\\(.)", re.DOTALL)
_SIMPLE: Final = 7  # facts of a part before its MD5
_MULTIPART: Final = 4  # type, parameters, disposition, language


def parts(text: bytes) -> Part:
    """The tree of a stored BODYSTRUCTURE."""
    top = _lists(text)
    if not (len(top) == 1 and isinstance(top[0], list)):
        return Part()
    root = Part()
    waiting: list[tuple[list[object], Part]] = [(top[0], root)]
    while waiting:
        items, part = waiting.pop()
        inner = [one for one in items if isinstance(one, list)]
        if items and isinstance(items[0], list):
            count = next((at for at, one in enumerate(items) if not isinstance(one, list)), 0)
            _describe_multipart(part, items[count:])
            part.children = [Part() for _ in range(count)]
            waiting += zip(inner[:count], part.children, strict=True)
        else:
            _describe(part, items)
    return root


def _describe_multipart(part: Part, facts: list[object]) -> None:
    part.content_type = ("multipart", _word(facts, 0) or "mixed")
    part.parameters = _parameters(facts, 1)
    part.disposition = _disposition(facts, 2)


def _describe(part: Part, facts: list[object]) -> None:
    part.content_type = (_word(facts, 0), _word(facts, 1))
    part.parameters = _parameters(facts, 2)
    ident = facts[3] if len(facts) > 3 else None
    part.id = ident if isinstance(ident, bytes) else None
    part.encoding = _word(facts, 5)
    at = _SIMPLE
    if part.content_type[0] == "text":
        at += 1
    elif len(facts) > _SIMPLE and isinstance(facts[_SIMPLE], list):
        at += 3  # envelope, body, lines
    part.disposition = _disposition(facts, at + 1)


def _disposition(facts: list[object], at: int) -> tuple[str, Parameters] | None:
    found = facts[at] if at < len(facts) else None
    return (_word(found, 0), _parameters(found, 1)) if isinstance(found, list) else None


def _word(facts: list[object], at: int) -> str:
    found = facts[at] if at < len(facts) else None
    return found.decode("ascii", "replace").lower() if isinstance(found, bytes) else ""


def _parameters(facts: list[object], at: int) -> Parameters:
    found = facts[at] if at < len(facts) else None
    if not isinstance(found, list):
        return ()
    words = [one if isinstance(one, bytes) else b"" for one in found]
    return tuple(zip(words[::2], words[1::2], strict=False))


def _lists(text: bytes) -> list[object]:
    """The items of a text; lists are lists, NIL is None."""
    open_lists: list[list[object]] = [[]]
    at = 0
    while found := _TOKEN.search(text, at):
        token, at = found[0], found.end()
        if token == b"(":
            inner: list[object] = []
            open_lists[-1].append(inner)
            open_lists.append(inner)
        elif token == b")":
            if len(open_lists) > 1:
                open_lists.pop()
        elif found[2]:
            open_lists[-1].append(text[at : at + int(found[2])])
            at += int(found[2])
        elif found[1] is not None:
            written = found[1]
            open_lists[-1].append(_ESCAPED.sub(rb"\1", written) if b"\\" in written else written)
        else:
            open_lists[-1].append(None if token == b"NIL" else token)
    return open_lists[0]
