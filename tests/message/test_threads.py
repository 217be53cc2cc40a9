"""Threads: the algorithms of RFC 5256 against their slow twins, and what must stay linear."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings, strategies as st

from postroom.message import threads
from postroom.message.threads import Forest, Letters
from postroom.protocol.imap.thread_line import thread_line
from tests.message import threads_by_the_book as book

PAIRS: list[tuple[Callable[[Letters], Forest], Callable[[Letters], bytes]]] = [
    (threads.references, book.references),
    (threads.refs, book.refs),
    (threads.ordered_subject, book.ordered_subject),
]


def letters(
    *ancestors: Sequence[int],
    ids: Sequence[int] = (),
    sent: Sequence[int] = (),
    received: Sequence[int] = (),
    subjects: Sequence[str] = (),
    replies: Sequence[bool] = (),
) -> Letters:
    """Messages 1, 2, .. with Message-IDs 1, 2, .. and no subject, a moment apart."""
    count = range(1, len(ancestors) + 1)
    dates = sent or list(count)
    return Letters(
        ids or list(count),
        ancestors,
        dates,
        received or dates,
        subjects or [""] * len(count),
        replies or [False] * len(count),
    )


def told(forest: Forest, count: int) -> str:
    return thread_line(forest, range(1, count + 1)).decode()[9:-2]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (letters(), ""),
        (letters([], []), "(1)(2)"),
        (letters([], [1], [1, 2]), "(1 2 3)"),
        (letters([], [1], [1]), "(1 (2)(3))"),
        (letters([], [1], [2], [1], sent=[4, 3, 2, 1]), "(1 (4)(2 3))"),
        (letters([9], [9]), "((1)(2))"),  # siblings whose parent is not here
        (letters([9], []), "(1)(2)"),
        (letters([8, 9], [8, 9]), "((1)(2))"),
        (letters([8, 9], [8]), "((1)(2))"),
        (letters([8, 7, 1], [8], ids=[1, 2]), "(1)(2)"),  # refers to itself
        (letters([2], [1]), "(2 1)"),  # a cycle: the second link is not made
        (letters([1]), "(1)"),
        (letters([2, 3], [3], []), "(2)(3 1)"),
        (letters([], [1], [1], ids=[1, 1, 2]), "(1 (2)(3))"),  # a doubled Message-ID
        (letters([], [], [0], ids=[0, 0, 0]), "(1)(2)(3)"),
        (letters([5, 6, 5, 6], [6]), "((1)(2))"),
        (letters([], [1], [1, 3, 2], sent=[1, 2, 3]), "(1 2 3)"),
    ],
)
def test_ancestry(given: Letters, expected: str) -> None:
    found = threads.references(given)
    assert told(found, len(given.ids)) == expected
    if given.ids:
        assert book.references(given).decode()[9:-2] == expected


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ((False, True), "(1 2)"),
        ((True, False), "(2 1)"),
        ((False, False), "((1)(2))"),
        ((True, True), "((1)(2))"),
    ],
)
def test_subjects(replies: tuple[bool, bool], expected: str) -> None:
    found = threads.references(letters([], [], subjects=["a", "a"], replies=replies))
    assert told(found, 2) == expected


def test_the_latest_arrival_is_last() -> None:
    given = letters([], [], [1], [], received=[1, 2, 9, 4])
    assert told(threads.refs(given), 4) == "(2)(4)(1 3)"


def test_there_are_no_grandchildren_by_subject() -> None:
    given = letters([], [], [], [], subjects=["a", "b", "a", "a"])
    assert told(threads.ordered_subject(given), 4) == "(1 (3)(4))(2)"


@st.composite
def mailboxes(draw: st.DrawFn) -> Letters:
    count = draw(st.integers(0, 9))

    def column(element: st.SearchStrategy[int]) -> list[int]:
        return draw(st.lists(element, min_size=count, max_size=count))

    ident = st.integers(1, 12)
    subjects = draw(st.lists(st.sampled_from(["", "a", "b"]), min_size=count, max_size=count))
    return Letters(
        column(st.integers(0, 9)),
        draw(st.lists(st.lists(ident, max_size=4), min_size=count, max_size=count)),
        column(st.integers(1, 5)),
        column(st.integers(1, 5)),
        subjects,
        draw(st.lists(st.booleans(), min_size=count, max_size=count)),
    )


@settings(max_examples=300)
@given(mailboxes())
def test_they_do_what_the_rfc_tells(given: Letters) -> None:
    for quick, slow in PAIRS:
        assert thread_line(quick(given), range(1, len(given.ids) + 1)) == slow(given), quick


def every(forest: Forest, count: int) -> list[int]:
    """The messages of a forest, each as often as it is there."""
    waiting = list(forest.roots)
    found: list[int] = []
    while waiting:
        node = waiting.pop()
        if node < count:
            found.append(node)
        waiting += forest.children.get(node, ())
    return sorted(found)


def test_deep_threads() -> None:
    """100,000 deep, in order, backwards, and by whole References."""
    count = 100_000
    ascending = letters([], *[[number] for number in range(1, count)])
    chain = " ".join(map(str, range(1, count + 1)))
    assert told(threads.references(ascending), count) == f"({chain})"
    backwards = letters(*[[number + 1] for number in range(1, count)], [])
    assert told(threads.references(backwards), count).startswith("(100000 99999 99998 ")
    windows = letters(*[range(max(1, number - 20), number) for number in range(1, count + 1)])
    assert told(threads.refs(windows), count) == f"({chain})"


class Counted(list[int]):
    """Parents that count how often somebody goes upwards."""

    steps = 0

    def __getitem__(self, place: int) -> int:  # type: ignore[override]
        Counted.steps += 1
        return super().__getitem__(place)


def hostile(half: int) -> Letters:
    """A deep thread, then messages with a child each, all put below the end of it."""
    deep = [[number] if number else [] for number in range(half)]
    quarter = half // 2
    first = [[1, half + quarter + at + 1, 10**9 + at] for at in range(quarter)]
    second = [[half] for _ in range(quarter)]
    return letters(*deep, *first, *second)


def test_loops_are_looked_for_with_bounded_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the bound this mailbox would take a dozen times as many."""
    monkeypatch.setattr(threads, "FREE_STEPS", 1000)
    given = hostile(4000)

    class Counting(threads._Links):
        def __init__(self, count: int, references: int) -> None:
            super().__init__(count, references)
            self.parents = Counted(self.parents)

    monkeypatch.setattr(threads, "_Links", Counting)
    Counted.steps = 0
    found = threads.references(given)
    count = len(given.ids)
    total = count + sum(map(len, given.ancestors))
    assert Counted.steps < 1000 + (threads.STEPS + 10) * total
    assert every(found, count) == list(range(count))


def test_within_the_bound_every_link_is_exact() -> None:
    given = hostile(200)
    assert thread_line(threads.references(given), range(1, len(given.ids) + 1)) == book.references(
        given
    )
