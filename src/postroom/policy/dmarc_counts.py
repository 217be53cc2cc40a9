"""Counts messages for DMARC reports, and writes the sums now and then.

Only what a domain wants to be told is counted. RFC 9990 §3.1.
"""

from collections.abc import Callable
from typing import Final

from postroom.db.database import Database
from postroom.ledger import dmarc_results
from postroom.ledger.dmarc_results import DAY_MS, Result
from postroom.ledger.tally import Tally
from postroom.mailauth import dmarc
from postroom.mailauth.dmarc_record import DmarcRecord
from postroom.mailauth.feedback import MAX_DKIM, Dkim, Published, Row, Spf
from postroom.policy.origin import Findings
from postroom.policy.verdict import Action

_DISPOSITIONS: Final[dict[Action, str]] = {"junk": "quarantine", "refuse": "reject"}


class DmarcCounts:
    """One a process. A crash loses what was counted since the last ``flush``."""

    def __init__(self, db: Database, clock: Callable[[], int]) -> None:
        """``clock`` is UTC milliseconds."""
        self._clock = clock
        self._tally: Tally[Result] = Tally(db, dmarc_results.add)
        self.flush = self._tally.flush

    def count(self, findings: Findings, action: Action) -> None:
        """One message; ``action`` is what the stage of DMARC says to it."""
        found = findings.dmarc
        if found is None or found.record is None or not found.record.reports:
            return
        if found.outcome == "temperror" or action == "defer":  # it comes again
            return
        self._tally.count(
            Result(
                self._clock() // DAY_MS,
                found.source,
                published(found.source, found.record),
                dmarc_results.fitting(_row(findings, found, action)),
            )
        )


def published(domain: str, record: DmarcRecord) -> Published:
    """The policy as a report tells it."""
    return Published(
        domain=domain,
        p=record.policy,
        sp=record.subdomains or "",
        np=record.missing or "",
        adkim=record.dkim[0],
        aspf=record.spf[0],
        testing="y" if record.is_test else "n",
    )


def _row(findings: Findings, found: dmarc.Result, action: Action) -> Row:
    disposition = "pass" if found.outcome == "pass" else _DISPOSITIONS.get(action, "none")
    client = findings.client
    sender = () if findings.spf is None else (_spf(findings),)
    return Row(
        source=client.address,
        disposition=disposition,
        dkim="pass" if found.is_dkim_aligned else "fail",
        spf="pass" if found.is_spf_aligned else "fail",
        reason=_reason(findings, found, disposition),
        header_from=found.author,
        envelope_from=client.sender.rpartition("@")[2].lower(),
        signatures=tuple(
            [
                Dkim(domain=one.domain, selector=one.selector, result=one.outcome)
                for one in sorted(findings.dkim, key=lambda one: one.outcome != "pass")
                if one.domain
            ][:MAX_DKIM]
        ),
        senders=sender,
    )


def _spf(findings: Findings) -> Spf:
    outcome = "none" if findings.spf is None else findings.spf.outcome
    return Spf(domain=findings.client.sender_domain[:255], result=outcome)


def _reason(findings: Findings, found: dmarc.Result, disposition: str) -> str:
    """Why a message that fails was not treated as the policy says (RFC 9990 §3.1.6)."""
    if found.outcome == "pass" or found.record is None:
        return ""
    if findings.sealer:
        return "trusted_forwarder"
    if disposition != found.policy:
        return "local_policy"
    return "policy_test_mode" if found.record.is_test and found.record.policy != "none" else ""
