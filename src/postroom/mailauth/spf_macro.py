"""SPF macros: strings that are filled in with facts about one message (RFC 7208 §7).

``read`` checks a macro-string once and cuts it into pieces; ``expand`` fills the pieces in.
The only fact that costs DNS questions is ``p``, so the caller asks ``needs_name`` first.
"""

import ipaddress
import re
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import quote

import msgspec

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_DOMAIN: Final = 253

_PIECE: Final = re.compile(
    r"%\{([slodiphcrtvSLODIPHCRTV])([0-9]{0,3})([rR]?)([.\-+,/_=]*)\}|%([%_\-])|([\x21-\x24\x26-\x7e]+)"
)
_EXPLAINING: Final = re.compile(r"%\{[crtCRT]")
_END: Final = re.compile(
    r"\.(?:[0-9]*[a-zA-Z][a-zA-Z0-9]*|[a-zA-Z0-9]+-[a-zA-Z0-9-]*[a-zA-Z0-9])\.?\Z"
)
_ESCAPES: Final = {"%": "%", "_": " ", "-": "%20"}


class BadMacro(ValueError):
    """The string is no macro-string: the record is a permerror."""


class Macro(msgspec.Struct, frozen=True):
    """``%{letter digits reverse delimiters}``; ``digits`` 0 keeps all parts."""

    letter: str
    digits: int
    is_reversed: bool
    delimiters: str
    is_escaped: bool  # an upper-case letter: URL-escaped


MacroString = tuple[str | Macro, ...]


class Facts(msgspec.Struct, frozen=True):
    """What macros say: RFC 7208 §7.3.

    ``sender`` is local part and domain; ``domain`` the one that is being evaluated; ``name``
    the validated domain name of the client, "unknown" without one; ``time`` in seconds.
    """

    ip: IpAddress
    local: str
    sender_domain: str
    helo: str
    domain: str
    receiver: str
    time: int
    name: str = "unknown"


def read(text: str, *, is_domain: bool, is_explanation: bool = False) -> MacroString:
    """Check and cut; raises BadMacro. ``is_domain``: a domain-spec (§7.1), which ends well."""
    pieces: list[str | Macro] = []
    at = 0
    source = text.replace(" ", "\x21") if is_explanation else text  # blanks are literals there
    while at < len(source):
        found = _PIECE.match(source, at)
        if found is None:
            raise BadMacro(f"{text[at : at + 20]!r} is no macro")
        letter, digits, backwards, delimiters, escape, _ = found.groups()
        if letter:
            if digits and not int(digits):
                raise BadMacro("a macro keeps at least one part")
            pieces.append(
                Macro(
                    letter.lower(), int(digits or 0), bool(backwards), delimiters, letter.isupper()
                )
            )
        elif escape:
            pieces.append(_ESCAPES[escape])
        else:
            pieces.append(text[at : found.end()])
        at = found.end()
    if not is_explanation and _EXPLAINING.search(text):
        raise BadMacro("the macros c, r and t are for explanations only")
    if is_domain and not (text.endswith("}") or _END.search(text)):
        raise BadMacro(f"{text[-30:]!r} does not end like a domain")
    return tuple(pieces)


def needs_name(string: MacroString) -> bool:
    """Whether the validated name of the client (``p``) is wanted."""
    return any(isinstance(piece, Macro) and piece.letter == "p" for piece in string)


def expand(string: MacroString, facts: Facts) -> str:
    """The text with its macros expanded (RFC 7208 §7.3)."""
    return "".join([p if isinstance(p, str) else _expanded(p, facts) for p in string])


def expand_domain(string: MacroString, facts: Facts) -> str:
    """Fill a domain-spec in; what is too long loses labels on the left (§7.3)."""
    name = expand(string, facts).removesuffix(".")
    while len(name) > MAX_DOMAIN and "." in name:
        name = name.partition(".")[2]
    return name


def _expanded(macro: Macro, facts: Facts) -> str:
    value = _VALUES[macro.letter](facts)
    if macro.digits or macro.is_reversed or macro.delimiters:
        parts: Sequence[str] = re.split(f"[{re.escape(macro.delimiters or '.')}]", value)
        if macro.is_reversed:
            parts = parts[::-1]
        value = ".".join(parts[-macro.digits :] if macro.digits else parts)
    return quote(value, safe="-._~") if macro.is_escaped else value


_VALUES: Final[dict[str, Callable[[Facts], str]]] = {
    "s": lambda facts: f"{facts.local}@{facts.sender_domain}",
    "l": lambda facts: facts.local,
    "o": lambda facts: facts.sender_domain,
    "d": lambda facts: facts.domain,
    "i": lambda facts: _dotted(facts.ip),
    "p": lambda facts: facts.name,
    "v": lambda facts: "in-addr" if facts.ip.version == 4 else "ip6",
    "h": lambda facts: facts.helo,
    "c": lambda facts: str(facts.ip),
    "r": lambda facts: facts.receiver,
    "t": lambda facts: str(facts.time),
}


def _dotted(ip: IpAddress) -> str:
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    return ".".join(ip.exploded.replace(":", "").upper())
