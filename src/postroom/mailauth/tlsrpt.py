"""TLS reports: where a domain wants them, and the report on one day of sessions.

``parse_record`` reads what a domain publishes; ``Report`` and its parts are the JSON document
field by field, ``build`` writes it. Counting sessions, composing the message and sending it is
delivery's business.

RFC 8460 §3 (the record), §4.2 (policy types), §4.3 (result types), §4.4 (the JSON document),
§5.1 (file name), §5.3 (subject).
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Literal
from urllib.parse import unquote

import msgspec

from postroom.address import Address, AddressError

ResultType = Literal[
    "starttls-not-supported",
    "certificate-host-mismatch",
    "certificate-expired",
    "certificate-not-trusted",
    "validation-failure",
    "tlsa-invalid",
    "dnssec-invalid",
    "dane-required",
    "sts-policy-fetch-error",
    "sts-policy-invalid",
    "sts-webpki-invalid",
]
PolicyType = Literal["tlsa", "sts", "no-policy-found"]

VERSION: Final = "v=TLSRPTv1"
MAX_RECORD: Final = 4096  # octets of a TXT record that are read
MAX_TARGETS: Final = 10  # addresses of one domain; the first are kept
MAX_TEXT: Final = 500  # characters of a detail that a peer may have chosen
_UNSAFE_NAME: Final = re.compile(r"[^A-Za-z0-9._-]")


class Targets(msgspec.Struct, frozen=True):
    """Where a domain wants its reports: by mail, or posted to an https URL."""

    mailto: tuple[Address, ...]
    https: tuple[str, ...]


class Kebab(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", omit_defaults=True):
    """A part of the document: names with hyphens, nothing that is not known."""


class DateRange(Kebab, frozen=True, kw_only=True):
    """The day that is reported; RFC 3339 in UTC."""

    start_datetime: str
    end_datetime: str


class Policy(Kebab, frozen=True, kw_only=True):
    """What was applied: the lines of the MTA-STS policy or the TLSA records, as text."""

    policy_type: PolicyType
    policy_string: tuple[str, ...] = ()
    policy_domain: str
    mx_host: tuple[str, ...] = ()


class Summary(Kebab, frozen=True, kw_only=True):
    """How many sessions there were."""

    total_successful_session_count: int
    total_failure_session_count: int


class Failure(Kebab, frozen=True, kw_only=True):
    """A kind of failure, told apart by everything but the count: a key for counting."""

    result_type: ResultType
    sending_mta_ip: str = ""
    receiving_mx_hostname: str = ""
    receiving_mx_helo: str = ""
    receiving_ip: str = ""
    additional_information: str = ""
    failure_reason_code: str = ""


class FailureDetails(Failure, frozen=True, kw_only=True):
    """A kind of failure and how often it came."""

    failed_session_count: int


class PolicyResults(Kebab, frozen=True, kw_only=True):
    """One policy and what came of it."""

    policy: Policy
    summary: Summary
    failure_details: tuple[FailureDetails, ...] = ()


class Report(Kebab, frozen=True, kw_only=True):
    """The whole document."""

    organization_name: str
    date_range: DateRange
    contact_info: str
    report_id: str
    policies: tuple[PolicyResults, ...]


def parse_record(records: Iterable[bytes]) -> Targets | None:
    """Read the TXT records of ``_smtp._tls.<domain>``; None: no reports are wanted.

    More than one record of this kind, or one without a target that can be used, counts as
    none (RFC 8460 §3). Never raises.
    """
    found = [record for record in records if _is_ours(record)]
    if len(found) != 1 or len(found[0]) > MAX_RECORD:
        return None
    try:
        text = found[0].decode("ascii")
    except UnicodeDecodeError:
        return None
    uris: list[str] = []
    for field in text.split(";")[1:]:
        name, equals, value = field.strip(" \t").partition("=")
        if name == "rua" and equals:
            uris = [uri.strip(" \t") for uri in value.split(",")]
            break
    return _targets(uris)


def results(
    policy: Policy, *, successes: int, failures: Mapping[Failure, int] | None = None
) -> PolicyResults:
    """The counts of one policy; the most frequent failures come first.

    A session that failed in one way counts once, so the total is the sum of the failures.
    """
    counted = sorted((failures or {}).items(), key=lambda item: (-item[1], str(item[0])))
    return PolicyResults(
        policy=policy,
        summary=Summary(
            total_successful_session_count=successes,
            total_failure_session_count=sum(count for _, count in counted),
        ),
        failure_details=tuple(
            FailureDetails(
                result_type=failure.result_type,
                sending_mta_ip=failure.sending_mta_ip,
                receiving_mx_hostname=failure.receiving_mx_hostname[:MAX_TEXT],
                receiving_mx_helo=failure.receiving_mx_helo[:MAX_TEXT],
                receiving_ip=failure.receiving_ip,
                additional_information=failure.additional_information[:MAX_TEXT],
                failure_reason_code=failure.failure_reason_code[:MAX_TEXT],
                failed_session_count=count,
            )
            for failure, count in counted
        ),
    )


def report(
    policies: Sequence[PolicyResults],
    *,
    organization: str,
    contact: str,
    ident: str,
    start_seconds: int,
    end_seconds: int,
) -> Report:
    """The report of a span of time, both ends in seconds since 1970, the second included."""
    return Report(
        organization_name=organization,
        date_range=DateRange(
            start_datetime=_rfc3339(start_seconds), end_datetime=_rfc3339(end_seconds)
        ),
        contact_info=contact,
        report_id=ident,
        policies=tuple(policies),
    )


def build(document: Report) -> bytes:
    """The JSON text in UTF-8 (RFC 8460 §4.4, application/tlsrpt+json)."""
    text = json.dumps(msgspec.to_builtins(document), ensure_ascii=False, indent=1)
    return text.encode("utf-8", "replace")


def file_name(sender: str, domain: str, start_seconds: int, end_seconds: int, ident: str) -> str:
    """The name of the compressed attachment (RFC 8460 §5.1)."""
    parts = (sender, domain, str(start_seconds), str(end_seconds), ident)
    return "!".join(_UNSAFE_NAME.sub("_", part) for part in parts) + ".json.gz"


def subject(domain: str, submitter: str, ident: str) -> str:
    """The subject of the message that carries a report (RFC 8460 §5.3)."""
    return f"Report Domain: {domain} Submitter: {submitter} Report-ID: <{ident}>"


def _is_ours(record: bytes) -> bool:
    """RFC 8460 §3: what does not begin with the version is somebody else's record."""
    version, _, _ = record[:MAX_RECORD].partition(b";")
    return version.rstrip(b" \t") == VERSION.encode("ascii")


def _targets(uris: Sequence[str]) -> Targets | None:
    mailto: list[Address] = []
    https: list[str] = []
    for uri in uris[:MAX_TARGETS]:
        scheme, _, rest = uri.partition(":")
        if not uri.isprintable() or " " in uri:
            continue
        if scheme.lower() == "mailto":
            try:
                mailto.append(Address.parse(unquote(rest.partition("?")[0])))
            except AddressError:
                continue
        elif scheme.lower() == "https" and rest.startswith("//") and len(rest) > 2:
            https.append(uri)
    return Targets(tuple(mailto), tuple(https)) if mailto or https else None


def _rfc3339(seconds: int) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
