"""DMARC records: the policy that a domain publishes for messages in its name (RFC 9989 §4.7).

Tags that are not known, and those of RFC 7489 that mean nothing any more (``pct``, ``rf``,
``ri``), are passed over; a bad value of an optional tag is its default.
"""

import functools
import re
from collections.abc import Iterable
from typing import Final, Literal, cast

import msgspec

from postroom.mailauth.tags import BadTags, compact, parse

Policy = Literal["none", "quarantine", "reject"]
Mode = Literal["relaxed", "strict"]
Psd = Literal["y", "n", "u"]

MAX_URIS: Final = 20
MAX_REMEMBERED: Final = 512  # octets of a record that is kept once it was read

_POLICIES: Final = ("none", "quarantine", "reject")
_VERSION: Final = re.compile(rb"v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|\Z)")
_URI: Final = re.compile(r"(mailto:[^\s,;!]+@[^\s,;!]+)(?:![0-9]+[kmgt]?)?", re.IGNORECASE)


class DmarcRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A valid record. ``subdomains`` (sp) and ``missing`` (np) are None when not given.

    ``reports`` and ``failures`` are the mailto URIs of rua and ruf; ``is_test`` is t=y.
    """

    policy: Policy
    subdomains: Policy | None = None
    missing: Policy | None = None
    dkim: Mode = "relaxed"
    spf: Mode = "relaxed"
    psd: Psd = "u"
    is_test: bool = False
    reports: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    failure_options: frozenset[str] = frozenset(("0",))


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

    A record whose ``p`` is missing or bad counts as ``none`` if it asks for reports (§4.7).
    """
    try:
        tags = {name.lower(): value for name, value in parse(octets).items()}
    except BadTags:
        return None
    reports = _uris(tags.get("rua", ""))
    policy = _policy(tags.get("p"))
    if policy is None:
        if not reports:
            return None
        policy = "none"
    return DmarcRecord(
        policy=policy,
        subdomains=_policy(tags.get("sp")),
        missing=_policy(tags.get("np")),
        dkim=_mode(tags.get("adkim")),
        spf=_mode(tags.get("aspf")),
        psd=_psd(tags.get("psd")),
        is_test=tags.get("t", "n").lower() == "y",
        reports=reports,
        failures=_uris(tags.get("ruf", "")),
        failure_options=frozenset(compact(tags.get("fo", "0")).lower().split(":")),
    )


def _policy(text: str | None) -> Policy | None:
    value = (text or "").lower()
    return cast("Policy", value) if value in _POLICIES else None


def _mode(text: str | None) -> Mode:
    return "strict" if (text or "").lower() == "s" else "relaxed"


def _psd(text: str | None) -> Psd:
    value = (text or "u").lower()
    return cast("Psd", value) if value in ("y", "n") else "u"


def _uris(text: str) -> tuple[str, ...]:
    found = [_URI.fullmatch(part.strip()) for part in text.split(",")[:MAX_URIS]]
    return tuple([match[1] for match in found if match])
