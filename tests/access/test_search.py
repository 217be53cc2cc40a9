"""SEARCH: every key of RFC 3501 §6.4.4, and the work it costs."""

import asyncio
import base64
import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from postroom.access.indexer import Indexer
from postroom.access.search import search
from postroom.access.view import STAR, View
from postroom.errors import Invalid
from postroom.protocol.imap import search as keys
from postroom.protocol.imap.search import SearchKey
from postroom.store.flags import ANSWERED, DELETED, FLAGGED, SEEN
from postroom.store.spans import Span
from postroom.store.store import Store
from tests.access.shop import opened, put, shop
from tests.conftest import Opener

DAY = 86_400_000
NOON = 20_000 * DAY + DAY // 2  # 2024-10-04
BOUNDARY = b"Content-Type: multipart/mixed; boundary=o\r\n\r\n"
LETTERS: list[bytes] = [
    (b"Subject: Lunch on Friday\r\nFrom: Alice <alice@example.org>\r\nTo: bob@example.org\r\n"
    b"Date: Fri, 4 Oct 2024 23:30:00 -0700\r\n\r\nShall we meet at the Bistro?\r\n"),
    (b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln?=\r\nFrom: bob@example.org\r\n"
    b"Cc: Carol <carol@example.org>\r\nDate: 5 Oct 2024 00:10 +0200\r\n"
    b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    b"Stra\xdfe und M\xfcnze\r\n"),
    b"Subject: folded\r\n over two lines\r\nX-Spam: no\r\n" + BOUNDARY + b"--o\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\n"
    + base64.encodebytes(b"the needle in base64").replace(b"\n", b"\r\n")
    + b"--o\r\nContent-Type: image/png\r\n\r\nneedle of an image\r\n--o--\r\n",
    b"X-Empty:\r\n\r\n",
    b"Subject: forward\r\n" + BOUNDARY + b"--o\r\nContent-Type: message/rfc822\r\n\r\n"
    b"Subject: =?utf-8?b?w4RwZmVs?=\r\n\r\nquoted =3D not decoded here\r\n--o--\r\n",
]  # fmt: skip


async def filled(store: Store) -> View:
    flags = [SEEN, SEEN | FLAGGED, 0, DELETED, ANSWERED]
    words = ["", "$Junk", "a $junk", "", "junk"]
    for number, letter in enumerate(LETTERS):
        await put(
            store,
            letter,
            flags=flags[number],
            keywords=words[number],
            received=NOON + (number - 2) * DAY,
        )
    return await opened(store)


CASES: list[tuple[SearchKey, list[int]]] = [
    (keys.All(), [1, 2, 3, 4, 5]),
    (keys.Flag(SEEN), [1, 2]),
    (keys.Flag(SEEN, is_set=False), [3, 4, 5]),
    (keys.Keyword("$JUNK"), [2, 3]),
    (keys.Keyword("$junk", is_set=False), [1, 4, 5]),
    (keys.Recent(), [1, 2, 3, 4, 5]),
    (keys.Recent(is_set=False), []),
    (keys.And((keys.Recent(), keys.Flag(SEEN, is_set=False))), [3, 4, 5]),  # NEW
    (keys.Received("before", dt.date(2024, 10, 4)), [1, 2]),
    (keys.Received("on", dt.date(2024, 10, 4)), [3]),
    (keys.Received("since", dt.date(2024, 10, 4)), [3, 4, 5]),
    (keys.Sent("on", dt.date(2024, 10, 4)), [1]),  # the day its writer saw
    (keys.Sent("since", dt.date(2024, 10, 5)), [2]),
    (keys.Sent("before", dt.date(2024, 10, 5)), [1]),
    (keys.Larger(len(LETTERS[3])), [1, 2, 3, 5]),
    (keys.Smaller(len(LETTERS[3]) + 1), [4]),
    (keys.Subject("lUNCH"), [1]),
    (keys.Subject("grüße AUS köln"), [2]),
    (keys.Subject("folded over"), [3]),
    (keys.Subject(""), [1, 2, 3, 5]),
    (keys.Header("subject", "lunch"), [1]),
    (keys.Header("from", "bob@"), [2]),
    (keys.Header("to", "bob@"), [1]),
    (keys.Header("cc", "carol"), [2]),
    (keys.Header("bcc", "carol"), []),
    (keys.Header("x-spam", ""), [3]),
    (keys.Header("x-empty", ""), [4]),
    (keys.Header("x-empty", "a"), []),
    (keys.Header("date", ""), [1, 2]),
    (keys.Body("BISTRO"), [1]),
    (keys.Body("STRAßE und MÜNZE"), [2]),
    (keys.Body("needle"), [3]),  # decoded; not of the image
    (keys.Body("lunch"), []),
    (keys.Body("äpfel"), [5]),  # the header of a message inside belongs to the body
    (keys.Body(""), [1, 2, 3, 4, 5]),
    (keys.Text("lunch"), [1]),
    (keys.Text("bistro"), [1]),
    (keys.Text("forward"), [5]),
    (keys.Numbers(((2, 3), (STAR, STAR)), by_uid=False), [2, 3, 5]),
    (keys.Numbers(((4, 4_000_000_000),), by_uid=True), [4, 5]),
    (keys.Not(keys.Body("needle")), [1, 2, 4, 5]),
    (keys.Not(keys.Subject("forward")), [1, 2, 3, 4]),
    (keys.Or(keys.Flag(FLAGGED), keys.Body("bistro")), [1, 2]),
    (keys.Or(keys.Body("bistro"), keys.Subject("folded")), [1, 3]),
    (keys.And((keys.Flag(SEEN), keys.Not(keys.Text("bistro")))), [2]),
    (keys.And(()), [1, 2, 3, 4, 5]),
    (keys.Not(keys.And((keys.Keyword("a"), keys.Flag(SEEN, is_set=False)))), [1, 2, 4, 5]),
]


def test_the_subject_is_the_first_field_a_header_field_is_any(database: Opener, data: Path) -> None:
    """RFC 3501 §6.4.4: SUBJECT asks the envelope, HEADER whatever has that name."""

    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, b"Subject: one\r\nSubject: two\r\n\r\nx\r\n", LETTERS[0])
            view = await opened(store)
            for is_indexed in (False, True):
                if is_indexed:
                    await Indexer(store, 1 << 20).everything(1)
                assert await search(view, keys.Subject("one")) == [1]
                assert await search(view, keys.Subject("two")) == []
                assert await search(view, keys.Header("subject", "one")) == [1]
                assert await search(view, keys.Header("subject", "two")) == [1]

    asyncio.run(run())


def test_each_key(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            view = await filled(store)
            for is_indexed in (False, True):
                if is_indexed:
                    await Indexer(store, 1 << 20).everything(1)
                for key, found in CASES:
                    assert await search(view, key) == found, (key, is_indexed)
            with pytest.raises(Invalid):
                await search(view, keys.Numbers(((6, 6),), by_uid=False))

    asyncio.run(run())


def test_intervals_and_save_dates(database: Opener, data: Path) -> None:
    """OLDER and YOUNGER are exact to the second and both take the second itself (RFC 5032)."""

    async def run() -> None:
        async with shop(database, data) as store:
            now = store.clock()
            for seconds, rest in ((59, 0), (60, 999), (60, 0), (61, 999)):
                await put(store, LETTERS[0], received=now - seconds * 1000 + rest)
            view = await opened(store)
            today = dt.datetime.fromtimestamp(now / 1000, dt.UTC).date()
            day = dt.timedelta(days=1)
            cases: list[tuple[SearchKey, list[int]]] = [
                (keys.Within(60, is_older=True), [2, 3, 4]),
                (keys.Within(60, is_older=False), [1, 2, 3]),
                (keys.Within(61, is_older=True), [4]),
                (keys.Within(4_294_967_295, is_older=False), [1, 2, 3, 4]),
                (keys.Saved("on", today), [1, 2, 3, 4]),
                (keys.Saved("on", today - day), []),
                (keys.Saved("since", today), [1, 2, 3, 4]),
                (keys.Saved("before", today), []),
                (keys.Saved("before", today + day), [1, 2, 3, 4]),
            ]
            for key, found in cases:
                assert await search(view, key) == found, key
                judged = keys.Or(keys.Body("not there"), key)
                assert await search(view, judged) == found, key

    asyncio.run(run())


def test_only_what_the_view_knows_is_found(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            view = await filled(store)
            await store.expunge(1, 1, Span(2, 2), flagged=False)
            await put(store, LETTERS[0])
            assert await search(view, keys.All()) == [1, 3, 4, 5]
            assert await search(view, keys.Body("bistro")) == [1]
            await view.refresh(expunges=True)
            assert await search(view, keys.Body("bistro")) == [1, 6]
            await store.expunge(1, 1, Span(1, 9), flagged=False)
            await view.refresh(expunges=True)
            assert await search(view, keys.Numbers(((1, STAR),), by_uid=False)) == []

    asyncio.run(run())


def test_deep_and_wide_trees(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            view = await filled(store)
            deep: SearchKey = keys.Subject("lunch")
            for _ in range(5000):  # deeper than any parser lets through
                deep = keys.Or(keys.Flag(64), keys.Not(keys.Not(deep)))
            assert await search(view, deep) == [1]
            wide = keys.And(tuple(keys.Larger(number % 3) for number in range(1000)))
            assert await search(view, wide) == [1, 2, 3, 4, 5]
            numbers = tuple((number, number) for number in range(1, 5000, 2))
            assert await search(view, keys.Numbers(numbers, by_uid=True)) == [1, 3, 5]

    asyncio.run(run())


def test_many_pages(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            for start in range(0, 1200, 400):
                await put(
                    store,
                    *(
                        b"Subject: n%d\r\n\r\nbody %d\r\n" % (n, n)
                        for n in range(start, start + 400)
                    ),
                )
            view = await opened(store, read_only=True)
            for _ in range(2):
                assert await search(view, keys.Subject("n1199")) == [1200]
                assert len(await search(view, keys.Subject("n11"))) == 111
                assert await search(view, keys.Body("body 700\r\n")) == [701]
                assert len(await search(view, keys.Body("ody"))) == 1200
                low = keys.Numbers(((1, 40),), by_uid=True)
                assert len(await search(view, keys.And((low, keys.Body("ody"))))) == 40
                await Indexer(store, 1 << 20).everything(1)

    asyncio.run(run())


def test_a_text_across_two_pieces_of_a_large_body(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            from postroom.access import texts

            filler = b"x" * (texts.PIECE - 60) + b"\r\n"
            letter = b"A: b\r\n\r\n" + filler + b"needle" * 20 + b"THE END" + filler
            await put(store, letter)
            view = await opened(store, read_only=True)
            assert await search(view, keys.Body("needlethe end")) == [1]
            assert await search(view, keys.Body("needlethe ends")) == []

    asyncio.run(run())


LEAVES = st.sampled_from(
    [key for key, _ in CASES if not isinstance(key, keys.And | keys.Or | keys.Not)]
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(keys.Not, inner),
        st.builds(keys.Or, inner, inner),
        st.builds(keys.And, st.lists(inner, min_size=1, max_size=4).map(tuple)),
    ),
    max_leaves=12,
)
TRUTH = {str(key): set(found) for key, found in CASES}


def expected(key: SearchKey) -> set[int]:
    match key:
        case keys.Not(inner):
            return {1, 2, 3, 4, 5} - expected(inner)
        case keys.Or(left, right):
            return expected(left) | expected(right)
        case keys.And(inner_keys):
            return set.intersection({1, 2, 3, 4, 5}, *map(expected, inner_keys))
        case _:
            return TRUTH[str(key)]


def test_trees_mean_what_their_leaves_mean(data: Path, database: Opener) -> None:
    with asyncio.Runner() as runner:
        context = shop(database, data)
        store = runner.run(context.__aenter__())
        view = runner.run(filled(store))
        mine = Indexer(store, 1 << 20)

        @settings(max_examples=60)
        @given(TREES, st.booleans())
        def check(tree: SearchKey, is_indexed: bool) -> None:
            runner.run(mine.everything(1) if is_indexed else store.forget_texts(1))
            assert runner.run(search(view, tree)) == sorted(expected(tree))

        try:
            check()
        finally:
            runner.run(context.__aexit__(None, None, None))
