"""Boxes against plain lists of rows."""

from hypothesis import given, strategies as st

from postroom.db.database import Row
from postroom.store.outline import Head
from postroom.web.jmap.box import Box, Counts

HEAD = Head(1, "INBOX", None, 1, 100, 1, 0, 0)
ROW = st.tuples(
    st.integers(1, 30),
    st.integers(1, 12),
    st.integers(1, 4),
    st.integers(0, 31),
    st.sampled_from(["", "a", "a b"]),
    st.integers(0, 99),
    st.integers(0, 99),
    st.integers(1, 9),
)
ROWS = st.lists(ROW, max_size=15, unique_by=lambda row: row[0]).map(sorted)


def rows_of(box: Box) -> list[Row]:
    texts = [box.texts[word] for word in box.words]
    columns = (
        box.uids,
        box.ids,
        box.threads,
        box.flags,
        texts,
        box.sizes,
        box.received,
        box.modseqs,
    )
    return list(zip(*columns, strict=True))


@given(ROWS, ROWS, st.sets(st.integers(1, 30)))
def test_changes_are_taken_in(before: list[Row], changed: list[Row], gone: set[int]) -> None:
    gone -= {row[0] for row in changed}
    box = Box.read(HEAD, [before[:3], before[3:]])
    assert rows_of(box) == before
    expected = {row[0]: row for row in before} | {row[0]: row for row in changed}
    after = box.updated(HEAD, changed, sorted(gone))
    assert rows_of(after) == [expected[uid] for uid in sorted(expected) if uid not in gone]
    assert rows_of(box) == before
    same = box.with_head(Head(1, "Other", None, 1, 100, 1, 0, 0))
    assert (rows_of(same), same.head.name) == (before, "Other")
    assert box.with_head(HEAD) is box


@given(ROWS)
def test_entries_are_found_by_their_message(rows: list[Row]) -> None:
    box = Box.read(HEAD, [rows])
    box.prepare()
    for ident in range(14):
        found = sorted(box.uids[place] for place in box.places(ident))
        assert found == [row[0] for row in rows if row[1] == ident]


@given(ROWS, st.frozensets(st.integers(1, 12)))
def test_counts(rows: list[Row], elsewhere: frozenset[int]) -> None:
    thread_of = {row[1]: row[1] % 3 for row in rows}  # a message is of one thread
    rows = [(*row[:2], thread_of[row[1]], *row[3:]) for row in rows]
    box = Box.read(HEAD, [rows])
    shown = [row for row in rows if not row[3] & 8]
    read = {row[1] for row in shown if row[3] & 17} | elsewhere
    unread = [row for row in shown if row[1] not in read]
    expected = Counts(
        len({row[1] for row in shown}),
        len({row[1] for row in unread}),
        len({row[2] for row in shown}),
        len({row[2] for row in unread}),
    )
    assert box.counts(elsewhere) == expected
    assert box.counts(elsewhere) == expected
    assert [box.uids[at] for at in box.shown()] == [row[0] for row in shown]
    assert box.hidden == tuple(row[0] for row in rows if row[3] & 8)
    assert box.octets >= 53 * len(rows)
