"""The index gives what reading every message gives."""

import asyncio
import base64
import quopri
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import pytest
from hypothesis import given, settings, strategies as st

from postroom.access import lookup
from postroom.access.indexer import Indexer
from postroom.access.lookup import Findings, Question, look_up
from postroom.access.search import search
from postroom.db.database import Tx
from postroom.message.casemap import casemap
from postroom.protocol.imap import search as keys
from postroom.protocol.imap.search import SearchKey
from postroom.store.spans import Span
from postroom.store.store import Store
from postroom.store.textindex import Coverage
from postroom.telemetry import sink
from postroom.telemetry.events import StorageTrouble
from tests.access.shop import audit, opened, put, shop
from tests.conftest import Opener
from tests.fakes import Recorder

LETTERS = "abAB ß\u00e4\u0130\ufb01日本'\"*%_\\\t-^{}:\u2028"
TEXT = st.text(alphabet=LETTERS + "\n", max_size=12)
WORD = st.text(alphabet=LETTERS, max_size=6)
BODY = Question("body", "ABC")


def encoded_word(text: str, *, is_base64: bool) -> bytes:
    octets = text.encode()
    if is_base64:
        return b"=?utf-8?B?" + base64.b64encode(octets) + b"?="
    return b"=?utf-8?q?" + b"".join(b"=%02X" % octet for octet in octets) + b"?="


@st.composite
def field(draw: st.DrawFn) -> bytes:
    name = draw(st.sampled_from([b"Subject", b"From", b"to", b"Cc", b"X-A", b"x-a "]))
    text = draw(WORD)
    kind = draw(st.integers(0, 3))
    if kind == 0:
        value = encoded_word(text, is_base64=draw(st.booleans()))
    elif kind == 1:
        value = text.encode() + b"\r\n " + draw(WORD).encode()
    else:
        value = text.encode("utf-8" if kind == 2 else "latin-1", "replace")
    return name + b": " + value + b"\r\n"


@st.composite
def part(draw: st.DrawFn) -> bytes:
    charset = draw(st.sampled_from(["utf-8", "iso-8859-1", "utf-16", "iso-2022-jp", "x-none"]))
    text = draw(TEXT).replace("\n", "\r\n")
    octets = text.encode("utf-8" if charset == "x-none" else charset, "replace")
    encoding = draw(st.sampled_from(["base64", "quoted-printable", "8bit"]))
    if encoding == "base64":
        octets = base64.encodebytes(octets)
    elif encoding == "quoted-printable":
        octets = quopri.encodestring(octets)
    kind = draw(st.sampled_from(["text/plain", "text/html", "image/png"]))
    head = f"Content-Type: {kind}; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n"
    return head.encode() + b"\r\n" + octets


@st.composite
def letter(draw: st.DrawFn) -> bytes:
    head = b"".join(draw(st.lists(field(), max_size=4)))
    parts = draw(st.lists(part(), max_size=3))
    if len(parts) == 1:
        return head + parts[0]
    is_nested = draw(st.booleans())
    if parts and is_nested:
        parts[-1] = b"Content-Type: message/rfc822\r\n\r\n" + draw(field()) + parts[-1]
    body = b"".join([b"\r\n--o\r\n" + one for one in parts]) + b"\r\n--o--\r\n"
    return head + b"Content-Type: multipart/mixed; boundary=o\r\n\r\n" + body


LEAF = st.one_of(
    st.builds(keys.Body, st.one_of(WORD, TEXT)),
    st.builds(keys.Text, st.one_of(WORD, TEXT)),
    st.builds(
        keys.Header, st.sampled_from(["subject", "from", "to", "cc", "bcc", "x-a", "x"]), WORD
    ),
)
TREE = st.recursive(
    st.one_of(LEAF, st.builds(keys.Flag, st.just(1)), st.builds(keys.Larger, st.just(200))),
    lambda inner: st.one_of(
        st.builds(keys.Not, inner),
        st.builds(keys.Or, inner, inner),
        st.builds(keys.And, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=5,
)


async def index_all(store: Store, max_text: int = 1 << 20, account_id: int = 1) -> None:
    await Indexer(store, max_text).everything(account_id)
    await audit(store)


async def removed(store: Store) -> None:
    """An empty mailbox, and nothing in the index."""
    await store.forget_texts(1)
    await store.expunge(1, 1, Span(1, 0xFFFFFFFF), flagged=False)


async def both_ways(
    store: Store,
    letters: Sequence[bytes],
    late: Sequence[bytes],
    trees: Sequence[SearchKey],
    room: int,
) -> None:
    await put(store, *letters, flags=1)
    await put(store, b"A: b\r\n\r\n", flags=1)
    plain = [await search(await opened(store), tree) for tree in trees]
    await index_all(store, room)
    assert [await search(await opened(store), tree) for tree in trees] == plain
    await put(store, *late)
    with_late = [await search(await opened(store), tree) for tree in trees]
    await store.forget_texts(1)
    assert [await search(await opened(store), tree) for tree in trees] == with_late
    await removed(store)


def test_the_index_finds_what_a_scan_finds(data: Path, database: Opener) -> None:
    with asyncio.Runner() as runner:
        context = shop(database, data)
        store = runner.run(context.__aenter__())

        @settings(max_examples=40)
        @given(
            st.lists(letter(), min_size=1, max_size=6),
            st.lists(letter(), max_size=2),
            st.lists(TREE, min_size=1, max_size=4),
            st.sampled_from([0, 3, 20, 1 << 20]),
        )
        def check(
            letters: list[bytes], late: list[bytes], trees: list[SearchKey], room: int
        ) -> None:
            runner.run(both_ways(store, letters, late, trees, room))

        try:
            check()
        finally:
            runner.run(context.__aexit__(None, None, None))


NEEDLES = [
    "a", "xy", "xyz", 'say "hello"', '"', "''", "* OR body", "NEAR(a b)", "100%", "_", "^", "\\",
    "größe", "GRÖßE", "日本", "日本語のテキスト", "line one\r\nline", "two words", "  ", "xyz-xyz:",
]  # fmt: skip
LETTER = (
    "Subject: s\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    "xyz-xyz: say \"hello\" ''* OR body NEAR(a b) 100%_^\\ Größe 日本語のテキスト\r\n"
    "line one\r\nline  two words\r\n"
).encode()


def test_characters_of_every_kind(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, LETTER, b"A: b\r\n\r\nnothing\r\n")
            await index_all(store)
            for needle in NEEDLES:
                question = Question("body", casemap(needle))
                findings = await look_up(store, 1, [question], None)
                assert len(certain(findings, question)) == 1, needle
                assert await search(await opened(store), keys.Body(needle)) == [1], needle

    asyncio.run(run())


def certain(findings: Findings, question: Question) -> list[int]:
    """The messages that have the text for sure."""
    return list(findings.parted(partial(findings.value, question))[0])


async def ids_of(store: Store) -> list[int]:
    rows = await store.db.read(lambda tx: tx.all("SELECT id FROM message ORDER BY id"))
    return [row[0] for row in rows]


def test_what_is_not_indexed_is_unknown(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, b"A: b\r\n\r\nabc\r\n", b"A: b\r\n\r\nother\r\n")
            nothing = await look_up(store, 1, [BODY], None)
            ids = await ids_of(store)
            assert [nothing.answer(BODY, ident) for ident in ids] == [None, None]
            await index_all(store)
            await put(store, b"A: b\r\n\r\nabc\r\n")
            ids = await ids_of(store)
            found = await look_up(store, 1, [BODY], None)
            assert [found.answer(BODY, ident) for ident in ids] == [True, False, None]
            assert found.answer(Question("body", "OTHER"), ids[1]) is None  # was not asked
            assert certain(found, BODY) == [ids[0]]
            assert certain(found, Question("body", "OTHER")) == []
            some = await look_up(store, 1, [BODY], ids[1:])
            assert certain(some, BODY) == [ids[0]]  # in the same page

    asyncio.run(run())


def test_a_message_that_was_cut_is_unknown_where_nothing_was_found(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, b"Subject: abc\r\n\r\nabc and much more than that\r\n")
            await index_all(store, max_text=5)
            (ident,) = await ids_of(store)
            asked = [BODY, Question("body", "MORE"), Question("subject", "ABC")]
            found = await look_up(store, 1, asked, None)
            assert [found.answer(one, ident) for one in asked] == [True, None, True]
            assert list(found.parted(partial(found.value, asked[1]))[1]) == [ident]
            view = await opened(store)
            assert await search(view, keys.Body("much more")) == [1]
            assert await search(view, keys.Body("much less")) == []

    asyncio.run(run())


def test_only_some_questions_are_asked_and_the_others_are_read(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, b"Subject: s\r\n\r\nthe needle\r\n", LETTER)
            await index_all(store)
            key: SearchKey = keys.Body("needle")
            for number in range(lookup.MOST_QUESTIONS):
                key = keys.Or(keys.Body(f"absent {number}"), key)
            assert await search(await opened(store), key) == [1]
            assert await search(await opened(store), keys.Not(key)) == [2]

    asyncio.run(run())


def test_findings_are_parted() -> None:
    other = Question("body", "X")
    findings = Findings([BODY, other], Coverage(9, frozenset({4})))
    unknown = lookup.MOST_QUESTIONS
    findings.add([(1, 1), (2, 2), (4, 3), (5, 1 << unknown), (8, 1 | 2 << unknown)])
    findings.add([(8, 0), (9, 3), (10, 3)])  # the first comes again
    assert [findings.answer(BODY, ident) for ident in (1, 2, 3, 4, 5, 8, 10)] == [
        True, False, False, None, None, True, None,
    ]  # fmt: skip
    parted = findings.parted(partial(findings.value, other))
    assert [list(part) for part in parted] == [[2, 9], [8]]
    parted = findings.parted(lambda mark: bool(mark & 1))
    assert [list(part) for part in parted] == [[1, 8, 9], []]
    assert findings.value(Question("body", "Y"), 3) is None
    findings.limit(7)
    assert certain(findings, BODY) == [1]


@contextmanager
def recorded() -> Iterator[Recorder]:
    recorder = Recorder()
    before = sink.install(recorder)
    try:
        yield recorder
    finally:
        sink.install(before)


def test_a_damaged_page_makes_nobody_wrong(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[b"Subject: s%d\r\n\r\nthe needle\r\n" % n for n in range(20)])
            await index_all(store)
            await store.db.write(
                lambda tx: tx.execute(
                    "UPDATE search_page SET bodies = :junk WHERE upto = (SELECT min(upto)"
                    " FROM search_page)",
                    junk=b"\0\0\0\x09junk",
                )
            )
            view = await opened(store)
            with recorded() as events:
                assert await search(view, keys.Body("needle")) == list(range(1, 21))
                assert await search(view, keys.Header("subject", "s3")) == [4]
            assert [event.where for event in events.of(StorageTrouble)] == ["search index"]
            with recorded() as events:  # written anew when one of its messages goes
                await store.expunge(1, 1, Span(2, 2), flagged=False)
                await index_all(store)
                assert await search(view, keys.Body("needle")) == [1, *range(3, 21)]
            assert events.of(StorageTrouble)

    asyncio.run(run())


P = ParamSpec("P")
T = TypeVar("T")


class Changing(Store):
    """A store in which something happens to the index before each read."""

    def __init__(self, store: Store, steps: Sequence[str]) -> None:
        super().__init__(store.db, store.blobs, store.ids, store.clock, store.notify)
        self._quiet = store
        self._steps = list(steps)

    async def read(
        self, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        step = self._steps.pop(0) if self._steps else ""
        if step == "forget":
            await self._quiet.forget_texts(1)
        elif step == "index":
            await index_all(self._quiet)
        return await super().read(fn, *args, **kwargs)


@pytest.mark.parametrize(
    "steps",
    [
        ["forget"],
        ["", "forget"],
        ["forget", "index"],
        ["", "forget", "index"],
        ["", "index", "", "index"],
    ],
)
@pytest.mark.parametrize("few", [True, False])
def test_the_index_changes_while_it_is_read(
    database: Opener, data: Path, steps: list[str], *, few: bool
) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            bodies = [b"x%d" % (n % 7) for n in range(60)]
            await put(store, *[b"A: b\r\n\r\n" + body + b"\r\n" for body in bodies])
            await index_all(store)
            await store.expunge(1, 1, Span(20, 25), flagged=False)
            await put(store, b"A: b\r\n\r\nx3\r\n")
            ids = await ids_of(store)
            question = Question("body", "X3")
            some = ids if few else None
            findings = await look_up(Changing(store, steps), 1, [question], some, pages=1)
            rows = await store.db.read(
                lambda tx: tx.all("SELECT message_id, uid FROM entry ORDER BY message_id")
            )
            for ident, uid in rows:
                truth = uid == 61 or bodies[uid - 1] == b"x3"
                assert findings.answer(question, ident) in {truth, None}

    asyncio.run(run())


def test_large_pages_are_read_few_at_a_time(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            noise = random.Random(1).randbytes(lookup.MOST_OCTETS // 3).hex().encode()
            await put(store, *[b"A: b\r\n\r\n%s abc\r\n" % noise] * 5, b"A: b\r\n\r\nabc\r\n")
            await index_all(store, max_text=1 << 24)
            ids = await ids_of(store)
            for some in (ids, None):
                batch = await store.read(lookup.Asked([BODY], 64).read, 1, 0, some)
                assert (len(batch.pages), batch.is_cut) == (2, True)
                found = await look_up(store, 1, [BODY], some)
                assert [found.answer(BODY, ident) for ident in ids] == [True] * 6

    asyncio.run(run())


def test_two_accounts_never_see_each_other(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, b"A: b\r\n\r\nsecret\r\n")
            await put(store, b"A: b\r\n\r\npublic\r\n", account_id=2)
            for account_id in (1, 2):
                await index_all(store, account_id=account_id)
            view = await opened(store, account_id=2)
            assert await search(view, keys.Body("secret")) == []
            assert await search(view, keys.Body("public")) == [1]
            found = await look_up(store, 2, [Question("body", "SECRET")], None)
            assert certain(found, Question("body", "SECRET")) == []

    asyncio.run(run())
