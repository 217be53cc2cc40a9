"""How TLS to other domains went: counts a day, for the reports of RFC 8460.

Counted in memory by delivery and added here in one write now and then; a report is made
from the rows of one finished day. Kept for a fortnight.

Policies and failures are parts of the key, and strangers choose what stands in them: a zone
can publish whole certificates, a policy a thousand hosts. ``result`` leaves out what would
not fit, for an index of PostgreSQL takes 2,704 octets.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from postroom.db.database import Tx
from postroom.mailauth.tlsrpt import Failure, Policy, ResultType

DAY_MS: Final = 86_400_000
KEEP_DAYS: Final = 14
MAX_POLICY: Final = 800  # octets of the lines of a policy and of its hosts, as JSON
MAX_DETAIL: Final = 250  # octets of a detail, as JSON
MAX_NAME: Final = 300  # octets of a host's name, as JSON


class Result(NamedTuple):
    """One kind of outcome; ``failure`` None for sessions that went well."""

    day: int
    domain: str
    policy: Policy
    failure: Failure | None


class Counted(NamedTuple):
    """A result and how many sessions had it."""

    policy: Policy
    failure: Failure | None
    sessions: int


def result(
    day: int, policy: Policy, host: str, failure: ResultType | None = None, detail: str = ""
) -> Result:
    """What is counted for a session; ``failure`` None: as it should be."""
    lines = _fitting(policy.policy_string, MAX_POLICY)
    told = Policy(
        policy_type=policy.policy_type,
        policy_string=lines,
        policy_domain=policy.policy_domain,
        mx_host=_fitting(policy.mx_host, MAX_POLICY - sum(map(_size, lines))),
    )
    why = None
    if failure is not None:
        why = Failure(
            result_type=failure,
            receiving_mx_hostname=_cut(host, MAX_NAME),
            additional_information=_cut(detail, MAX_DETAIL),
        )
    return Result(day, policy.policy_domain, told, why)


def add(tx: Tx, counts: Counter[Result]) -> None:
    """Add to the counts of a day."""
    tx.many(
        "INSERT INTO tls_result (day, domain, policy, failure, sessions) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (day, domain, policy, failure) DO UPDATE"
        " SET sessions = tls_result.sessions + excluded.sessions",
        sorted(
            (
                one.day,
                one.domain,
                _text(one.policy),
                "" if one.failure is None else _text(one.failure),
                count,
            )
            for one, count in counts.items()
        ),
    )


def domains(tx: Tx, day: int) -> list[str]:
    """The domains with results on that day."""
    rows = tx.all(
        "SELECT DISTINCT domain FROM tls_result WHERE day = :day ORDER BY domain", day=day
    )
    return [row[0] for row in rows]


def of(tx: Tx, day: int, domain: str) -> list[Counted]:
    """What was counted for a domain on that day."""
    rows = tx.all(
        "SELECT policy, failure, sessions FROM tls_result WHERE day = :day AND domain = :domain"
        " ORDER BY policy, failure",
        day=day,
        domain=domain,
    )
    return [
        Counted(
            msgspec.json.decode(policy, type=Policy),
            msgspec.json.decode(failure, type=Failure) if failure else None,
            sessions,
        )
        for policy, failure, sessions in rows
    ]


def purge(tx: Tx, now: int) -> int:
    """Forget days that are over for a fortnight; ``now`` in ms. How many rows went."""
    return tx.execute(
        "DELETE FROM tls_result WHERE day < :before", before=now // DAY_MS - KEEP_DAYS
    )


def _fitting(texts: Iterable[str], most: int) -> tuple[str, ...]:
    """The first of them that are not longer than ``most`` together."""
    fitting = []
    for text in texts:
        most -= _size(text)
        if most < 0:
            break
        fitting.append(text)
    return tuple(fitting)


def _cut(text: str, most: int) -> str:
    """The beginning, with "?" for what can't be shown."""
    text = "".join([letter if letter.isprintable() else "?" for letter in text[:most]])
    while _size(text) > most:
        text = text[: len(text) * 3 // 4]
    return text


def _size(text: str) -> int:
    """Octets of the text as JSON, with quotes and comma."""
    return len(msgspec.json.encode(text)) + 1


def _text(value: Policy | Failure) -> str:
    return msgspec.json.encode(value).decode()
