r"""Authentication-Results: written on top of what we accept, read in what others sealed.

What stands in a value was chosen by a stranger as often as not (his HELO name, his address,
his selector): it is a token or an address as it stands, else a quoted string of printable
ASCII, so that nothing in it ends a line, a string or a comment.

RFC 8601 §2.2 (grammar), §2.7 (words), RFC 6008 (header.b).
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from postroom.message.headers import unfold
from postroom.message.parameters import without_comments

MAX_VALUE: Final = 255  # characters of a value, a reason or a comment
MAX_LINE: Final = 78  # RFC 5322 §2.1.1
MAX_READ: Final = 100  # results of one field

_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`{|}~]+")
_ADDRESS: Final = re.compile(
    r"(?:[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+(?:\.[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+)*)?@[A-Za-z0-9_.\-]+"
)
_NO_COMMENT: Final = re.compile(r"[^ -'*-\[\]-~]")
_UNPRINTABLE: Final = re.compile(r"[^ -~]")
_PART: Final = re.compile(rb'(?:"(?:[^"\\]|\\.)*+"|[^";]++|")+', re.DOTALL)
_METHOD: Final = re.compile(rb"\s*([A-Za-z0-9\-]+)\s*(?:/\s*[0-9]+\s*)?=\s*([A-Za-z]+)")
_PROPERTY: Final = re.compile(
    rb'([A-Za-z0-9\-]+)\s*\.\s*([A-Za-z0-9_\-]+)\s*=\s*("(?:[^"\\]|\\.)*+"|[^\s"]+)'
)
_ESCAPED: Final = re.compile(r"\\(.)")


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One method's result: ``dkim``, ``pass``, and what it is about.

    ``properties`` are pairs such as ("header.d", "example.org"); those with an empty value are
    left out when written. ``comment`` goes behind the result, ``reason`` says why.
    """

    method: str
    outcome: str
    properties: tuple[tuple[str, str], ...] = ()
    comment: str = ""
    reason: str = ""

    def value(self, name: str) -> str:
        """The first value of a property; "" without it."""
        return next((value for key, value in self.properties if key == name), "")

    def words(self) -> list[str]:
        """As it is written, in pieces between which a line may be folded."""
        found = [f"{self.method}={self.outcome}"]
        if self.comment:
            found.append(_comment(self.comment))
        if self.reason:
            found.append(f"reason={_quoted(self.reason)}")
        found += [f"{name}={_value(text)}" for name, text in self.properties if text]
        return found

    def __str__(self) -> str:
        return " ".join(self.words())


def write(authserv_id: str, results: Iterable[Sequence[str]]) -> bytes:
    """The whole field, CRLF and all; a result is its ``words``."""
    lines = [f"Authentication-Results: {authserv_id}"]
    is_empty = True
    for words in results:
        is_empty = False
        lines[-1] += ";"
        line = "\t"
        for word in words:
            if len(line) > 1 and len(line) + len(word) > MAX_LINE:
                lines.append(line)
                line = "\t "
            line += word if line.endswith(("\t", " ")) else " " + word
        lines.append(line)
    if is_empty:
        lines[-1] += "; none"
    return "".join([line + "\r\n" for line in lines]).encode("ascii", "replace")


def read(value: bytes) -> list[Result]:
    """The results in the value of such a field, or of ARC-Authentication-Results.

    What can't be understood is passed over. Never raises.
    """
    found: list[Result] = []
    for part in _PART.findall(without_comments(unfold(value))):
        method = _METHOD.match(part)
        if method is None:
            continue
        properties = [
            (f"{_text(kind)}.{_text(name)}".lower(), _bare(_text(what)))
            for kind, name, what in _PROPERTY.findall(part, method.end())
        ]
        found.append(
            Result(
                method=_text(method[1]).lower(),
                outcome=_text(method[2]).lower(),
                properties=tuple(properties),
            )
        )
        if len(found) >= MAX_READ:
            break
    return found


def _value(text: str) -> str:
    text = text[:MAX_VALUE]
    if _TOKEN.fullmatch(text) or _ADDRESS.fullmatch(text):
        return text
    return _quoted(text)


def _quoted(text: str) -> str:
    text = _UNPRINTABLE.sub("?", text[:MAX_VALUE])
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _comment(text: str) -> str:
    return "(" + _NO_COMMENT.sub("?", text[:MAX_VALUE]) + ")"


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")


def _bare(text: str) -> str:
    if text.startswith('"'):
        return _ESCAPED.sub(r"\1", text[1:-1])
    return text
