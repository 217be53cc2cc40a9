"""The gravest of several opinions, and opinions for one person."""

import itertools

from postroom.policy.verdict import Verdict, gravest

PASS = Verdict(stage="a")
JUNK = Verdict(stage="b", action="junk", reason="looks like spam")
REFUSE = Verdict(stage="c", action="refuse")
DEFER = Verdict(stage="d", action="defer")


def test_the_gravest_counts_in_any_order() -> None:
    for order in itertools.permutations([PASS, JUNK, REFUSE, DEFER]):
        assert gravest(order) is DEFER
    assert gravest([PASS, REFUSE, JUNK]) is REFUSE
    assert gravest([PASS, JUNK]) is JUNK


def test_of_equals_the_first_counts() -> None:
    other = Verdict(stage="e", action="junk", reason="another reason")
    assert gravest([JUNK, other]) is JUNK
    assert gravest([]) is None


def test_a_stage_may_think_otherwise_of_one_person() -> None:
    mixed = Verdict(stage="bayes", action="junk", personal={7: PASS})
    assert mixed.of(7).action == "pass"
    assert mixed.of(8) is mixed
