"""Address and Domain: value types with one canonical form, made before any decision.

The local part is kept as the sender wrote it (dequoted, NFC); its case is folded only
by the directory, because the domain's owner decides that. A domain is kept as its
lower-case A-label. Nothing here ever re-reads a dequoted local part: ``"a@b"@c`` is the
mailbox ``a@b`` at ``c`` and nothing else.

RFC 5321 §4.1.2 (Mailbox, Path), RFC 6531 §3.3 (UTF-8 local parts), RFC 5891 (IDNA 2008),
RFC 5233 (subaddresses).
"""

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import idna

MAX_LOCAL: Final = 64  # octets, RFC 5321 §4.5.3.1.1
MAX_DOMAIN: Final = 255  # octets, RFC 5321 §4.5.3.1.2
MAX_PATH: Final = 256  # octets with the angle brackets, RFC 5321 §4.5.3.1.3

_ATEXT: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\U0010FFFF]"
_DOT_STRING: Final = re.compile(rf"{_ATEXT}+(?:\.{_ATEXT}+)*")
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_QUOTED_SPECIAL: Final = re.compile(r'(["\\])')


class AddressError(ValueError):
    """The text is no address or no domain; the message says why."""


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain name, or an address literal such as ``[192.0.2.1]`` (RFC 5321 §4.1.3).

    ``ascii`` is the lower-case A-label form without a trailing dot; it is the key.
    """

    ascii: str

    @classmethod
    def parse(cls, text: str) -> "Domain":
        """Read a domain name or address literal; raises AddressError and nothing else."""
        if text.startswith("[") and text.endswith("]"):
            return cls(_literal(text))
        name = text.removesuffix(".")
        if not name or len(name) > MAX_DOMAIN:
            raise AddressError("the domain is empty or longer than 255 octets")
        ascii_name = name.lower() if name.isascii() else _to_ascii(name)
        labels = ascii_name.split(".")
        if len(ascii_name) > MAX_DOMAIN or not all(map(_LABEL.fullmatch, labels)):
            raise AddressError(f"{text!r} is not a domain name")
        if labels[-1].isdigit():
            raise AddressError(f"{text!r} looks like an address; write it in brackets")
        return cls(ascii_name)

    @property
    def is_literal(self) -> bool:
        """True for ``[192.0.2.1]`` and ``[IPv6:2001:db8::1]``."""
        return self.ascii.startswith("[")

    @property
    def unicode(self) -> str:
        """The U-label form for people; as it is when a label can't be decoded."""
        if "xn--" not in self.ascii:
            return self.ascii
        try:
            return ".".join(map(_label_to_unicode, self.ascii.split(".")))
        except (idna.IDNAError, UnicodeError):
            return self.ascii

    def __str__(self) -> str:
        return self.ascii


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox: ``local`` is dequoted NFC text, ``domain`` is canonical."""

    local: str
    domain: Domain

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read an RFC 5321 Mailbox (no angle brackets); raises AddressError only."""
        if not text.isascii():
            _check_unicode(text)
        if text.startswith('"'):
            local, rest = _quoted(text)
            if not rest.startswith("@"):
                raise AddressError("an @ and a domain must follow the quoted local part")
            domain = rest[1:]
        else:
            local, at, domain = text.rpartition("@")
            if not at:
                raise AddressError(f"{text!r} has no @")
            if not _DOT_STRING.fullmatch(local):
                raise AddressError(f"{local!r} is not a valid local part")
        local = unicodedata.normalize("NFC", local)
        if not 1 <= len(local.encode()) <= MAX_LOCAL:
            raise AddressError("the local part is empty or longer than 64 octets")
        address = cls(local, Domain.parse(domain))
        if len(str(address).encode()) > MAX_PATH - 2:
            raise AddressError("the address is longer than 254 octets")
        return address

    @property
    def is_ascii(self) -> bool:
        """False when the local part needs SMTPUTF8 (RFC 6531)."""
        return self.local.isascii()

    @property
    def display(self) -> str:
        """For people: the domain as U-labels."""
        return f"{_written(self.local)}@{self.domain.unicode}"

    def __str__(self) -> str:
        return f"{_written(self.local)}@{self.domain.ascii}"


def split_subaddress(local: str, separators: str) -> tuple[str, str | None]:
    """``("alice", "news")`` for ``alice+news``; the detail is None without a separator.

    The first separator found from the left wins; an empty user part is no subaddress
    (RFC 5233 §2 leaves the rule to the domain).
    """
    places = [at for at in (local.find(separator, 1) for separator in separators) if at > 0]
    if not places:
        return local, None
    return local[: min(places)], local[min(places) + 1 :]


@lru_cache(maxsize=1024)  # the same few are written again and again
def _written(local: str) -> str:
    if _DOT_STRING.fullmatch(local):
        return local
    return '"' + _QUOTED_SPECIAL.sub(r"\\\1", local) + '"'


def _quoted(text: str) -> tuple[str, str]:
    """Read a quoted-string (RFC 5321 §4.1.2 Quoted-string): (content, rest)."""
    out: list[str] = []
    at = 1
    while at < len(text):
        letter = text[at]
        if letter == '"':
            return "".join(out), text[at + 1 :]
        if letter == "\\":
            at += 1
            letter = text[at : at + 1]
        if not letter or letter < " " or letter == "\x7f":
            raise AddressError("a control character stands in the quoted local part")
        out.append(letter)
        at += 1
    raise AddressError("the quoted local part is not closed")


def _check_unicode(text: str) -> None:
    for letter in text:
        if unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}:
            if letter == " ":
                continue
            raise AddressError(f"character U+{ord(letter):04X} is not allowed in an address")


def _literal(text: str) -> str:
    body = text[1:-1]
    if "%" in body:  # a scope id is local to one machine
        raise AddressError(f"{text!r} is not an address literal")
    try:
        if body[:5].lower() == "ipv6:":
            address = ipaddress.IPv6Address(body[5:])
            if address.ipv4_mapped is not None:  # one host, one form
                return f"[{address.ipv4_mapped}]"
            return f"[IPv6:{address.compressed}]"
        return f"[{ipaddress.IPv4Address(body)}]"
    except ValueError:
        raise AddressError(f"{text!r} is not an address literal") from None


def _to_ascii(name: str) -> str:
    try:
        return (
            idna.encode(name, uts46=True, transitional=False)
            .decode("ascii")
            .lower()
            .removesuffix(".")
        )
    except (idna.IDNAError, UnicodeError):
        raise AddressError(f"{name!r} is not a valid internationalised domain") from None


def _label_to_unicode(label: str) -> str:
    return idna.decode(label) if label.startswith("xn--") else label
