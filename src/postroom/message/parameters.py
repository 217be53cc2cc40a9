r"""Values with parameters: Content-Type, Content-Disposition.

Reading is lenient and linear: what can't be read is left out. Parameters stay as they
stand in the header (``name*0*`` too), in order, at most MAX_PARAMETERS; ``lookup`` joins
the pieces of RFC 2231 when somebody asks for one, ``continued`` those of all.

RFC 2045 §5.1, RFC 2183, RFC 2231 §3, §4.
"""

import re
from typing import Final
from urllib.parse import quote_from_bytes

Parameters = tuple[tuple[bytes, bytes], ...]

MAX_PARAMETERS: Final = 100

_TOKEN: Final = rb"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+"
_TYPE: Final = re.compile(rb"[ \t\r\n]*(" + _TOKEN + rb")[ \t]*/[ \t]*(" + _TOKEN + rb")")
_WORD: Final = re.compile(rb"[ \t\r\n]*(" + _TOKEN + rb")")
_PARAMETER: Final = re.compile(
    rb"[; \t]([^\x00-\x20\"(),/:;<=>?@\[\\\]\x7f]+)[ \t]*=[ \t]*"
    rb'(?:"((?:[^"\\]|\\.)*+)"?|([^; \t]*))',
    re.DOTALL,
)
_ESCAPED: Final = re.compile(rb"\\(.)", re.DOTALL)
_OUTSIDE: Final = re.compile(rb'(?:"(?:[^"\\]|\\.)*+"?|\\.|[^"\\(])+|\(|\\', re.DOTALL)
_INSIDE: Final = re.compile(rb"(?:\\.|[^\\()])+|[()]|\\", re.DOTALL)
_HEX: Final = re.compile(rb"%([0-9A-Fa-f]{2})")
_PIECE: Final = re.compile(rb"\*(0|[1-9][0-9]{0,3})(\*)?")


def content_type(value: bytes) -> tuple[tuple[str, str], Parameters] | None:
    """Type and subtype in lower case, and the parameters; None when it is none."""
    if b"(" in value:
        value = without_comments(value)
    found = _TYPE.match(value)
    if found is None:
        return None
    major, minor = found.groups()
    kind = (major.decode("ascii").lower(), minor.decode("ascii").lower())
    return kind, _parameters(value, found.end())


def disposition(value: bytes) -> tuple[str, Parameters] | None:
    """A Content-Disposition: ``("attachment", parameters)``."""
    if b"(" in value:
        value = without_comments(value)
    found = _WORD.match(value)
    if found is None:
        return None
    return found[1].decode("ascii").lower(), _parameters(value, found.end())


def without_comments(value: bytes) -> bytes:
    """Put a blank for each comment outside quoted strings (RFC 5322 §3.2.2)."""
    kept = []
    depth = at = 0
    while found := (_INSIDE if depth else _OUTSIDE).match(value, at):
        lexeme, at = found[0], found.end()
        if lexeme == b"(":
            depth += 1
        elif not depth:
            kept.append(lexeme)
        elif lexeme == b")":
            depth -= 1
            kept.append(b"" if depth else b" ")
    return b"".join(kept)


def lookup(parameters: Parameters, name: bytes) -> tuple[bytes, bytes] | None:
    """(octets, charset) of a parameter; the charset is empty when none is told.

    The plain form comes first, then ``name*``, then the pieces ``name*0``, ``name*1*``
    in the order of their numbers up to the first gap (RFC 2231 §3, §4.1).
    """
    extended: bytes | None = None
    pieces: dict[int, tuple[bytes, bool]] = {}
    for written, value in parameters:
        attribute = written.lower()
        if attribute == name:
            return value, b""
        if not attribute.startswith(name + b"*"):
            continue
        rest = attribute[len(name) :]
        found = _PIECE.fullmatch(rest)
        if rest == b"*":
            extended = value if extended is None else extended
        elif found:
            pieces.setdefault(int(found[1]), (value, found[2] is not None))
    if extended is not None:
        return _extended(extended)
    return _joined(pieces) if 0 in pieces else None


def continued(parameters: Parameters) -> Parameters:
    """Values in pieces put together: ``name*0``, ``name*1`` are ``name`` (RFC 2231 §3).

    With an encoded piece the whole is ``name*``, still encoded (§4); pieces behind a gap
    are left out, and without a first one they stay as they are.
    """
    groups: dict[bytes, dict[int, tuple[bytes, bool]]] = {}
    for name, value in parameters:
        base, found = _piece(name)
        if found is not None:
            pieces = groups.setdefault(base, {})
            pieces.setdefault(int(found[1]), (value, found[2] is not None))
    if not groups:
        return parameters
    kept: list[tuple[bytes, bytes]] = []
    for name, value in parameters:
        base, found = _piece(name)
        if found is None or (base in groups and 0 not in groups[base]):
            kept.append((name, value))
        elif int(found[1]) == 0 and base in groups:
            kept.append(_whole(name[: len(base)], groups.pop(base)))
    return tuple(kept)


def _piece(name: bytes) -> tuple[bytes, re.Match[bytes] | None]:
    """The name in lower case without the number of its piece, and that number."""
    at = name.find(b"*")
    return name[:at].lower(), _PIECE.fullmatch(name, at) if at > 0 else None


def _whole(name: bytes, pieces: dict[int, tuple[bytes, bool]]) -> tuple[bytes, bytes]:
    run: list[tuple[bytes, bool]] = []
    while len(run) in pieces:
        run.append(pieces[len(run)])
    if not any(is_extended for _, is_extended in run):
        return name, b"".join([value for value, _ in run])
    start = b"" if run[0][1] else b"''"
    encoded = [
        value if is_extended else quote_from_bytes(value, safe="").encode("ascii")
        for value, is_extended in run
    ]
    return name + b"*", start + b"".join(encoded)


def _parameters(value: bytes, at: int) -> Parameters:
    if at >= len(value):
        return ()
    found = []
    for match in _PARAMETER.finditer(value, at):
        name, quoted, plain = match.groups()
        if quoted is None:
            quoted = plain
        elif b"\\" in quoted:
            quoted = _ESCAPED.sub(rb"\1", quoted)
        found.append((name, quoted))
        if len(found) == MAX_PARAMETERS:
            break
    return tuple(found)


def _unquoted(value: bytes) -> bytes:
    return _HEX.sub(lambda found: bytes((int(found[1], 16),)), value)


def _extended(value: bytes) -> tuple[bytes, bytes]:
    charset, quote, rest = value.partition(b"'")
    if not quote:
        return _unquoted(value), b""
    _language, quote, octets = rest.partition(b"'")
    return _unquoted(octets if quote else rest), charset


def _joined(pieces: dict[int, tuple[bytes, bool]]) -> tuple[bytes, bytes]:
    first, is_extended = pieces[0]
    octets, charset = _extended(first) if is_extended else (first, b"")
    joined = [octets]
    for number in range(1, len(pieces)):
        if number not in pieces:
            break
        piece, is_extended = pieces[number]
        joined.append(_unquoted(piece) if is_extended else piece)
    return b"".join(joined), charset
