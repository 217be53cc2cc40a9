"""Sets of Emails for a filter: what is sure, what is possible; ``test_query`` tries them all."""

import itertools

from hypothesis import given, strategies as st

from postroom.store.outline import Head
from postroom.web.jmap import filters
from postroom.web.jmap.box import Box
from postroom.web.jmap.condition import Condition, Fact, HasAttachment, Test, Tree
from postroom.web.jmap.filters import Operator
from postroom.web.jmap.matching import Found, Matcher
from postroom.web.jmap.outline import Outline

ROWS = [
    (uid, uid + 10, uid % 3, flags, "x" if uid % 2 else "", uid, uid * 1000, 1)
    for uid, flags in enumerate((0, 1, 4, 9, 16, 5), 1)
]
OUTLINE = Outline({1: Box.read(Head(1, "INBOX", None, 1, 9, 1, 6, 0), [ROWS])})
FILES = HasAttachment(value=True)
TESTS: list[Test] = [
    Fact("hasKeyword", "$seen"), Fact("hasKeyword", "x"), Fact("minSize", 3),
    Fact("someInThreadHaveKeyword", "$flagged"), FILES,
]  # fmt: skip
TREES = st.recursive(
    st.lists(st.sampled_from(TESTS), max_size=3).map(tuple),
    lambda inner: st.builds(
        lambda word, parts: Operator(word, tuple(parts)),
        st.sampled_from(["AND", "OR", "NOT"]),
        st.lists(inner, max_size=3),
    ),
    max_leaves=6,
)


@given(TREES, st.sets(st.integers(11, 16)), st.sets(st.integers(11, 16)))
def test_what_is_sure_and_possible(tree: Tree, yes: set[int], unsure: set[int]) -> None:
    """Whatever the unsure ones turn out to be, the truth lies between the two."""
    everything = Matcher(OUTLINE).everything
    assert everything == {11, 12, 13, 15, 16}
    yes &= everything
    unsure &= everything
    found = Matcher(OUTLINE).found(tree, {FILES: Found(frozenset(yes), frozenset(yes | unsure))})
    nothing = Matcher(OUTLINE).found(tree, {})
    assert found.sure <= found.possible <= everything
    assert nothing.sure <= found.sure
    assert found.possible <= nothing.possible
    for truth in (yes, yes | unsure):
        matcher = Matcher(OUTLINE)

        def holds(ident: int, condition: Condition) -> bool:
            return all(
                ident in truth if test == FILES else ident in matcher.answer(test)  # type: ignore[arg-type]  # noqa: B023
                for test in condition
            )

        exact = {
            ident
            for ident in everything
            if filters.holds(tree, lambda condition, ident=ident: holds(ident, condition))  # type: ignore[misc]
        }
        assert found.sure <= exact <= found.possible


def test_answers_are_complements() -> None:
    matcher = Matcher(OUTLINE)
    for one, other in itertools.product(("$seen", "x", "$none"), repeat=2):
        has = matcher.answer(Fact("hasKeyword", one))
        assert has | matcher.answer(Fact("notKeyword", one)) == matcher.everything
        some = matcher.answer(Fact("someInThreadHaveKeyword", other))
        assert some | matcher.answer(Fact("noneInThreadHaveKeyword", other)) == matcher.everything
        assert matcher.answer(Fact("allInThreadHaveKeyword", other)) <= some
    assert matcher.answer(Fact("inMailbox", "F1")) == matcher.everything
    assert matcher.answer(Fact("inMailbox", "F2")) == frozenset()
    assert matcher.answer(Fact("inMailboxOtherThan", frozenset({"F1"}))) == frozenset()
