"""TLS reports of others, from JSON that anybody may have written (RFC 8460 §4.4).

Words that are not known stay as they are; what is missing is empty.
"""

from typing import Any, Final

import msgspec

MAX_OCTETS: Final = 2 * 1024 * 1024  # read they take twenty times as much
MAX_POLICIES: Final = 1_000
MAX_FAILURES: Final = 1_000  # kinds of failures of one policy
MAX_TEXT: Final = 500  # characters of a value


class BadReport(ValueError):
    """The octets are no report; the message says why."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of failure and how many sessions had it."""

    result: str
    host: str = ""
    detail: str = ""
    sessions: int = 0


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the sessions with one policy: sts, tlsa or no-policy-found."""

    kind: str
    domain: str
    successes: int
    failures: int
    details: tuple[Failure, ...] = ()


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole document; ``begins`` and ``ends`` as they stand (RFC 3339)."""

    organization: str
    contact: str
    ident: str
    begins: str
    ends: str
    policies: tuple[Policy, ...]


def read(octets: bytes) -> Report:
    """Read a report; raises BadReport."""
    if len(octets) > MAX_OCTETS:
        raise BadReport(f"it has more than {MAX_OCTETS} octets")
    try:
        found = msgspec.json.decode(octets)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadReport(f"it is no JSON: {error}") from None
    if not isinstance(found, dict) or not isinstance(found.get("policies"), list):
        raise BadReport("it has no policies")
    ident = _text(found, "report-id")
    policies = tuple([_policy(one) for one in found["policies"][:MAX_POLICIES]])
    if not ident or not policies:
        raise BadReport("it has no identifier or no policies")
    span = found.get("date-range")
    return Report(
        organization=_text(found, "organization-name") or "unknown",
        contact=_text(found, "contact-info"),
        ident=ident,
        begins=_text(span, "start-datetime"),
        ends=_text(span, "end-datetime"),
        policies=policies,
    )


def _policy(found: Any) -> Policy:
    inner = found.get("policy") if isinstance(found, dict) else None
    summary = found.get("summary") if isinstance(found, dict) else None
    details = found.get("failure-details") if isinstance(found, dict) else None
    return Policy(
        kind=_text(inner, "policy-type"),
        domain=_text(inner, "policy-domain").lower().rstrip("."),
        successes=_number(summary, "total-successful-session-count"),
        failures=_number(summary, "total-failure-session-count"),
        details=tuple([_failure(one) for one in _listed(details)[:MAX_FAILURES]]),
    )


def _failure(found: Any) -> Failure:
    return Failure(
        result=_text(found, "result-type"),
        host=_text(found, "receiving-mx-hostname"),
        detail=_text(found, "failure-reason-code") or _text(found, "additional-information"),
        sessions=_number(found, "failed-session-count"),
    )


def _listed(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []


def _text(found: Any, name: str) -> str:
    value = found.get(name) if isinstance(found, dict) else None
    if not isinstance(value, str):
        return ""
    return "".join([one if one.isprintable() else " " for one in value[:MAX_TEXT]]).strip()


def _number(found: Any, name: str) -> int:
    value = found.get(name) if isinstance(found, dict) else None
    return min(max(0, value), 1 << 53) if isinstance(value, int) else 0
