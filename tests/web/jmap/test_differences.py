"""What has become of Emails and Threads, case by case; ``test_changes`` tries all together."""

import pytest

from postroom.store.outline import Head
from postroom.web.jmap import differences
from postroom.web.jmap.box import Box
from postroom.web.jmap.differences import Difference
from postroom.web.jmap.errors import MethodError
from postroom.web.jmap.outline import Outline
from postroom.web.jmap.states import Seen


def box(ident: int, *rows: tuple[int, int, int, int], modseq: int = 9, uidnext: int = 9) -> Box:
    """Rows are (uid, message id, flags, modseq); the thread is that of the tens."""
    head = Head(ident, str(ident), None, 5, uidnext, modseq, len(rows), 0)
    return Box.read(
        head, [[(uid, one, one // 10, flags, "", 1, 1, at) for uid, one, flags, at in rows]]
    )


def told(before: dict[int, Seen], boxes: list[Box], gone: object = ()) -> Difference:
    outline = Outline({one.head.id: one for one in boxes})
    differences.asked(before, outline)
    return differences.of_emails(before, outline, dict(gone))  # type: ignore[call-overload]


SEEN = Seen(5, modseq=4, uidnext=3, is_empty=False, hidden=())


@pytest.mark.parametrize(
    ("rows", "gone", "expected"),
    [
        ([(1, 11, 0, 4)], [], ((), (), (), ())),
        ([(1, 11, 1, 5)], [], ((), (11,), (), ())),
        ([(3, 11, 0, 5)], [], ((11,), (), (), ())),
        ([(3, 11, 8, 5)], [], ((), (), (), (11,))),
        ([(1, 11, 8, 5)], [], ((), (), (11,), ())),
        ([], [(1, 11, 1)], ((), (), (11,), ())),
        ([], [(3, 11, 1)], ((), (), (), (11,))),
        ([(3, 11, 0, 5)], [(1, 11, 0)], ((), (11,), (), ())),
        ([(1, 11, 0, 3), (3, 11, 0, 5)], [], ((), (11,), (), ())),
    ],
)
def test_one_mailbox(rows: list[tuple[int, int, int, int]], gone: object, expected: object) -> None:
    found = told({1: SEEN}, [box(1, *rows)], [(1, gone)])
    assert tuple(map(tuple, found)) == expected


def test_what_was_marked_for_deletion_was_not_there() -> None:
    hidden = SEEN._replace(hidden=(1,))
    assert told({1: hidden}, [box(1, (1, 11, 0, 5))]).created == {11}
    assert told({1: hidden}, [box(1, (1, 11, 8, 5))]).passing == {11}
    unknown = SEEN._replace(hidden=None)
    assert told({1: unknown}, [box(1, (1, 11, 8, 5))]).destroyed == {11}
    with pytest.raises(MethodError, match="too many"):
        told({1: unknown}, [box(1, (1, 11, 0, 5))])


def test_a_move_between_mailboxes_is_an_update() -> None:
    before = {1: SEEN, 2: SEEN}
    boxes = [box(1), box(2, (3, 11, 0, 5))]
    assert told(before, boxes, [(1, [(1, 11, 0)])]).updated == {11}
    assert told({1: SEEN}, boxes, [(1, [(1, 11, 0)])]).updated == {11}
    assert told({1: SEEN}, boxes).created == {11}


@pytest.mark.parametrize(
    "seen",
    [SEEN._replace(modseq=10), SEEN._replace(uidnext=10), SEEN._replace(uidvalidity=6)],
)
def test_states_of_another_time(seen: Seen) -> None:
    with pytest.raises(MethodError, match="older"):
        told({1: seen}, [box(1)])
    with pytest.raises(MethodError, match="deleted"):
        told({2: SEEN}, [box(1)])
    told({2: SEEN._replace(is_empty=True)}, [box(1)])


def test_threads() -> None:
    outline = Outline({1: box(1, (1, 11, 0, 1), (2, 12, 0, 5), (3, 31, 0, 5), (4, 41, 0, 5))})
    emails = Difference(
        frozenset({12, 31}), frozenset({41}), frozenset({22, 43}), frozenset({51, 13})
    )
    found = differences.of_threads(emails, outline, {22: 2, 43: 4, 51: 5, 13: 1})
    assert found == Difference(frozenset({3}), frozenset({1, 4}), frozenset({2}), frozenset({5}))
    assert differences.threads_of([[(1, 22, 2), (2, 23, 0)]]) == {22: 2}
