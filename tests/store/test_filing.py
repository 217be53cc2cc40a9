"""Filing of many letters in one transaction."""

import asyncio

import pytest

from postroom.db.database import ConstraintFailed
from postroom.errors import MailboxFull
from postroom.store import mailboxes, usage
from postroom.store.filing import Copy, Filed, MailboxGone, already_filed, file_letters
from tests.conftest import Opener
from tests.store.letters import copy, read

NOW = 1_790_000_000_000


def filed(answer: object) -> list[Filed]:
    assert isinstance(answer, list)
    return answer


def test_a_batch_gets_ascending_uids_and_one_modseq_a_mailbox(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            letters = [[copy(1)], [copy(2)], [copy(1), copy(2)], [copy(1)]]
            answers = await db.write(lambda tx: file_letters(tx, letters, NOW))
            first = [f for answer in answers for f in filed(answer) if f.account_id == 1]
            assert [f.uid for f in first] == [1, 2, 3]
            assert len({f.modseq for f in first}) == 1
            assert {f.mailbox_id for f in first} == {1}
            again = await db.write(lambda tx: file_letters(tx, [[copy(1)]], NOW))
            assert filed(again[0])[0].uid == 4
            assert filed(again[0])[0].modseq == first[0].modseq + 1
            assert filed(again[0])[0].uidvalidity == first[0].uidvalidity == NOW // 1000 + 1
            assert await db.read(lambda tx: usage.usage_of(tx, 1)) == usage.Usage(400, 4)
            counts = await db.read(lambda tx: mailboxes.counts(tx, 1, "INBOX"))
            assert (counts.messages, counts.unseen, counts.recent, counts.size) == (4, 4, 4, 400)

    asyncio.run(run())


def test_a_full_account_refuses_the_whole_letter_and_no_other(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            letters = [
                [copy(1, size=90, quota=100)],
                [copy(1, size=90, quota=100)],  # before it 90 of 100 are used: accepted
                [copy(1, size=1, quota=100), copy(2)],
                [copy(2)],
            ]
            answers = await db.write(lambda tx: file_letters(tx, letters, NOW))
            assert isinstance(answers[2], MailboxFull)
            assert [f.uid for f in filed(answers[1])] == [2]
            assert [f.uid for f in filed(answers[3])] == [1]
            assert await db.read(lambda tx: usage.usage_of(tx, 1)) == usage.Usage(180, 2)
            assert await db.read(lambda tx: usage.usage_of(tx, 2)) == usage.Usage(100, 1)

    asyncio.run(run())


def test_who_says_how_much_room_it_needs_gets_that_or_is_refused(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            letters = [
                [copy(1, size=40, quota=100, room=80), copy(1, size=40, quota=100, room=80)],
                [copy(1, size=21, quota=100, room=21)],
                [copy(1, size=20, quota=100, room=20)],
                [copy(1, size=1, quota=100)],
            ]
            answers = await db.write(lambda tx: file_letters(tx, letters, NOW))
            assert [isinstance(answer, MailboxFull) for answer in answers] == [
                False, True, False, True,
            ]  # fmt: skip
            assert (await db.read(lambda tx: usage.usage_of(tx, 1))) == usage.Usage(100, 3)

    asyncio.run(run())


def test_of_messages_there_are_never_too_many(database: Opener) -> None:
    """RFC 9208 §5.2, also with several letters of one batch and copies of one letter."""

    async def run() -> None:
        async with database() as db:
            letters = [
                [copy(1, message_quota=3)],
                [copy(1, message_quota=3), copy(2)],
                [copy(1, message_quota=3), copy(1, message_quota=3)],
                [copy(2, message_quota=9), copy(1, message_quota=3)],
                [copy(1, message_quota=3)],
            ]
            answers = await db.write(lambda tx: file_letters(tx, letters, NOW))
            assert [isinstance(answer, MailboxFull) for answer in answers] == [
                False, False, True, False, True,
            ]  # fmt: skip
            assert (await db.read(lambda tx: usage.usage_of(tx, 1))).messages == 3
            assert (await db.read(lambda tx: usage.usage_of(tx, 2))).messages == 2

            async def deliver() -> object:
                one = copy(1, message_quota=8)
                return (await db.write(lambda tx: file_letters(tx, [[one]], NOW)))[0]

            parallel = await asyncio.gather(*(deliver() for _ in range(20)))
            assert sum(isinstance(answer, list) for answer in parallel) == 5
            assert (await db.read(lambda tx: usage.usage_of(tx, 1))).messages == 8

    asyncio.run(run())


def test_twenty_parallel_filings_at_the_edge_of_the_quota(database: Opener) -> None:
    """I7: the sum is at most the quota and one message."""

    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: file_letters(tx, [[copy(1, size=990)]], NOW))

            async def deliver() -> object:
                one = copy(1, size=30, quota=1000)
                return (await db.write(lambda tx: file_letters(tx, [[one]], NOW)))[0]

            answers = await asyncio.gather(*(deliver() for _ in range(20)))
            assert sum(isinstance(answer, list) for answer in answers) == 1
            assert (await db.read(lambda tx: usage.usage_of(tx, 1))).octets == 1020

    asyncio.run(run())


def test_filed_tells_which_warning_is_due_once(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:

            async def add(size: int) -> int:
                one = copy(1, size=size, quota=1000)
                answers = await db.write(lambda tx: file_letters(tx, [[one]], NOW))
                return filed(answers[0])[0].warning

            assert [await add(size) for size in (700, 100, 10, 150, 10)] == [0, 80, 0, 95, 0]
            # a letter that asks no quota, beside one that does, forgets nothing
            pair = [[copy(1, size=1)], [copy(2, quota=1000)]]
            await db.write(lambda tx: file_letters(tx, pair, NOW))
            assert await add(1) == 0

    asyncio.run(run())


def test_copies_in_two_mailboxes_share_the_message(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: mailboxes.create(tx, 1, "Lists", None, [77], NOW))
            one = copy(1)
            other = copy(1, mailbox="Lists", message_id=one.message_id, blob_id=one.blob_id)
            answers = await db.write(lambda tx: file_letters(tx, [[one, other]], NOW))
            assert [f.mailbox_id for f in filed(answers[0])] == [1, 77]
            rows = await db.read(lambda tx: tx.all("SELECT refs FROM message"))
            assert rows == [(2,)]

    asyncio.run(run())


def test_an_unknown_name_means_inbox_an_unknown_id_is_refused(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            answers = await db.write(lambda tx: file_letters(tx, [[copy(1, mailbox="Gone")]], NOW))
            assert filed(answers[0])[0].mailbox_id == 1
            with pytest.raises(MailboxGone):
                await db.write(lambda tx: file_letters(tx, [[copy(1, mailbox=99)]], NOW))
            with pytest.raises(MailboxGone):  # another account's mailbox
                await db.write(lambda tx: file_letters(tx, [[copy(2, mailbox=1)]], NOW))
            assert await db.read(lambda tx: usage.usage_of(tx, 2)) == usage.Usage(0, 0)

    asyncio.run(run())


def test_the_same_letter_is_never_filed_twice(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            letter = [copy(1)]
            first = await db.write(lambda tx: file_letters(tx, [letter], NOW))
            assert await db.read(lambda tx: already_filed(tx, [copy(1)])) is None
            with pytest.raises(ConstraintFailed):
                await db.write(lambda tx: file_letters(tx, [letter], NOW))
            assert await db.read(lambda tx: already_filed(tx, letter)) == first[0]
            assert (await db.read(lambda tx: mailboxes.get(tx, 1, "INBOX"))).uidnext == 2
            assert await db.read(lambda tx: usage.usage_of(tx, 1)) == usage.Usage(100, 1)

    asyncio.run(run())


def test_a_mailbox_out_of_uids_refuses(database: Opener) -> None:
    """I5: UIDs have 32 bits and are never used again."""

    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: file_letters(tx, [[copy(1)]], NOW))
            await db.write(lambda tx: tx.execute("UPDATE mailbox SET uidnext = 4294967295"))
            with pytest.raises(MailboxFull):
                await db.write(lambda tx: file_letters(tx, [[copy(1)]], NOW))

    asyncio.run(run())


def test_parallel_filings_into_crossed_mailboxes_do_not_lock_each_other_out(
    database: Opener,
) -> None:
    async def run() -> None:
        async with database() as db:

            async def deliver(letter: list[Copy]) -> None:
                await db.write(lambda tx: file_letters(tx, [letter], NOW))

            letters = [[copy(number % 2 + 1), copy((number + 1) % 2 + 1)] for number in range(20)]
            await asyncio.wait_for(asyncio.gather(*map(deliver, letters)), 60)
            for account in (1, 2):
                counts = await read(db, mailboxes.counts, account, "INBOX")
                assert (counts.messages, counts.uidnext) == (20, 21)

    asyncio.run(run())


def test_a_missing_mailbox_is_made_with_its_superiors(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            letters = [
                [copy(1, mailbox="Work/Bills", fresh=(901, 902))],
                [copy(1, mailbox="Work/Bills", fresh=(903, 904)), copy(1, mailbox="Work")],
                [copy(1, mailbox="Nowhere")],
            ]
            answers = [
                filed(one) for one in await db.write(lambda tx: file_letters(tx, letters, NOW))
            ]
            assert [(f.mailbox_id, f.uid, f.is_made) for one in answers for f in one] == [
                (902, 1, True), (902, 2, True), (901, 1, False), (1, 1, False),
            ]  # fmt: skip
            again = [[copy(1, mailbox="Work/Bills", fresh=(905, 906))]]
            (answer,) = await db.write(lambda tx: file_letters(tx, again, NOW))
            assert [(f.mailbox_id, f.is_made) for f in filed(answer)] == [(902, False)]
            names = await db.read(lambda tx: [one.name for one in mailboxes.listing(tx, 1)])
            assert names == ["INBOX", "Work", "Work/Bills"]
            assert await db.read(lambda tx: mailboxes.subscriptions(tx, 1)) == ["Work/Bills"]

    asyncio.run(run())


def test_a_special_use_is_found_whatever_its_mailbox_is_called(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:

            async def put(account_id: int, *ids: int) -> Filed:
                one = copy(account_id, mailbox="Junk", special_use="\\Junk", fresh=ids)
                (answer,) = await db.write(lambda tx: file_letters(tx, [[one]], NOW))
                return filed(answer)[0]

            made = await put(1, 50)
            assert (made.mailbox_id, made.is_made) == (50, True)
            found = await db.read(lambda tx: mailboxes.by_use(tx, 1, "\\Junk"))
            assert found is not None
            assert (found.name, found.special_use, found.messages) == ("Junk", "\\Junk", 1)
            await db.write(lambda tx: mailboxes.rename(tx, 1, "Junk", "Spam", NOW))
            assert (await put(1, 51)).mailbox_id == 50
            await db.write(lambda tx: mailboxes.create(tx, 2, "Junk", None, [60], NOW))
            assert (await put(2, 61)).mailbox_id == 60  # of that name, without the use
            await db.write(lambda tx: mailboxes.bury(tx, 1, "Spam", NOW))
            assert (await put(1, 52)).mailbox_id == 52
            assert (await put(3)).mailbox_id == 3  # not to be made: the INBOX

    asyncio.run(run())


def test_several_copies_of_a_message_are_told_apart_afterwards(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            first = copy(1)
            letter = [first, copy(1, mailbox="A", fresh=(70,), message_id=first.message_id)]
            (answer,) = await db.write(lambda tx: file_letters(tx, [letter], NOW))
            known = await db.read(lambda tx: already_filed(tx, letter))
            assert {(f.mailbox_id, f.uid) for f in known or ()} == {(1, 1), (70, 1)}
            assert {(f.mailbox_id, f.uid) for f in filed(answer)} == {(1, 1), (70, 1)}
            rows = await db.read(lambda tx: tx.all("SELECT refs FROM message"))
            assert rows == [(2,)]

    asyncio.run(run())
