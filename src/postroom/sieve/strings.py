r"""Strings of a script: ``${hex:..}``, ``${unicode:..}`` and ``${variable}``.

RFC 5228 §2.4.2.4 (encoded-character), RFC 5229 §3 (variables), RFC 6609 §3.4.3 (global).
"""

import re
from collections.abc import Collection
from typing import Final

from postroom.sieve.limits import MAX_CAPTURES
from postroom.sieve.script import Reference, Template, Text

NAMESPACES: Final = {"global": "include"}

_BLANKS: Final = r"[ \t\r\n]*+"
_ENCODED: Final = re.compile(
    rf"\$\{{(?:hex:({_BLANKS}(?:[0-9a-f]{{1,2}}(?![0-9a-f]){_BLANKS})++)"
    rf"|unicode:({_BLANKS}(?:[0-9a-f]++{_BLANKS})++))\}}",
    re.IGNORECASE | re.ASCII,
)
_VARIABLE: Final = re.compile(
    r"\$\{(?:([0-9]++)|((?:[a-z_][a-z0-9_]*+\.)*+)([a-z_][a-z0-9_]*+)"
    r"|([a-z_][a-z0-9_]*+(?:\.[a-z0-9_]++)++))\}",
    re.IGNORECASE | re.ASCII,
)
_NAME: Final = re.compile(
    r"(?:([a-z_][a-z0-9_]*+)\.)?([a-z_][a-z0-9_]*+)", re.IGNORECASE | re.ASCII
)


class BadString(ValueError):
    """The string says something that can't be; the message says what."""


def encoded_characters(text: str) -> str:
    """Put the characters for their codes; what looks otherwise stays as it is."""
    if "${" not in text:
        return text
    return _ENCODED.sub(_encoded, text)


def _encoded(found: re.Match[str]) -> str:
    octets, codes = found.groups()
    if octets is not None:
        try:
            return bytes([int(digits, 16) for digits in octets.split()]).decode("utf-8")
        except UnicodeDecodeError:
            raise BadString(f"{found[0][:60]} is not valid UTF-8") from None
    letters = []
    for digits in codes.split():
        code = int(digits, 16) if len(digits) <= 16 else 0x110000
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            raise BadString(f"U+{digits[:16]} is not a Unicode character")
        letters.append(chr(code))
    return "".join(letters)


def template(text: str, extensions: Collection[str]) -> Text:
    """The string with its references to variables found; a plain one where there is none."""
    if "${" not in text:
        return text
    pieces: list[str | Reference] = []
    at = 0
    for found in _VARIABLE.finditer(text):
        if found.start() > at:
            pieces.append(text[at : found.start()])
        pieces.append(_reference(found, extensions))
        at = found.end()
    if not pieces:
        return text
    if at < len(text):
        pieces.append(text[at:])
    return Template(tuple(pieces))


def _reference(found: re.Match[str], extensions: Collection[str]) -> Reference:
    index, namespace, name, strange = found.groups()
    if strange is not None:
        raise BadString(f"{found[0]} names a namespace that is not known")
    if index is not None:
        digits = index.lstrip("0") or "0"
        if len(digits) > 4 or int(digits) > MAX_CAPTURES:
            raise BadString(f"{found[0][:30]}: match variables go up to ${{{MAX_CAPTURES}}}")
        return Reference(index=int(digits))
    return Reference(name.lower(), namespace=_known(namespace.rstrip(".").lower(), extensions))


def variable(name: str, extensions: Collection[str]) -> Reference:
    """The name of a variable that is set; raises BadString."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise BadString(f"{name[:60]!r} is not a name a variable can have")
    namespace, rest = found.groups()
    return Reference(rest.lower(), namespace=_known((namespace or "").lower(), extensions))


def _known(namespace: str, extensions: Collection[str]) -> str:
    if namespace and NAMESPACES.get(namespace) not in extensions:
        raise BadString(f"variables cannot be in the namespace {namespace!r}")
    return namespace
