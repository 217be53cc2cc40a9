"""A DKIM-Signature field, read and judged as far as that needs no key (RFC 6376 §3.5, §6.1.1).

ARC-Message-Signature and ARC-Seal have the same tags with small differences, which
``mailauth.arc`` knows; they are read by the same functions.
"""

import base64
import binascii
import re
from typing import Final, Literal, cast

import msgspec

from postroom.address import AddressError, Domain
from postroom.mailauth.tags import BadTags, compact, parse

Algorithm = Literal["rsa-sha256", "ed25519-sha256"]
Form = Literal["simple", "relaxed"]

MAX_NAMES: Final = 300  # in h=
MAX_SIGNATURE: Final = 1_024  # octets

_NUMBER: Final = re.compile(r"[0-9]{1,12}")
_FIELD_NAMES: Final = re.compile(r"[!-9;-~]+(?::[!-9;-~]+)*+")
_SELECTOR: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_\-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9_\-]+)*")
_B: Final = re.compile(rb"((?:\A|;)[ \t\r\n]*b[ \t\r\n]*=)[^;]*")


class BadSignature(ValueError):
    """The field is no signature that could be verified; the message says why."""


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """What a field says. ``domain`` in A-labels and lower case; times in seconds since 1970.

    ``names`` are the signed fields in lower case, ``length`` is ``l=`` in octets, None:
    the whole body. ``identity`` is ``i=`` as it stands.
    """

    domain: str
    selector: str
    algorithm: Algorithm
    header_form: Form
    body_form: Form
    names: tuple[bytes, ...]
    body_hash: bytes
    octets: bytes
    identity: str
    length: int | None = None
    made: int | None = None
    expires: int | None = None

    @property
    def key_name(self) -> str:
        """Where its public key is published (RFC 6376 §3.6.2.1)."""
        return f"{self.selector}._domainkey.{self.domain}"


def read(value: bytes) -> Signature:
    """Read the value of a DKIM-Signature field; raises BadSignature."""
    try:
        tags = parse(value)
    except BadTags as error:
        raise BadSignature(str(error)) from None
    if tags.get("v") != "1":
        raise BadSignature("v= is not 1")
    signature = from_tags(tags)
    if b"from" not in signature.names:
        raise BadSignature("From is not signed")
    return signature


def signer(value: bytes) -> tuple[str, str]:
    """Domain and selector that a field names which is no good otherwise; "" for what is none."""
    try:
        tags = parse(value)
        domain = domain_of(needed(tags, "d"))
    except (BadTags, BadSignature):
        return "", ""
    try:
        return domain, selector_of(needed(tags, "s"))
    except BadSignature:
        return domain, ""


def from_tags(tags: dict[str, str], *, is_arc: bool = False) -> Signature:
    """What DKIM-Signature and ARC-Message-Signature have in common; raises BadSignature.

    In ARC the forms are relaxed when they are not named, and ``h=`` may have nothing between
    two colons or at all: so its published test suite reads RFC 8617 §4.1.2.
    """
    domain = domain_of(needed(tags, "d"))
    header_form, body_form = _forms(tags.get("c", "relaxed/relaxed" if is_arc else "simple/simple"))
    identity = compact(tags.get("i", f"@{domain}"))
    made, expires = number(tags, "t"), number(tags, "x")
    if made is not None and expires is not None and expires <= made:
        raise BadSignature("x= is not after t=")
    if tags.get("q", "dns/txt") != "dns/txt" and "dns/txt" not in compact(tags["q"]).split(":"):
        raise BadSignature("q= names no dns/txt")
    return Signature(
        domain=domain,
        selector=selector_of(needed(tags, "s")),
        algorithm=algorithm_of(needed(tags, "a")),
        header_form=header_form,
        body_form=body_form,
        names=_arc_names(tags) if is_arc else _names(needed(tags, "h")),
        body_hash=decoded(needed(tags, "bh"), "bh"),
        octets=decoded(needed(tags, "b"), "b"),
        identity=identity,
        length=number(tags, "l"),
        made=made,
        expires=expires,
    )


def check_identity(signature: Signature) -> None:
    """``i=`` must be in ``d=`` or below (RFC 6376 §3.5); raises BadSignature."""
    domain = domain_of(signature.identity.rpartition("@")[2])
    if domain != signature.domain and not domain.endswith("." + signature.domain):
        raise BadSignature("i= is not within d=")


def without_b(value: bytes) -> bytes:
    """The value with ``b=`` emptied: as it was when it was signed (RFC 6376 §3.7)."""
    return _B.sub(rb"\1", value, count=1)


def needed(tags: dict[str, str], name: str) -> str:
    """The value of a tag that must be there; raises BadSignature."""
    value = tags.get(name)
    if not value:
        raise BadSignature(f"{name}= is missing")
    return value


def domain_of(text: str) -> str:
    """A domain in A-labels and lower case; raises BadSignature."""
    try:
        domain = Domain.parse(compact(text))
    except AddressError as error:
        raise BadSignature(f"d= or i= names no domain: {error}") from None
    if domain.is_literal:
        raise BadSignature("d= or i= names an address")
    return domain.ascii


def selector_of(text: str) -> str:
    """A selector in lower case; raises BadSignature."""
    selector = compact(text)
    if not _SELECTOR.fullmatch(selector) or len(selector) > 200:
        raise BadSignature("s= is no selector")
    return selector.lower()


def algorithm_of(text: str) -> Algorithm:
    """The algorithm, if it may count (RFC 8301 §3.1); raises BadSignature."""
    name = compact(text).lower()
    if name not in ("rsa-sha256", "ed25519-sha256"):
        raise BadSignature(f"the algorithm {name[:30]} does not count")
    return cast("Algorithm", name)


def decoded(text: str, tag: str) -> bytes:
    """The octets of base64 with white space in it; raises BadSignature."""
    try:
        octets = base64.b64decode(compact(text), validate=True)
    except (binascii.Error, ValueError):
        raise BadSignature(f"{tag}= is no base64") from None
    if not octets or len(octets) > MAX_SIGNATURE:
        raise BadSignature(f"{tag}= has a wrong size")
    return octets


def number(tags: dict[str, str], name: str) -> int | None:
    """A decimal number, None without the tag; raises BadSignature."""
    text = tags.get(name)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        raise BadSignature(f"{name}= is no number")
    return int(text)


def _forms(text: str) -> tuple[Form, Form]:
    header, _, body = compact(text).lower().partition("/")
    body = body or "simple"
    if header not in ("simple", "relaxed") or body not in ("simple", "relaxed"):
        raise BadSignature(f"the canonical form {text[:30]!r} is not known")
    return cast("Form", header), cast("Form", body)


def _arc_names(tags: dict[str, str]) -> tuple[bytes, ...]:
    if "h" not in tags:
        raise BadSignature("h= is missing")
    names = ":".join([name for name in compact(tags["h"]).split(":") if name])
    return _names(names) if names else ()


def _names(text: str) -> tuple[bytes, ...]:
    text = compact(text).lower()
    if not _FIELD_NAMES.fullmatch(text) or text.count(":") >= MAX_NAMES:
        raise BadSignature("h= is no list of field names")
    return tuple(text.encode("ascii").split(b":"))
