"""Setting variables: the modifiers of ``set``, and the test ``string``.

RFC 5229 §4, §5; RFC 5435 §6 (``:encodeurl``).
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from postroom.sieve.limits import MAX_VARIABLE
from postroom.sieve.machine import Machine
from postroom.sieve.problems import RunError
from postroom.sieve.script import Call, Value
from postroom.sieve.strings import BadString, variable

_WILD: Final = re.compile(r"([*?\\])")
_REGULAR: Final = re.compile(r"([\\^$.\[\]|()*+?{}])")


def set_variable(machine: Machine, call: Call) -> None:
    """The command ``set``."""
    value = modified(machine.text(call.arguments[1]), call.tags)
    machine.spend(1 + len(value) // 256)
    assign(machine, machine.text(call.arguments[0]), value)


def assign(machine: Machine, name: str, value: str) -> None:
    """Set the variable of this name, perhaps one of a namespace."""
    try:
        reference = variable(name, {"include"})
    except BadString as error:
        raise RunError(str(error)) from None
    machine.assign(reference.name, value, reference.namespace)


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
        text = _cut(_WILD.sub(r"\\\1", text), "\\")
    elif "quoteregex" in tags:
        text = _cut(_REGULAR.sub(r"\\\1", text), "\\")
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
