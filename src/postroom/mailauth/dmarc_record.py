"""DMARC records: the policy that a domain publishes for messages in its name (RFC 9989 §4.7).

Tags that are not known, and those of RFC 7489 that mean nothing any more (``pct``, ``rf``,
``ri``), are passed over, as is what is no tag at all: a slip behind a policy does not undo it. A
bad value of an optional tag is its default, but for a bad policy (``p``, ``sp``, ``np``): then
nothing is asked for.
"""

import functools
import re
from collections.abc import Iterable
from typing import Final, Literal, cast

import msgspec

from postroom.mailauth.tags import MAX_TAGS

Policy = Literal["none", "quarantine", "reject"]
Mode = Literal["relaxed", "strict"]
Psd = Literal["y", "n", "u"]

MAX_URIS: Final = 20
MAX_REMEMBERED: Final = 512  # octets of a record that is kept once it was read

_POLICIES: Final = frozenset(("none", "quarantine", "reject"))
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_VERSION: Final = re.compile(rb"v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|\Z)")
_URI: Final = re.compile(r"(mailto:[^\s,;!]+@[^\s,;!]+)(?:![0-9]+[kmgt]?)?", re.IGNORECASE)


class DmarcRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A valid record. ``subdomains`` (sp) and ``missing`` (np) are None when not given.

    ``reports`` are the mailto URIs of rua; ``is_test`` is t=y.
    """

    policy: Policy
    subdomains: Policy | None = None
    missing: Policy | None = None
    dkim: Mode = "relaxed"
    spf: Mode = "relaxed"
    psd: Psd = "u"
    is_test: bool = False
    reports: tuple[str, ...] = ()


def choose(texts: Iterable[bytes]) -> DmarcRecord | None:
    """The one DMARC record among TXT records; None without one, and with several (§4.10)."""
    found = [text for text in texts if _VERSION.match(text.strip())]
    if len(found) != 1:
        return None
    return _remembered(found[0]) if len(found[0]) <= MAX_REMEMBERED else read(found[0])


@functools.lru_cache(maxsize=1024)
def _remembered(octets: bytes) -> "DmarcRecord | None":
    return read(octets)


def read(octets: bytes) -> DmarcRecord | None:
    """Read a record; None when it is none that counts.

    Without ``p`` it is ``none`` (§4.7). With a bad ``p``, ``sp`` or ``np`` all of them are, if the
    record asks for reports; else it does not count (§4.10.1).
    """
    tags = _tags(octets)
    if tags is None:
        return None
    reports = _uris(tags.get("rua", ""))
    policies = {name: tags[name].lower() for name in ("p", "sp", "np") if name in tags}
    if not set(policies.values()) <= _POLICIES:
        if not reports:
            return None
        policies = {}
    return DmarcRecord(
        policy=cast("Policy", policies.get("p", "none")),
        subdomains=cast("Policy | None", policies.get("sp")),
        missing=cast("Policy | None", policies.get("np")),
        dkim=_mode(tags.get("adkim")),
        spf=_mode(tags.get("aspf")),
        psd=_psd(tags.get("psd")),
        is_test=tags.get("t", "n").lower() == "y",
        reports=reports,
    )


def _tags(octets: bytes) -> dict[str, str] | None:
    """The tags, names in lower case; None when one stands twice (RFC 6376 §3.2)."""
    found: dict[str, str] = {}
    for part in octets.split(b";")[:MAX_TAGS]:
        name, equals, value = part.decode("utf-8", "replace").partition("=")
        name = name.strip().lower()
        if not equals or not _NAME.fullmatch(name):
            continue
        if name in found:
            return None
        found[name] = value.strip()
    return found


def _mode(text: str | None) -> Mode:
    return "strict" if (text or "").lower() == "s" else "relaxed"


def _psd(text: str | None) -> Psd:
    value = (text or "u").lower()
    return cast("Psd", value) if value in ("y", "n") else "u"


def _uris(text: str) -> tuple[str, ...]:
    found = [_URI.fullmatch(part.strip()) for part in text.split(",")[:MAX_URIS]]
    return tuple([match[1] for match in found if match])
