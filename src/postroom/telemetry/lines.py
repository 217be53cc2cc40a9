"""An event as a log line: JSON for programs, words for people.

A line is one line: whatever is not printable is escaped, and a value longer than 1 KiB
is cut (the tail of a traceback survives), so that no peer can forge a line or fill one.
"""

import json
import re
import time
from functools import cache, lru_cache
from typing import Final

import msgspec

from postroom.telemetry.event import Event

MAX_VALUE: Final = 1_024  # letters
MAX_TRACEBACK: Final = 8_192
_REMEMBERED: Final = 100  # letters of a value whose form is kept
_TRACEBACK: Final = "traceback="
_PLAIN: Final = re.compile(r"[a-zA-Z0-9.:@/_+<>\[\]{}(),;*%-]+")
_encoder: Final = msgspec.json.Encoder()


def json_line(event: Event, now_ms: int) -> bytes:
    """One JSON object with its UTC time, ended by a line feed."""
    try:
        encoded = _encoder.encode(event)
    except UnicodeEncodeError:  # a lone surrogate
        encoded = _careful(event)
    else:
        if len(encoded) > MAX_VALUE or not encoded.isascii() or 0x7F in encoded:
            encoded = _careful(event)
    return b"".join((b'{"at":"', stamp(now_ms), b'",', encoded[1:], b"\n"))


def text_line(event: Event, now_ms: int) -> bytes:
    """``time level event key=value ..`` for a terminal; a traceback follows, indented."""
    begin, keys = _form(type(event))
    words = [stamp(now_ms).decode(), begin]
    tail = ""
    for key, value in zip(keys, msgspec.structs.astuple(event), strict=True):
        if key == _TRACEBACK:
            lines = _cut(str(value), MAX_TRACEBACK, tail=True).splitlines()
            tail = "".join(f"\n    {_escape(line)}" for line in lines)
        elif value not in ("", ()):
            words.append(key + (_text(value) if type(value) is str else _word(value)))
    return (" ".join(words) + tail + "\n").encode()


@cache  # the list of events is closed
def _form(kind: type[Event]) -> tuple[str, tuple[str, ...]]:
    """How lines of such events begin, and what stands before each value."""
    keys = tuple([f"{field}=" for field in kind.__struct_fields__])
    return f"{kind.level.ljust(7)} {kind.__struct_config__.tag}", keys


def tag(event: Event) -> str:
    """The name of the event: ``recipient.refused``."""
    return str(event.__struct_config__.tag)


def stamp(now_ms: int) -> bytes:
    """RFC 3339 in UTC with milliseconds."""
    global _stamp  # noqa: PLW0603
    last = _stamp
    if last[0] != now_ms:
        seconds, rest = divmod(now_ms, 1_000)
        _stamp = last = now_ms, b"%s.%03dZ" % (_second(seconds), rest)
    return last[1]


def escaped(text: str) -> bytes:
    """A string as it stands between the quotes of a JSON line."""
    return _string(text)[1:-1].encode()


_last: tuple[int, bytes] = (0, b"1970-01-01T00:00:00")
_stamp: tuple[int, bytes] = (0, b"1970-01-01T00:00:00.000Z")  # all outputs ask for the same


def _second(seconds: int) -> bytes:
    """Formatted once a second: strftime costs more than the rest of a line."""
    global _last  # noqa: PLW0603
    last = _last
    if last[0] != seconds:
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
        _last = last = (seconds, text.encode())
    return last[1]


def _careful(event: Event) -> bytes:
    pairs = [f'"event":{_string(tag(event))}']
    for name, value in msgspec.structs.asdict(event).items():
        pairs.append(f'"{name}":{_value(name, value)}')
    return ("{" + ",".join(pairs) + "}").encode()


def _value(name: str, value: object) -> str:
    match value:
        case str() if name == "traceback":
            return _string(_cut(value, MAX_TRACEBACK, tail=True))
        case str():
            return _string(_cut(value, MAX_VALUE))
        case tuple():
            return "[" + ",".join(_value(name, item) for item in _few(value)) + "]"
        case _:
            return json.dumps(value)


def _word(value: object) -> str:
    match value:
        case str():
            return _text(value)
        case int():
            return str(value)
        case float():
            return f"{value:.3f}"
        case tuple():
            return ",".join(_word(item) for item in _few(value))
        case _:
            return _text(str(value))


def _text(value: str) -> str:
    """As it is where that is one plain word, else as a string."""
    return _known(value) if len(value) <= _REMEMBERED else _told(_cut(value, MAX_VALUE))


@lru_cache(maxsize=1024)
def _known(value: str) -> str:
    """Most values are names that come again and again."""
    return _told(value)


def _told(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else _string(text)


def _few(values: tuple[object, ...]) -> tuple[object, ...]:
    return values if len(values) <= 20 else (*values[:20], f"and {len(values) - 20} more")


def _cut(text: str, limit: int, *, tail: bool = False) -> str:
    if len(text) <= limit:
        return text
    return "…" + text[-limit:] if tail else text[:limit] + "…"


def _string(text: str) -> str:
    """A JSON string in which only printable letters stand as they are."""
    return '"' + _escape(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def _escape(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else json.dumps(letter)[1:-1] for letter in text)
