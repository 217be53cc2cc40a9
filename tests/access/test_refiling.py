r"""A message in several mailboxes, changed as one: whole or not at all, and \Deleted left alone."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from postroom.access.places import Place
from postroom.access.refiling import Entry, Marks, Moved, Refiling, refile
from postroom.errors import Invalid, MailboxFull, NotAllowed, NotFound
from postroom.quota import Quota
from postroom.store import entries, expunged, mailboxes
from postroom.store.flags import DELETED, FLAGGED, SEEN
from postroom.store.spans import Span
from postroom.store.store import Store
from tests.access.neighbours import ALICE, BOB, neighbours
from tests.access.shop import audit, opened, place_of, put, shop
from tests.conftest import Opener

LETTER = b"Subject: x\r\n\r\nbody\r\n"
NAMES = ("INBOX", "Archive", "Junk", "Trash")
Whereabouts = dict[str, tuple[int, str]]


async def where(store: Store, message_id: int) -> Whereabouts:
    """In which mailboxes it is, with which flags and keywords."""
    rows = await store.db.read(
        lambda tx: tx.all(
            "SELECT b.name, e.mailbox_id, e.uid FROM entry e JOIN mailbox b ON b.id = e.mailbox_id"
            " WHERE e.message_id = :message",
            message=message_id,
        )
    )
    found: Whereabouts = {}
    for name, mailbox_id, uid in rows:
        assert name not in found
        ((_, flags, words, _),) = await store.read(entries.rows_of, mailbox_id, [Span(uid, uid)])
        found[name] = flags, words
    return found


async def known(store: Store, message_id: int) -> tuple[Entry, ...]:
    rows = await store.db.read(
        lambda tx: tx.all(
            "SELECT b.name, e.uid FROM entry e JOIN mailbox b ON b.id = e.mailbox_id"
            " WHERE e.message_id = :message ORDER BY b.name",
            message=message_id,
        )
    )
    return tuple([Entry(await place_of(store, name), uid) for name, uid in rows])


async def filed(store: Store, name: str = "INBOX", *, flags: int = 0, keywords: str = "") -> int:
    place = await place_of(store, name)
    (one,) = await put(store, LETTER, mailbox=place.mailbox.id, flags=flags, keywords=keywords)
    row = await store.db.read(
        lambda tx: tx.one(
            "SELECT message_id FROM entry WHERE mailbox_id = :box AND uid = :uid",
            box=one.mailbox_id,
            uid=one.uid,
        )
    )
    assert row is not None
    return int(row[0])


async def places(store: Store, *names: str) -> tuple[Place, ...]:
    return tuple([await place_of(store, name) for name in names])


async def change(
    store: Store,
    message_id: int,
    *,
    joins: Sequence[str] = (),
    leaves: Sequence[str] = (),
    marks: Marks | None = None,
) -> None:
    gone = await places(store, *leaves)
    order = Refiling(
        message_id,
        await known(store, message_id),
        await places(store, *joins),
        frozenset(one.mailbox.id for one in gone),
        None if marks is None else lambda _before: marks,
    )
    await refile(store, order)


def test_it_joins_leaves_and_is_marked_at_once(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data, keeps_expunged=True) as store:
            ident = await filed(store, flags=DELETED, keywords="Work")
            view = await opened(store, read_only=True)
            await change(
                store, ident, joins=["Archive", "Junk"], marks=Marks(SEEN, frozenset({"a"}))
            )
            assert await where(store, ident) == {
                "INBOX": (SEEN | DELETED, "a"),
                "Archive": (SEEN | DELETED, "a"),
                "Junk": (SEEN | DELETED, "a"),
            }
            assert len((await view.refresh(expunges=True)).flags) == 1
            await audit(store)
            await change(store, ident, leaves=["INBOX", "Junk"], joins=["Trash"])
            assert set(await where(store, ident)) == {"Archive", "Trash"}
            assert (await view.refresh(expunges=True)).vanished == [1]
            kept = await store.read(expunged.oldest, 1, expunged.Chosen(), limit=9)
            assert kept == []  # it is not deleted
            await change(store, ident, leaves=["Archive", "Trash"])
            assert await where(store, ident) == {}
            kept = await store.read(expunged.oldest, 1, expunged.Chosen(), limit=9)
            assert len(kept) == 2
            await audit(store)

    asyncio.run(run())


def test_marks_are_those_of_any_entry_and_keep_their_spelling(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            ident = await filed(store, flags=SEEN, keywords="Work")
            await change(store, ident, joins=["Archive"])
            view = await opened(store, "Archive")
            change_of = entries.FlagChange("replace", FLAGGED, frozenset({"$Other"}))
            await view.store([(1, 1)], change_of)
            before: list[Marks] = []

            def marks(found: Marks) -> Marks:
                before.append(found)
                return Marks(found.bits & ~SEEN, found.words | {"new"})

            await refile(store, Refiling(ident, await known(store, ident), marks=marks))
            assert before == [Marks(SEEN | FLAGGED, frozenset({"work", "$other"}))]
            assert await where(store, ident) == {
                "INBOX": (FLAGGED, "$other Work new"),
                "Archive": (FLAGGED, "$Other new work"),
            }
            modseqs = [await (await opened(store, name)).modseq() for name in NAMES[:2]]
            await refile(store, Refiling(ident, await known(store, ident), marks=lambda one: one))
            assert modseqs == [await (await opened(store, name)).modseq() for name in NAMES[:2]]
            await audit(store)

    asyncio.run(run())


def test_what_fails_changes_nothing(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data, {1: Quota(messages=2)}) as store:
            ident, other = await filed(store), await filed(store)
            seen = Marks(SEEN, frozenset())
            with pytest.raises(MailboxFull):
                await change(store, ident, joins=["Archive"], marks=seen)
            too_many = Marks(SEEN, frozenset(f"k{n}" for n in range(101)))
            with pytest.raises(Invalid, match="keywords"):
                await change(store, ident, joins=["Archive"], leaves=["INBOX"], marks=too_many)
            stale = await known(store, ident)
            gone = await places(store, "Archive")
            await store.delete_mailbox(1, "Archive")
            with pytest.raises(NotFound):
                await refile(
                    store,
                    Refiling(ident, stale, gone, frozenset({stale[0].place.mailbox.id})),
                )
            assert await where(store, ident) == {"INBOX": (0, "")}
            await change(store, ident, joins=["Junk"], leaves=["INBOX"], marks=seen)
            for order in (
                Refiling(ident, stale, marks=lambda _before: seen),
                Refiling(other, stale, marks=lambda _before: seen),
            ):
                with pytest.raises(Moved):
                    await refile(store, order)
            assert await where(store, other) == {"INBOX": (0, "")}
            await audit(store)

    asyncio.run(run())


def test_rights_decide(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as here:
            store = here.store
            (one,) = await put(store, LETTER, account_id=ALICE)
            row = await store.db.read(lambda tx: tx.one("SELECT message_id FROM entry"))
            assert row is not None
            for name, rights in (("INBOX", "lrs"), ("Archive", "lri")):
                await here.share(ALICE, name, "bob@demo.test", rights)
            inbox = await here.place(BOB, "Other Users/alice@demo.test/INBOX")
            archive = await here.place(BOB, "Other Users/alice@demo.test/Archive")
            found = (Entry(inbox, one.uid),)
            leaves = frozenset({inbox.mailbox.id})
            flagged = Marks(FLAGGED, frozenset())
            for order in (
                Refiling(row[0], found, leaves=leaves),
                Refiling(row[0], found, (archive,), leaves),
                Refiling(row[0], found, (inbox,)),
                Refiling(row[0], found, marks=lambda _before: flagged),
                Refiling(row[0], found, marks=lambda _before: Marks(0, frozenset({"a"}))),
            ):
                with pytest.raises(NotAllowed):
                    await refile(store, order)
            seen = Marks(SEEN, frozenset())
            await refile(store, Refiling(row[0], found, marks=lambda _before: seen))
            whole = [Span(1, 9)]
            box = inbox.mailbox.id
            assert (await store.read(entries.rows_of, box, whole))[0][1] == 0
            assert (await store.read(entries.rows_of, box, whole, member=BOB))[0][1] == SEEN
            await refile(store, Refiling(row[0], found, (archive,)))
            assert set(await where(store, row[0])) == {"INBOX", "Archive"}
            assert (await store.read(mailboxes.listing, ALICE))[0].account_id == ALICE
            await audit(store)

    asyncio.run(run())


def test_what_it_says_of_spam_is_noted(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            store.learns = True
            ident, other = await filed(store), await filed(store)
            await change(store, ident, joins=["Junk"], leaves=["INBOX"])
            await change(store, other, marks=Marks(0, frozenset({"$notjunk"})))
            waiting = await store.db.read(
                lambda tx: tx.all("SELECT message_id, spam FROM spam_waiting ORDER BY spam")
            )
            assert [row[1] for row in waiting] == [0, 1]

    asyncio.run(run())


_STEPS = st.lists(
    st.tuples(
        st.sets(st.sampled_from(NAMES), min_size=1),
        st.none() | st.tuples(st.sampled_from([0, SEEN, FLAGGED]), st.sets(st.sampled_from("abc"))),
    ),
    max_size=6,
)


@given(steps=_STEPS)
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_it_is_where_a_set_says(
    database: Opener,
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[set[str], tuple[int, set[str]] | None]],
) -> None:
    async def run() -> None:
        async with shop(database, tmp_path_factory.mktemp("data")) as store:
            ident = await filed(store)
            now, marks = {"INBOX"}, (0, "")
            for wanted, marked in steps:
                mark = None
                if marked is not None:
                    mark = Marks(marked[0], frozenset(marked[1]))
                    marks = marked[0], " ".join(sorted(marked[1]))
                await change(
                    store,
                    ident,
                    joins=sorted(wanted - now),
                    leaves=sorted(now - wanted),
                    marks=mark,
                )
                now = wanted
                assert await where(store, ident) == dict.fromkeys(now, marks)
            await audit(store)

    asyncio.run(run())
