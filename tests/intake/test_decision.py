"""Decisions as values, and what the ledger tells of them."""

from postroom.intake.decision import INBOX, JUNK, KEEP, NONE, Decision
from postroom.protocol.smtp import replies


def test_to_keep_a_message_is_not_worth_telling() -> None:
    assert KEEP.fact(1, "bob@local.test", 5) is None
    assert KEEP.filings == (INBOX,)
    assert NONE.get(1, KEEP) is KEEP


def test_everything_else_is_told() -> None:
    fact = Decision((JUNK,), None, "junk: it is\nspam").fact(1, "Bob@local.test", 5)
    assert fact is not None
    assert (fact.kind, fact.recipient, fact.account_id, fact.at) == (
        "noted",
        "bob@local.test",
        1,
        5,
    )
    assert fact.detail == "junk: it is\N{REPLACEMENT CHARACTER}spam"
    fact = Decision((), replies.LOCAL_ERROR, "blocked").fact(1, "bob@local.test", 5)
    assert fact is not None
    assert fact.kind == "refused"
