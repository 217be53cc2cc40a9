"""The request object, read within bounds, and references to results (RFC 8620 §3.3, §3.7). Pure."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from postroom.web.jmap.errors import MethodError, RequestError, invalid
from postroom.web.jmap.limits import MAX_CALLS, MAX_DEPTH, MAX_NODES, MAX_REFERENCED

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,255}")
_ODD: Final = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")  # NUL, and halves of pairs


class Invocation(NamedTuple):
    """A method call, or a response (RFC 8620 §3.2)."""

    name: str
    arguments: dict[str, Any]
    call_id: str


class Envelope(msgspec.Struct, frozen=True):
    """A request object. ``created`` is None when the client sent none and wants none."""

    using: frozenset[str]
    calls: tuple[Invocation, ...]
    created: dict[str, str] | None


def read(octets: bytes, known: Iterable[str]) -> Envelope:
    """A request of these octets; ``known`` are the capabilities there are. Raises RequestError."""
    return envelope(parsed(octets), known)


def parsed(octets: bytes) -> object:
    """What I-JSON says (RFC 7493): UTF-8, no name twice in an object, no odd strings or numbers."""
    if octets.count(b"[") + octets.count(b"{") > MAX_NODES:  # each takes far more in memory
        why = f"a request may have {MAX_NODES} arrays and objects"
        raise RequestError("limit", why, limit="maxSizeRequest")
    try:
        found: object = json.loads(
            octets.decode(), object_pairs_hook=_once, parse_constant=_refused
        )
    except (ValueError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise RequestError("notJSON", f"the request is no I-JSON: {why}") from None
    _examine(found, with_strings=_ODD.search(octets) is not None)
    return found


def envelope(found: object, known: Iterable[str]) -> Envelope:
    """The request object; raises RequestError."""
    if not isinstance(found, dict):
        raise _no_request("it is no object")
    using, calls, created = found.get("using"), found.get("methodCalls"), found.get("createdIds")
    if not isinstance(using, list) or not all(isinstance(one, str) for one in using):
        raise _no_request("using must be a String[]")
    if unknown := [one for one in using if one not in set(known)]:
        raise RequestError("unknownCapability", f"there is no capability {unknown[0]!r} here")
    if not isinstance(calls, list):
        raise _no_request("methodCalls must be an Invocation[]")
    if created is not None and not (
        isinstance(created, dict) and all(map(_is_pair, created.items()))
    ):
        raise _no_request("createdIds must be an Id[Id]")
    if len(calls) > MAX_CALLS:
        raise RequestError(
            "limit", f"a request may have {MAX_CALLS} method calls", limit="maxCallsInRequest"
        )
    return Envelope(frozenset(using), tuple(map(_invocation, calls)), created)


def resolved(arguments: Mapping[str, Any], responses: Sequence[Invocation]) -> dict[str, Any]:
    """The arguments with what their references stand for (§3.7); raises MethodError."""
    found: dict[str, Any] = {}
    room = MAX_REFERENCED
    for name, value in arguments.items():
        if not name.startswith("#"):
            found[name] = value
            continue
        if name[1:] in arguments:
            raise invalid(f"{name[1:]!r} is given twice: itself, and as a reference")
        found[name[1:]] = _referenced(value, responses)
        room -= _weight(found[name[1:]], room)
        if room < 0:
            raise MethodError("requestTooLarge", "the references stand for too much")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in an object")
    return found


def _refused(word: str) -> None:
    raise ValueError(f"{word} is no number")


def _examine(found: object, *, with_strings: bool) -> None:
    """Refuse what is too deep, and where there may be any, strings that no text holds."""
    level = [found]
    for _ in range(MAX_DEPTH):
        if with_strings:
            for one in level:
                _examine_words(one)
        level = [
            part
            for one in level
            if isinstance(one, dict | list)
            for part in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return
    if any(isinstance(one, dict | list) for one in level):
        raise RequestError("notJSON", f"more than {MAX_DEPTH} arrays and objects are nested")


def _examine_words(one: object) -> None:
    words = one if isinstance(one, dict) else [one] if isinstance(one, str) else ()
    for word in words:
        if "\0" in word:
            raise RequestError("notRequest", "a string holds NUL, which no text does")
        try:
            word.encode()
        except UnicodeEncodeError:
            raise RequestError("notJSON", "a string holds half of a surrogate pair") from None


def _no_request(why: str) -> RequestError:
    return RequestError("notRequest", f"that is no Request object: {why} (RFC 8620 §3.3)")


def _is_pair(pair: tuple[str, object]) -> bool:
    return all(isinstance(one, str) and _ID.fullmatch(one) for one in pair)


def _invocation(value: object) -> Invocation:
    match value:
        case [str(name), dict(arguments), str(call_id)]:
            return Invocation(name, arguments, call_id)
        case _:
            raise _no_request("a method call is [name, arguments, id]")


def _referenced(value: object, responses: Sequence[Invocation]) -> Any:
    match value:
        case {"resultOf": str(call_id), "name": str(name), "path": str(path), **rest} if not rest:
            pass
        case _:
            raise _bad("a reference has resultOf, name and path")
    found = next((one for one in responses if one.call_id == call_id), None)
    if found is None:
        raise _bad(f"no call {call_id!r} was answered before")
    if found.name != name:
        raise _bad(f"the call {call_id!r} was answered with {found.name}")
    if path and not path.startswith("/"):
        raise _bad(f"{path!r} is no JSON Pointer")
    parts = [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]
    if len(parts) > MAX_DEPTH:
        raise _bad("the path is too long")
    return _at(found.arguments, parts)


def _at(value: Any, parts: list[str]) -> Any:
    """What a pointer leads to; ``*`` is every item of an array (§3.7)."""
    for at, part in enumerate(parts):
        if isinstance(value, list) and part == "*":
            rest = parts[at + 1 :]
            gathered: list[Any] = []
            for item in value:
                one = _at(item, rest)
                if isinstance(one, list) and rest:
                    gathered += one
                else:
                    gathered.append(one)
            return gathered
        value = _member(value, part)
    return value


def _member(value: Any, part: str) -> Any:
    if isinstance(value, dict) and part in value:
        return value[part]
    is_index = part.isascii() and part.isdecimal() and len(part) < 10 and str(int(part)) == part
    if isinstance(value, list) and is_index and int(part) < len(value):
        return value[int(part)]
    raise _bad(f"the path leads to nothing at {part!r}")


def _weight(value: Any, most: int) -> int:
    """Octets, roughly; more than ``most`` are not counted."""
    left, waiting = most, [value]
    while waiting and left >= 0:
        one = waiting.pop()
        left -= 2 + (len(one) if isinstance(one, str) else 0)
        if isinstance(one, dict):
            waiting += one.values()
            left -= sum(map(len, one))
        elif isinstance(one, list):
            waiting += one
    return most - left


def _bad(why: str) -> MethodError:
    return MethodError("invalidResultReference", why)
