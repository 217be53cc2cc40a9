r"""From what a script wants to a decision: places, flags, addresses elsewhere, a refusal.

The implicit keep goes where the message would have gone without a script: into Junk when it
is judged so; what the script says itself wins. A mailbox that is missing, or that can't be
made, is the INBOX: nothing is lost for a misspelt name. A script that erred has kept the
message; the owner finds out from an X-Sieve-Error field on top of it, and from its story.

RFC 5228 §4, RFC 5232, RFC 5429, RFC 5490 §3.2, RFC 8579 §4, RFC 9042 §4.
"""

from typing import Final

import msgspec

from postroom.errors import Invalid
from postroom.intake.decision import Decision, Filing, Resend
from postroom.intake.sieving import mailbox_number
from postroom.ledger.rows import clean
from postroom.message import trace
from postroom.protocol.smtp.replies import Reply
from postroom.sieve.actions import (
    FileInto,
    Flags,
    Keep,
    Notify,
    Outcome,
    Redirect,
    Reject,
    Vacation,
)
from postroom.store import flags, mailboxes, names
from postroom.store.store import Store

MAX_LINES: Final = 20  # of a refusal's text

_BITS: Final = {
    "\\seen": flags.SEEN,
    "\\answered": flags.ANSWERED,
    "\\flagged": flags.FLAGGED,
    "\\deleted": flags.DELETED,
    "\\draft": flags.DRAFT,
}
_USES: Final = {use.lower(): use for use in mailboxes.SPECIAL_USES.values()}


async def decision_of(
    outcome: Outcome, base: Decision, *, script: str, account_id: int, store: Store, seen: bytes
) -> Decision:
    """The decision of an account whose script came to this.

    ``base`` is what it would do without one, with one filing; ``script`` is the name of the script
    for its owner, "" for rules without one; ``seen`` the header block it saw. Raises MailError.
    """
    called = f"the script {script}" if script else "a rule"
    for action in outcome.actions:
        if isinstance(action, Reject):
            answers = tuple([one for one in outcome.actions if isinstance(one, Notify)])
            reply = Reply(550, "5.7.1", _lines(action.reason))
            reason = f"{called}: {clean(action.reason)}"
            return Decision(
                (),
                reply,
                reason,
                answers=answers,
                is_personal=True,
                is_junk=base.is_junk,
                kind="spam" if base.is_junk else "",
            )
    found = await _places(outcome, base, account_id, store, seen)
    reasons, fields = [base.reason], base.fields
    if outcome.error is not None:
        reasons.append(f"{called} failed: {outcome.error}")
        fields += trace.noted("X-Sieve-Error", f"{called}: {outcome.error}")
    going = [one for one in outcome.actions if isinstance(one, Redirect)]
    if not found:
        reasons.append(f"{called} keeps no copy")
    return Decision(
        found,
        None,
        "; ".join(filter(None, reasons)),
        fields,
        redirects=tuple([one.address for one in going if one.head in (None, seen)]),
        resends=tuple(
            [Resend(one.address, one.head) for one in going if one.head not in (None, seen)]
        ),
        answers=tuple([one for one in outcome.actions if isinstance(one, Vacation | Notify)]),
        remember=outcome.remember,
        is_junk=base.is_junk,
    )


async def _places(
    outcome: Outcome, base: Decision, account_id: int, store: Store, seen: bytes
) -> tuple[Filing, ...]:
    """Where copies go, each place once."""
    found: dict[Filing, None] = {}
    for action in outcome.actions:
        match action:
            case Keep():
                place = base.filings[0] if action.is_implicit else Filing()
                found[_edited(_flagged(place, action.flags), action.head, seen)] = None
            case FileInto():
                place = await filing_of(action, account_id, store)
                found[_edited(place, action.head, seen)] = None
            case _:
                pass
    return tuple(found)


async def filing_of(action: FileInto, account_id: int, store: Store) -> Filing:
    """The place that an action names. Raises MailError."""
    number = mailbox_number(action.mailbox_id) if action.mailbox_id else 0
    if number and await store.read(mailboxes.exists, account_id, number):
        return _flagged(Filing(number), action.flags)
    name = names.canonical(action.mailbox)
    creates = action.create
    try:
        names.checked(name)
    except Invalid:
        creates = False
    use = _USES.get((action.special_use or "").lower(), "")
    return _flagged(Filing(name, use, creates), action.flags)


def _edited(filing: Filing, head: bytes | None, seen: bytes) -> Filing:
    """The filing with what the script has made of the header block."""
    if head is None or head == seen:
        return filing
    if head.endswith(seen):
        return msgspec.structs.replace(filing, added=head[: -len(seen)])
    return msgspec.structs.replace(filing, head=head)


def _flagged(filing: Filing, given: Flags) -> Filing:
    if not given:
        return filing
    bits, keywords = 0, []
    for flag in given:
        bit = _BITS.get(flag.lower(), 0)
        bits |= bit
        if not bit:
            keywords.append(flag)
    try:
        joined = flags.join_keywords(keywords)
    except Invalid:  # more than a message may have
        joined = ""
    return msgspec.structs.replace(filing, flags=bits, keywords=joined)


def _lines(text: str) -> tuple[str, ...]:
    lines = [line for line in text.splitlines() if line.strip()][:MAX_LINES]
    return tuple(lines) or ("The recipient does not accept the message",)
