"""MTA-STS: which hosts may receive a domain's mail, and whether TLS to them must be proven.

``discover`` is the check as a generator: it asks for the TXT record, and for the policy when
the one that is remembered is not enough, and gives what applies now and what to remember. A
policy that was fetched holds until it expires, whatever DNS or the web server say meanwhile:
otherwise who can suppress an answer could switch it off. A failed fetch is not repeated for
five minutes, a policy in use is fetched anew once a day.

RFC 8461 §3.1 (record), §3.2 (policy), §3.3 (fetching, pauses, renewal), §4.1 (matching the MX
host), §5.1 (what applies), §10.2 (downgrades). The caller fetches, keeps what is remembered,
checks certificates, and does not ask for domains whose hosts DANE protects (RFC 8461 §2).
"""

import re
from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from postroom.address import AddressError, Domain
from postroom.mailauth.lookups import Check, FetchFailed, LookupFailed, body, texts
from postroom.mailauth.tlsrpt import ResultType

Mode = Literal["enforce", "testing", "none"]

VERSION: Final = "STSv1"
MAX_RECORD: Final = 4096  # octets of a TXT record that are read
MAX_POLICY: Final = 64 * 1024  # octets, RFC 8461 §3.3
MAX_LIFE: Final = 31_557_600  # seconds, RFC 8461 §3.2: about a year
MAX_PATTERNS: Final = 1000
RENEWAL: Final = 86_400  # seconds after which a policy in use is fetched anew
PAUSE: Final = 300  # seconds between a failed fetch and the next one
_MODES: Final[dict[str, Mode]] = {"enforce": "enforce", "testing": "testing", "none": "none"}
_IDENT: Final = re.compile(r"[A-Za-z0-9]{1,32}")
_FIELD_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_MAX_NAME: Final = 253 - len("_mta-sts.")  # a longer domain can have no record


class PolicyInvalid(ValueError):
    """The document is no MTA-STS policy; the message says why."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A domain's wish. ``mx`` are host names in lower case, perhaps beginning with ``*.``."""

    mode: Mode
    max_age: int  # seconds
    mx: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """The policy as text, for reports (RFC 8460 §4.4)."""
        mx = [f"mx: {pattern}" for pattern in self.mx]
        return (f"version: {VERSION}", f"mode: {self.mode}", *mx, f"max_age: {self.max_age}")


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """What to keep about a domain between deliveries; times in seconds."""

    policy: Policy | None = None  # None: none was ever fetched
    ident: str = ""  # of the record for which the policy was fetched
    fetched: int = 0
    failed: int | None = None  # when the last fetch failed; None when it did not
    failure: ResultType | None = None

    def in_force(self, now: int) -> Policy | None:
        """The policy, as long as it has not expired."""
        if self.policy is None or not self.fetched <= now < self.fetched + self.policy.max_age:
            return None
        return self.policy


class Discovery(msgspec.Struct, frozen=True, kw_only=True):
    """What applies now, and what to remember (None: nothing).

    ``policy`` None or with mode "none" demands nothing. ``failure`` is for TLS reports: the
    domain has a record, but no good policy could be fetched this time; ``reason`` says why.
    """

    policy: Policy | None
    remembered: Remembered | None
    failure: ResultType | None = None
    reason: str = ""


def parse_record(records: Iterable[bytes]) -> str | None:
    """The ``id`` from the TXT records of ``_mta-sts.<domain>``; None: there is no policy.

    More than one such record, or a bad one, counts as none (RFC 8461 §3.1). Never raises.
    """
    found = [record for record in records if _is_ours(record)]
    if len(found) != 1 or len(found[0]) > MAX_RECORD:
        return None
    fields = found[0].decode("ascii", "replace").split(";")[1:]
    if not fields[-1].strip(" \t"):
        fields.pop()
    ident = None
    for field in fields:
        name, equals, value = field.strip(" \t").partition("=")
        if not equals or not _FIELD_NAME.fullmatch(name) or not _is_value(value):
            return None
        if name == "id" and ident is None:
            ident = value
    return ident if ident is not None and _IDENT.fullmatch(ident) else None


def parse_policy(document: bytes) -> Policy:
    """Read a policy document; raises PolicyInvalid and nothing else.

    Lines end in CRLF or LF; of a repeated key, but ``mx``, the first counts; unknown keys do
    not matter (RFC 8461 §3.2).
    """
    if len(document) > MAX_POLICY:
        raise PolicyInvalid(f"the policy is larger than {MAX_POLICY} octets")
    try:
        text = document.decode()
    except UnicodeDecodeError:
        raise PolicyInvalid("the policy is not UTF-8") from None
    values: dict[str, str] = {}
    mx: list[str] = []
    for raw in text.split("\n"):
        line = raw.removesuffix("\r").rstrip(" \t")
        if not line:
            continue
        key, colon, value = line.partition(":")
        if not colon or not _FIELD_NAME.fullmatch(key):
            raise PolicyInvalid(f"the line {line[:60]!r} is not a key and a value")
        value = value.lstrip(" \t")
        if key == "mx":
            mx.append(value)
        else:
            values.setdefault(key, value)
    return _policy(values, mx)


def matches(policy: Policy, mx_host: str) -> bool:
    """True when the policy names this MX host; ``*.`` stands for one label (RFC 8461 §4.1)."""
    host = mx_host.removesuffix(".").lower()
    label, _, parent = host.partition(".")
    return host in policy.mx or (bool(label) and f"*.{parent}" in policy.mx)


def policy_url(domain: Domain) -> str:
    """Where the domain's policy stands (RFC 8461 §3.3)."""
    return f"https://mta-sts.{domain.ascii}/.well-known/mta-sts.txt"


def discover(domain: Domain, remembered: Remembered | None, now: int) -> Check[Discovery]:
    """What applies to mail for ``domain``; ``now`` in seconds. Raises nothing."""
    if domain.is_literal or len(domain.ascii) > _MAX_NAME:
        return Discovery(policy=None, remembered=None)
    known = remembered or Remembered()
    in_force = known.in_force(now)
    try:
        ident = parse_record((yield from texts(f"_mta-sts.{domain.ascii}")))
    except LookupFailed:
        ident = None
    if ident is None:  # RFC 8461 §5.1: that alone does not end a policy
        return Discovery(policy=in_force, remembered=remembered if in_force else None)
    if in_force is not None and ident == known.ident and now - known.fetched < RENEWAL:
        return Discovery(policy=in_force, remembered=known)
    if known.failed is not None and 0 <= now - known.failed < PAUSE:
        return Discovery(
            policy=in_force,
            remembered=known,
            failure=known.failure,
            reason="the policy could not be fetched a moment ago",
        )
    failure: ResultType
    try:
        document = yield from body(
            policy_url(domain), max_octets=MAX_POLICY, media_type="text/plain"
        )
        policy = parse_policy(document)
    except FetchFailed as failed:
        failure = "sts-webpki-invalid" if failed.is_certificate else "sts-policy-fetch-error"
        reason = str(failed)
    except PolicyInvalid as invalid:
        failure, reason = "sts-policy-invalid", str(invalid)
    else:
        fresh = Remembered(policy=policy, ident=ident, fetched=now)
        return Discovery(policy=policy, remembered=fresh)
    kept = known if in_force else Remembered()
    return Discovery(
        policy=in_force,
        remembered=msgspec.structs.replace(kept, failed=now, failure=failure),
        failure=failure,
        reason=reason,
    )


def _is_ours(record: bytes) -> bool:
    """RFC 8461 §3.1: what does not begin with the version is somebody else's record."""
    version, semicolon, _ = record[:MAX_RECORD].partition(b";")
    return bool(semicolon) and version.rstrip(b" \t") == b"v=STSv1"


def _is_value(text: str) -> bool:
    """RFC 8461 §3.1 sts-ext-value: visible ASCII without "=" and ";"."""
    return bool(text) and all("!" <= letter <= "~" and letter != "=" for letter in text)


def _policy(values: dict[str, str], mx: list[str]) -> Policy:
    if values.get("version") != VERSION:
        raise PolicyInvalid(f"the policy does not say version: {VERSION}")
    mode = _MODES.get(values.get("mode", ""))
    if mode is None:
        raise PolicyInvalid("the mode is none of enforce, testing and none")
    age = values.get("max_age", "")
    if not (age.isascii() and age.isdigit() and len(age) <= 10):
        raise PolicyInvalid("max_age is not a number of at most ten digits")
    if len(mx) > MAX_PATTERNS:
        raise PolicyInvalid(f"the policy names more than {MAX_PATTERNS} hosts")
    if not mx and mode != "none":
        raise PolicyInvalid("the policy names no mx")
    return Policy(mode=mode, max_age=min(int(age), MAX_LIFE), mx=tuple(map(_pattern, mx)))


def _pattern(text: str) -> str:
    wildcard = "*." if text.startswith("*.") else ""
    try:
        domain = Domain.parse(text.removeprefix("*."))
    except AddressError:
        raise PolicyInvalid(f"the mx {text[:60]!r} is no host name") from None
    if domain.is_literal:
        raise PolicyInvalid(f"the mx {text[:60]!r} is no host name")
    return wildcard + domain.ascii
