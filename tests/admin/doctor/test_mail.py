"""A store is injured in many ways; each is found, told, and mended where that can be."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from postroom.admin import accounts, domains
from postroom.admin.doctor import mail
from postroom.admin.doctor.finding import Finding
from postroom.admin.office import Office
from postroom.db.ids import to_text
from postroom.post.commit import Post
from postroom.post.notice import written
from tests.access.shop import audit, put
from tests.admin.bureau import Story
from tests.blobs.test_audit import keep
from tests.directory.keys import quick
from tests.fakes import Clock
from tests.store.letters import query
from tests.store.test_audit import injure

Tell = Callable[[Story], None]

ALICE = "alice@demo.test"


async def town(office: Office) -> int:
    await domains.add(office, "demo.test", generate=quick)
    await accounts.add(office, ALICE, password=None)
    rows = await office.store.read(query, "SELECT id FROM account WHERE kind = 'person'")
    alice: int = rows[0][0]
    await put(office.store, b"A: 1\r\n\r\n", b"B: 2\r\n\r\n", account_id=alice)
    return alice


async def gathered(findings: AsyncIterator[Finding]) -> list[Finding]:
    return [one async for one in findings]


async def examined(office: Office, *, repair: bool) -> list[Finding]:
    found: list[Finding] = []
    for check in (mail.counters, mail.messages, mail.references, mail.files, mail.outgoing):
        found += await gathered(check(office, repair=repair))
    return found + await gathered(mail.digests(office))


@pytest.mark.parametrize(
    ("injury", "checks"),
    [
        ("UPDATE mailbox SET messages = 7", ["counters", "counters"]),
        ("UPDATE mailbox SET uidnext = 1", ["counters"]),
        ("UPDATE usage SET octets = 1", ["counters"]),
        ("UPDATE message SET refs = 9", ["messages", "messages"]),
        ("DELETE FROM entry WHERE uid = 1", ["counters", "messages"]),
        ("UPDATE blob SET refs = 9", ["references"] * 3),
        ("UPDATE destination SET waiting = 9", ["queue"]),
        ("DELETE FROM delivery", ["queue", "queue"]),
    ],
)
def test_what_can_be_mended_is_mended_once(tell: Tell, injury: str, checks: list[str]) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await town(office)
        post = Post(office.db, office.blobs, office.notify, office.clock)
        await post.commit(written(office, b"A: b\r\n\r\n", remote=["x@a.test"]))
        assert await examined(office, repair=False) == []
        await injure(office.store, injury)
        told = await examined(office, repair=False)
        assert [one.check for one in told] == checks
        assert all(one.action == "postroom doctor --repair" for one in told)
        assert all(one.reason and one.subject for one in told)
        assert [one.check for one in await examined(office, repair=True) if one.is_mended]
        assert await examined(office, repair=True) == []
        await office.db.write(
            lambda tx: tx.execute(
                "UPDATE blob SET refs = 0, freed_at = 1 WHERE id NOT IN (SELECT blob_id FROM message)"
            )
        )
        await audit(office.store)

    tell(story)


@pytest.mark.parametrize(
    ("injury", "subject", "reason"),
    [
        ("DELETE FROM message WHERE id = (SELECT min(id) FROM message)",
         f"{ALICE}, INBOX, UID 1", "the message is gone"),
        ("DELETE FROM blob WHERE id = (SELECT min(id) FROM blob)", None, "the octets are gone"),
        ("UPDATE blob SET body = NULL WHERE id = (SELECT min(id) FROM blob)",
         f"{ALICE}, INBOX, UID 1", "its body is missing"),
    ],
)  # fmt: skip
def test_what_is_lost_is_named_and_left_alone(
    tell: Tell, injury: str, subject: str | None, reason: str
) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await town(office)
        await injure(office.store, injury)
        for _ in range(2):
            found = await examined(office, repair=True)
            told = [one for one in found if one.reason == reason]
            assert len(told) == 1
            assert not told[0].is_mended
            assert told[0].action.startswith("restore it from a backup")
            assert subject in {None, told[0].subject}

    tell(story)


def test_damaged_octets_are_found_by_reading_all(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await town(office)
        await injure(
            office.store, "UPDATE blob SET head_size = 1 WHERE id = (SELECT min(id) FROM blob)"
        )
        (found,) = await gathered(mail.digests(office))
        assert found.subject == f"{ALICE}, INBOX, UID 1"

    tell(story)


def test_faults_of_a_removed_account_are_told_by_its_name(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await town(office)
        await accounts.remove(office, ALICE)
        await injure(office.store, "UPDATE mailbox SET messages = 7")
        found = await examined(office, repair=False)
        assert {one.subject for one in found} == {ALICE, f"{ALICE}, INBOX"}

    tell(story)


def test_a_body_in_no_mailbox_is_named_by_its_id(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        ident = await keep(office.store, b"A: 1\r\n\r\nx")
        await injure(office.store, "UPDATE blob SET body = NULL")
        found = await gathered(mail.files(office, repair=False))
        assert [one.subject for one in found] == [f"octets {to_text(ident)}, in no mailbox"]

    tell(story)


def test_files_without_a_row_are_set_aside_after_a_day(tell: Tell, data: Path) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await keep(office.store, b"A: 1\r\n\r\n" + b"x" * 300_000)
        if office.db.engine == "postgres":
            return
        await injure(office.store, "DELETE FROM blob")
        assert await gathered(mail.files(office, repair=True)) == []
        import time

        clock.now = time.time_ns() // 1_000_000
        clock.advance(days=2)
        (found,) = await gathered(mail.files(office, repair=True))
        assert found.is_mended
        assert len(await asyncio.to_thread(lambda: list((data / "quarantine").iterdir()))) == 1

    tell(story)


def test_what_waits_too_long_is_said(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        post = Post(office.db, office.blobs, office.notify, office.clock)
        await post.commit(written(office, b"A: b\r\n\r\n", remote=["x@a.test", "y@b.test"]))
        assert await gathered(mail.outgoing(office, repair=False)) == []
        clock.advance(days=3)
        await injure(
            office.store,
            "UPDATE delivery SET status = 2 WHERE number = 0",
            "UPDATE delivery SET status = 3 WHERE number = 1",
        )
        found = await gathered(mail.outgoing(office, repair=True))
        assert [(one.subject, one.level) for one in found] == [
            ("quarantine", "error"), ("held", "warning"), ("age", "warning"),
        ]  # fmt: skip
        assert found[2].reason == "the oldest message waits for 72 hours"

    tell(story)
