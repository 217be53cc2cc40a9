r"""A script as tokens with their places.

Line ends are CRLF or LF; inside strings they become CRLF. Reading is linear.
RFC 5228 §2.1 (UTF-8), §2.3 (comments), §2.4.1 (numbers), §2.4.2 (strings), §8.1.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from postroom.sieve.limits import MAX_SCRIPT
from postroom.sieve.problems import Place, fail

Kind = Literal["identifier", "tag", "number", "string", "mark", "end"]

MAX_NUMBER: Final = 2**63 - 1

_TOKEN: Final = re.compile(
    r"(?P<gap>[ \t\r\n]++|#[^\n]*+|/\*.*?\*/)"
    r"|(?P<lines>text:[ \t]*+(?:#[^\n]*+|\r?)\n)"
    r"|(?P<tag>:[a-z_][a-z0-9_]*+)"
    r"|(?P<identifier>[a-z_][a-z0-9_]*+)"
    r"|(?P<number>[0-9]++[kmg]?+(?![a-z0-9_]))"
    r'|(?P<string>"(?:[^"\\]++|\\.)*+")'
    r"|(?P<mark>[\[\](){},;])",
    re.DOTALL | re.IGNORECASE | re.ASCII,
)
_LAST_LINE: Final = re.compile(r"^\.\r?(?:\n|\Z)", re.MULTILINE)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_LINE_END: Final = re.compile(r"\r?\n")
_STUFFED: Final = re.compile(r"^\.\.", re.MULTILINE)
_POWERS: Final = {"k": 10, "m": 20, "g": 30}


class Token(msgspec.Struct, frozen=True):
    """``text`` is in lower case for identifiers and tags (without the colon)."""

    kind: Kind
    text: str
    place: Place
    number: int = 0


def tokens(octets: bytes) -> Iterator[Token]:
    """The tokens, the last is the end; raises ScriptError."""
    text = _decoded(octets)
    starts = [0, *[found.end() for found in re.finditer(r"\n", text)]]

    def place(at: int) -> Place:
        line = bisect_right(starts, at)
        return Place(line, at - starts[line - 1] + 1)

    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise fail(place(at), _what_is_wrong(text, at))
        start, at = at, found.end()
        if found.lastgroup == "lines":
            last = _LAST_LINE.search(text, at)
            if last is None:
                raise fail(place(start), "the text: is never ended by a line with a single dot")
            content = _STUFFED.sub(".", text[at : last.start()])
            at = last.end()
            yield Token("string", _lines(content), place(start))
        elif found.lastgroup != "gap":
            yield _token(found.lastgroup or "", found[0], place(start))
    yield Token("end", "", place(len(text)))


def _token(kind: str, lexeme: str, place: Place) -> Token:
    match kind:
        case "identifier":
            return Token("identifier", lexeme.lower(), place)
        case "tag":
            return Token("tag", lexeme[1:].lower(), place)
        case "number":
            return _number(lexeme, place)
        case "string":
            content = lexeme[1:-1]
            if "\\" in content:
                content = _ESCAPED.sub(r"\1", content)
            return Token("string", _lines(content), place)
        case _:
            return Token("mark", lexeme, place)


def _decoded(octets: bytes) -> str:
    if len(octets) > MAX_SCRIPT:
        raise fail(Place(1, 1), f"the script is larger than {MAX_SCRIPT // 1024} KiB")
    try:
        text = octets.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        before = octets[: error.start]
        line = before.count(b"\n") + 1
        column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        raise fail(Place(line, column), "the script is not valid UTF-8 here") from None
    nul = text.find("\0")
    if nul >= 0:
        line = text.count("\n", 0, nul) + 1
        raise fail(Place(line, nul - text.rfind("\n", 0, nul)), "a NUL character stands here")
    return text


def _number(lexeme: str, place: Place) -> Token:
    power = _POWERS.get(lexeme[-1].lower(), 0)
    digits = lexeme[:-1] if power else lexeme
    number = int(digits) << power if len(digits) < 20 else MAX_NUMBER + 1
    if number > MAX_NUMBER:
        raise fail(place, f"the number {lexeme[:30]} is too large")
    return Token("number", lexeme, place, number)


def _lines(content: str) -> str:
    return _LINE_END.sub("\r\n", content) if "\n" in content else content


def _what_is_wrong(text: str, at: int) -> str:
    if text[at] == '"':
        return "the string that begins here is never closed"
    if text.startswith("/*", at):
        return "the comment that begins here is never closed"
    if text[at].isdecimal():
        return "a number must be digits, perhaps with K, M or G at its end"
    return f"the character {text[at]!r} is not expected here"
