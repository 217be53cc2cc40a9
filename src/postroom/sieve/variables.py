"""Setting variables: the modifiers of ``set``, and the test ``string``.

RFC 5229 §4, §5; RFC 5435 §6 (``:encodeurl``).
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from postroom.sieve.limits import MAX_VARIABLE
from postroom.sieve.machine import Machine
from postroom.sieve.problems import RunError
from postroom.sieve.script import Call, Value
from postroom.sieve.strings import BadString, variable

_WILD: Final = str.maketrans({sign: "\\" + sign for sign in "*?\\"})
_REGULAR: Final = str.maketrans({sign: "\\" + sign for sign in "\\^$.[]|()*+?{}"})
_QUOTING: Final = frozenset({"quotewildcard", "quoteregex", "encodeurl"})


def set_variable(machine: Machine, call: Call) -> None:
    """The command ``set``."""
    text = machine.text(call.arguments[1])
    machine.spend(price(text, call.tags))
    assign(machine, machine.text(call.arguments[0]), modified(text, call.tags))


def assign(machine: Machine, name: str, value: str) -> None:
    """Set the variable of this name, perhaps one of a namespace."""
    try:
        reference = variable(name, {"include"})
    except BadString as error:
        raise RunError(str(error)) from None
    machine.assign(reference.name, value, reference.namespace)


def price(text: str, tags: Mapping[str, Value]) -> int:
    """What ``modified`` costs, in steps."""
    return 1 + len(text) // (16 if _QUOTING & tags.keys() else 256)


def modified(text: str, tags: Mapping[str, Value]) -> str:
    """The modifiers in the order of their precedence, the highest first (§4.1)."""
    if "lower" in tags:
        text = text.lower()
    elif "upper" in tags:
        text = text.upper()
    if "lowerfirst" in tags:
        text = text[:1].lower() + text[1:]
    elif "upperfirst" in tags:
        text = text[:1].upper() + text[1:]
    if "quotewildcard" in tags:
        text = _cut(text[:MAX_VARIABLE].translate(_WILD), "\\")
    elif "quoteregex" in tags:
        text = _cut(text[:MAX_VARIABLE].translate(_REGULAR), "\\")
    if "encodeurl" in tags:
        text = _encoded(text)
    if "length" in tags:
        text = str(len(text))
    return text


def _cut(text: str, escape: str) -> str:
    """Cut what is too long, never between an escape and what it escapes."""
    if len(text) <= MAX_VARIABLE:
        return text
    text = text[:MAX_VARIABLE]
    trailing = len(text) - len(text.rstrip(escape))
    return text[:-1] if trailing % 2 else text


def _encoded(text: str) -> str:
    encoded = quote(text[:MAX_VARIABLE], safe="-._~", errors="replace")
    if len(encoded) <= MAX_VARIABLE:
        return encoded
    encoded = encoded[:MAX_VARIABLE]
    return encoded[:-2] if encoded[-2] == "%" else encoded.removesuffix("%")


def string(machine: Machine, call: Call) -> bool:
    """The test ``string``; ``:count`` counts those that are not empty (§5)."""
    texts = machine.texts(call.arguments[0])
    if call.match.kind == "count":
        texts = [text for text in texts if text]
    return machine.compare(call, texts, call.arguments[1])
