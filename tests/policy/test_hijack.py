"""Signs of a hijacked account: what one is worth, and what they are together."""

import pytest
from hypothesis import given, strategies as st

from postroom.policy import hijack
from postroom.policy.hijack import Activity, Reason, Suspicion


@pytest.mark.parametrize(
    ("activity", "usual", "score"),
    [
        (Activity(), 0, 0),
        (Activity(recipients=49), 0, 0),
        (Activity(recipients=50), 0, 30),
        (Activity(recipients=199), 0, 30),
        (Activity(recipients=200), 0, 50),
        (Activity(recipients=499), 100, 0),  # a mailing list as it always was
        (Activity(recipients=500), 100, 30),
        (Activity(recipients=1000), 100, 50),
        (Activity(recipients=20, unknown=9), 0, 0),
        (Activity(recipients=20, unknown=10), 0, 30),
        (Activity(recipients=51, unknown=10), 50, 0),  # a fifth is much, less is an old list
        (Activity(recipients=100, unknown=30), 100, 50),
        (Activity(recipients=100, spam=10), 100, 30),
        (Activity(recipients=101, spam=10), 100, 0),
        (Activity(recipients=100, spam=30), 100, 50),
        (Activity(networks=3), 0, 0),
        (Activity(networks=4), 0, 20),
        (Activity(networks=8), 0, 40),
        (Activity(recipients=60, unknown=12), 0, 60),
        (Activity(recipients=60, networks=4), 0, 50),
        (Activity(unknown=10, networks=4), 0, 50),
    ],
)
def test_each_sign_has_its_points(activity: Activity, usual: int, score: int) -> None:
    found = hijack.judge(activity, usual)
    assert found.score == score == sum(one.points for one in found.reasons)
    assert found.is_alarm == (score >= 50)


def test_reasons_say_what_was_measured_the_heaviest_first() -> None:
    found = hijack.judge(Activity(recipients=400, networks=5), 3)
    assert found == Suspicion(
        70,
        (
            Reason(
                50,
                "messages to 400 recipients elsewhere within an hour, 3 in its busiest hour before",
            ),
            Reason(20, "logins from 5 networks within an hour that were new that day"),
        ),
    )


@given(
    recipients=st.integers(0, 10_000),
    usual=st.integers(0, 10_000),
    networks=st.integers(0, 50),
    refused=st.integers(0, 100),
)
def test_what_is_usual_is_never_suspicious(
    recipients: int, usual: int, networks: int, refused: int
) -> None:
    calm = hijack.judge(Activity(recipients=min(recipients, usual)), usual)
    assert calm.score == 0 or usual < hijack.MANY
    some = Activity(recipients, refused, 0, networks)
    more = Activity(recipients, refused, refused, networks + 1)
    assert hijack.judge(some, usual).score <= hijack.judge(more, usual).score


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("mx.test: 550 5.1.1 <x@y.test>: Recipient address rejected: User unknown", "unknown"),
        ("mx.test: 550 No such user here", "unknown"),
        ("mx.test: 550 5.1.10 RESOLVER.ADR.RecipientNotFound", "unknown"),
        ("mx.test: 550 Mailbox unavailable", "unknown"),
        ("mx.test: 550 5.7.1 Message looks like SPAM", "spam"),
        ("mx.test: 554 5.7.1 Service unavailable; client blocked using list.test", "spam"),
        ("mx.test: 421 4.7.28 Our system has detected an unusual rate of mail", "spam"),
        ("mx.test: 550 5.7.26 this mail is not authenticated", "spam"),
        ("mx.test: 552 5.2.2 Mailbox full", "other"),
        ("mx.test: 550 5.1.18 strange", "other"),
        ("connection refused", "other"),
    ],
)
def test_replies_are_understood(reply: str, kind: str) -> None:
    assert hijack.refusal_of(reply) == kind
