"""Mail of accounts elsewhere comes in as if received, once, and goes there only when it is safe."""

from pathlib import Path

from postroom.admin import accounts, fetching
from postroom.admin.fetcher import Fetcher
from postroom.directory import fetchings
from postroom.intake.intake import Intake
from postroom.policy.facts import Facts
from postroom.policy.verdict import Verdict
from tests.admin.elsewhere import again, source, state, told
from tests.conftest import Opener
from tests.intake.desk import LARGE, LETTER, Desk
from tests.net.imap_server import DROP, Box, ImapServer, Message
from tests.net.pop3_server import Pop3Server


def test_pop3_mail_is_received_once(database: Opener, data: Path) -> None:
    async def story(here: Desk, job: Fetcher) -> None:
        sent = b"Return-Path: <ann@client.example>\r\n" + LETTER
        async with Pop3Server(("a", sent), ("b", LARGE), ("c", b"bare\nNUL\0")).running() as server:
            await source(here, server.port)
            assert await job.once() == 1
            assert await job.once() == 0
            one = await state(here)
            assert (one.fetched, one.problem) == (3, "")
            first, second, third = await here.inbox(here.bob)
            assert first.startswith(
                b"Return-Path: <ann@client.example>\r\nDelivered-To: bob@local.test"
            )
            assert b"with POP3" in first
            assert first.endswith(LETTER[LETTER.index(b"From:") :])
            assert second.endswith(LARGE)
            assert third.endswith(b"bare\r\nNUL?\r\n")
            await again(here, job)
            assert len(await here.inbox(here.bob)) == 3
            assert list(server.messages) == ["a", "b", "c"]
            assert server.lines.count("RETR 1") == 1

    told(database, data, story)


def test_what_is_safe_is_deleted_there(database: Opener, data: Path) -> None:
    async def story(here: Desk, job: Fetcher) -> None:
        async with Pop3Server(("a", LETTER)).running() as server:
            await source(here, server.port, leaves=False)
            await job.once()
            assert server.messages == {}
            assert len(await here.inbox(here.bob)) == 1
        boxes = {b"INBOX": Box([Message(4, LETTER), Message(7, LETTER + b"x\r\n")])}
        async with ImapServer(boxes).running() as imap:
            one = await state(here)
            await here.db.write(lambda tx: fetchings.remove(tx, one.id))
            await source(here, imap.port, "imap", leaves=False)
            await job.once()
            assert (await state(here)).problem == ""
            assert boxes[b"INBOX"].messages == []
            assert len(await here.inbox(here.bob)) == 3

    told(database, data, story)


def test_a_mailbox_that_was_named_gets_it_without_rules(database: Opener, data: Path) -> None:
    async def story(here: Desk, job: Fetcher) -> None:
        boxes = {b"INBOX": Box([Message(4, LETTER, b"\\Seen")])}
        async with ImapServer(boxes).running() as imap:
            await source(here, imap.port, "imap", target="Old/Mail")
            await job.once()
            assert (await state(here)).problem == ""
            assert await here.inbox(here.bob, "Old/Mail") == [LETTER]
            await again(here, job)
            assert await here.inbox(here.bob, "Old/Mail") == [LETTER]
            assert boxes[b"INBOX"].messages[0].flags == b"\\Seen"

    told(database, data, story)


def test_what_is_refused_stays_there_and_is_not_asked_for_again(
    database: Opener, data: Path
) -> None:
    async def story(here: Desk, job: Fetcher) -> None:
        loop = b"Delivered-To: bob@local.test\r\n" + LETTER
        async with Pop3Server(("a", loop), ("b", LETTER)).running() as server:
            await source(here, server.port, leaves=False)
            await job.once()
            assert list(server.messages) == ["a"]
            await again(here, job)
            assert list(server.messages) == ["a"]
            assert server.lines.count("RETR 1") == 1
            assert (await state(here)).fetched == 1

    told(database, data, story)


def test_what_is_put_off_comes_the_next_time(database: Opener, data: Path) -> None:
    async def story(here: Desk, job: Fetcher) -> None:
        async with Pop3Server(("a", LETTER)).running() as server:
            await source(here, server.port, leaves=False)
            await accounts.change(job._office, "bob@local.test", quota=1)
            await here.db.write(
                lambda tx: tx.execute(
                    "INSERT INTO usage (account_id, octets, messages, uidvalidity, warned, furnished)"
                    f" VALUES ({here.bob.id}, 5, 1, 1, 0, 0)"
                )
            )
            await job.once()
            one = await state(here)
            assert one.problem.startswith("a message was put off (The mailbox is full")
            assert (one.failures, one.fetched) == (1, 0)
            assert list(server.messages) == ["a"]
            await accounts.change(job._office, "bob@local.test", quota=0)
            await again(here, job)
            assert (await state(here)).problem == ""
            assert server.messages == {}

    told(database, data, story)


def test_nothing_is_fetched_for_an_account_that_was_removed(database: Opener, data: Path) -> None:
    async def story(here: Desk, job: Fetcher) -> None:
        async with Pop3Server(("a", LETTER)).running() as server:
            await source(here, server.port, leaves=False, target="Old")
            await accounts.remove(job._office, "bob@local.test")
            assert await job.once() == 0
            assert list(server.messages) == ["a"]
            (shown,) = [one async for one in fetching.every(job._office)]
            assert shown.account == "bob@local.test"
            await accounts.restore(job._office, "bob@local.test")
            assert await job.once() == 1
            assert server.messages == {}

    told(database, data, story)


def test_nothing_is_given_up_while_an_account_takes_no_mail(database: Opener, data: Path) -> None:
    async def story(here: Desk, job: Fetcher) -> None:
        async with Pop3Server(("a", LETTER)).running() as server:
            await source(here, server.port, leaves=False)
            await accounts.change(job._office, "bob@local.test", disabled=True)
            await job.once()
            one = await state(here)
            assert (one.fetched, one.failures) == (0, 1)
            assert one.problem.startswith("a message was put off (")
            await accounts.change(job._office, "bob@local.test", disabled=False)
            await again(here, job)
            assert server.messages == {}
            assert len(await here.inbox(here.bob)) == 1

    told(database, data, story)


def test_a_crash_between_taking_and_deleting_files_nothing_twice(
    database: Opener, data: Path
) -> None:
    async def story(here: Desk, job: Fetcher) -> None:
        async with Pop3Server(("a", LETTER)).running() as server:
            await source(here, server.port, leaves=False)
            server.trick = lambda line: DROP if line.startswith("DELE") else None
            await job.once()
            assert list(server.messages) == ["a"]
            server.trick = lambda _line: None
            await again(here, job)
            assert server.messages == {}
            assert len(await here.inbox(here.bob)) == 1

    told(database, data, story)


class Judge:
    """Takes what it is shown for junk, and remembers it."""

    def __init__(self) -> None:
        self.seen: list[Facts] = []

    async def judge(self, facts: Facts) -> Verdict:
        self.seen.append(facts)
        return Verdict(stage="spam", action="junk", reason="it looks like junk", score=9.0)


def test_filters_see_what_was_fetched(database: Opener, data: Path) -> None:
    async def story(here: Desk, job: Fetcher) -> None:
        judge = Judge()
        here.change(stages=(judge,))
        job = Fetcher(job._office, Intake(here.services))
        async with Pop3Server(("a", LETTER)).running() as server:
            await source(here, server.port)
            await job.once()
            assert await here.inbox(here.bob) == []
            (filed,) = await here.inbox(here.bob, "Junk")
            assert b"it looks like junk" in filed
            (facts,) = judge.seen
            assert (facts.address, facts.authentication.spf) == ("", "none")  # of nobody we saw

    told(database, data, story)
