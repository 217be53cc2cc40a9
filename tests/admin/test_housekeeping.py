"""What a server does on the quiet."""

import asyncio
import dataclasses
import os
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from postroom.admin import accounts, dkim, domains, housekeeping
from postroom.admin.housekeeping import (
    AGING,
    MINUTE,
    ROUNDS_OF_ALL,
    ROUNDS_OF_LOOKUPS,
    Housekeeping,
    by_domain,
)
from postroom.admin.office import Office
from postroom.admin.open import open_office
from postroom.blobs.disk import Disk
from postroom.config.model import Config, Limits
from postroom.db.database import Tx
from postroom.directory.dkim_keys import DkimKey
from postroom.errors import StorageFailed
from postroom.ledger import tls_results
from postroom.mailauth.tlsrpt import Policy
from postroom.net.dns import Resolver
from postroom.policy import login_rows
from postroom.policy.logins import Attempt, Counted
from postroom.process import Trimmer
from postroom.queue import idle, submissions
from postroom.store import expunged, rejects
from postroom.store.expunged import Chosen
from postroom.store.spans import Span
from postroom.telemetry import sink
from postroom.telemetry.events import ExpungedPurged, KeyActivated, StorageTrouble
from rig.dns import DnsServer, Fault
from tests.access.shop import audit, put
from tests.admin.bureau import Story
from tests.directory.keys import numbered, quick
from tests.fakes import Clock, Recorder
from tests.store.refused import keep

Tell = Callable[[Story], None]


async def tidy(office: Office) -> None:
    keeping = Housekeeping(office)
    await keeping.once(keeping.jobs)


LETTER = b"Subject: hello\r\n\r\n" + b"x" * 100 + b"\r\n"


def test_what_nobody_names_is_freed_after_a_day(data: Path) -> None:
    async def run() -> None:
        limits = Limits(undelete_days=0)
        config = Config(hostname="mail.demo.test", data=str(data), limits=limits)
        async with open_office(config) as office:
            (filed,) = await put(office.store, LETTER)
            await tidy(office)
            await office.store.expunge(1, filed.mailbox_id, Span(1, 1), flagged=False)
            await tidy(office)
            assert await office.db.read(lambda tx: tx.one("SELECT COUNT(*) FROM blob")) == (1,)
            await office.db.write(lambda tx: tx.execute("UPDATE blob SET freed_at = 1"))
            await tidy(office)
            assert await office.db.read(lambda tx: tx.one("SELECT COUNT(*) FROM blob")) == (0,)

    asyncio.run(run())


def test_deleted_messages_go_when_their_time_is_over(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await put(office.store, LETTER, LETTER)
        for uid, days in ((1, 13), (2, 1)):
            await office.store.expunge(1, 1, Span(uid, uid), flagged=False)
            await tidy(office)
            clock.advance(days=days)
        await tidy(office)  # fourteen days later
        assert await kept(office) == 2
        clock.advance(1)
        await tidy(office)
        assert await kept(office) == 1
        await audit(office.store)
        await tidy(with_limits(office, undelete_days=0))  # the setting was changed
        clock.advance(1)
        await tidy(with_limits(office, undelete_days=0))
        assert await kept(office) == 0
        clock.advance(days=1)
        await tidy(office)
        assert await office.db.read(lambda tx: tx.one("SELECT COUNT(*) FROM blob")) == (0,)

    tell(story)


def test_refused_messages_go_after_a_fortnight(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        (first,) = await keep(office.store, 1)
        clock.advance(days=7)
        (second,) = await keep(office.store, 1)
        clock.advance(days=7)
        await tidy(office)
        assert await office.store.read(rejects.newest, 1, limit=9) == [second, first]
        clock.advance(1)
        await tidy(office)
        assert await office.store.read(rejects.newest, 1, limit=9) == [second]

    tell(story)


def test_deleted_messages_go_earlier_when_the_disk_gets_full(tell: Tell, events: Recorder) -> None:
    """Only as many as make room, and not again while they wait to be collected."""

    async def story(office: Office, clock: Clock) -> None:
        found = os.statvfs(office.config.folder)
        free = found.f_bavail * found.f_frsize
        await put(office.store, *[LETTER] * 4)
        await office.store.expunge(1, 1, Span(1, 4), flagged=False)
        for table, column in (("expunged", "size"), ("message", "size"), ("blob", "body_size")):
            sql = f"UPDATE {table} SET {column} = {1 << 40}"  # no test writes that much
            await office.db.write(lambda tx, sql=sql: tx.execute(sql))  # type: ignore[misc]
        await tidy(office)
        office.blobs.disk = Disk(office.config.folder, free + (3 << 39), clock)
        await tidy(office)
        await tidy(office)
        if office.db.engine == "postgres":  # its disk is not ours to judge
            assert await kept(office) == 4
            return
        assert await kept(office) == 2
        (told,) = events.of(ExpungedPurged)
        assert told == ExpungedPurged(messages=2, octets=2 << 40)
        await audit(office.store)

    tell(story)


def test_after_a_jump_of_the_clock_nothing_is_given_up_for_a_day(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        steady = Clock(0)
        keeping = Housekeeping(office, steady=steady)
        assert keeping.jobs.keys() > AGING
        await put(office.store, *[LETTER] * 4)
        await office.store.expunge(1, 1, Span(1, 4), flagged=False)
        for _ in range(3):
            clock.advance(days=1)
            steady.advance(days=1)
            await keeping.once(keeping.jobs)
        clock.advance(days=365)
        await keeping.once(keeping.jobs)
        assert await kept(office) == 4
        clock.advance(days=-365)  # it is set right
        await keeping.once(keeping.jobs)
        clock.advance(days=365)  # that was no mistake
        steady.advance(days=365)
        await keeping.once(keeping.jobs)
        assert await kept(office) == 0

    tell(story)


def with_limits(office: Office, **limits: int) -> Office:
    config = msgspec.structs.replace(office.config, limits=Limits(**limits))
    return dataclasses.replace(office, config=config)


async def kept(office: Office) -> int:
    return (await office.store.read(expunged.weight, 1, Chosen())).messages


def test_what_was_sent_by_jmap_is_told_as_long_as_the_ledger(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        wish = submissions.Wish(1, "I1", 7, 8, "{}")
        row = submissions.submitted(office.ids.next(), wish, clock())
        await office.db.write(lambda tx: submissions.add(tx, [row]))
        before = await office.db.read(lambda tx: submissions.state(tx, 1, clock()))
        days = office.config.limits.ledger_days
        job = Housekeeping(office).jobs["ledger"]

        async def told() -> tuple[int, submissions.Since | None]:
            await job()
            there = await office.db.read(lambda tx: submissions.every(tx, 1, 9))
            return len(there), await office.db.read(lambda tx: submissions.since(tx, 1, before, 9))

        clock.advance(days=days - 1)
        assert (await told())[0] == 1
        clock.advance(days=2)
        count, found = await told()
        assert (count, found and found.destroyed) == (0, [row.id])
        clock.advance(days=submissions.REMEMBERED_MS // 86_400_000)
        assert await told() == (0, None)

    tell(story)


def test_a_job_that_fails_does_not_stop_the_others(data: Path) -> None:
    async def run() -> None:
        async with open_office(Config(hostname="mail.demo.test", data=str(data))) as office:
            done: list[str] = []

            async def fails() -> None:
                raise StorageFailed(detail="no disk")

            async def works() -> None:
                done.append("worked")

            keeping = Housekeeping(office)
            recorder = Recorder()
            before = sink.install(recorder)
            try:
                await keeping.once({"first": fails, "second": works})
            finally:
                sink.install(before)
            assert done == ["worked"]
            (told,) = recorder.of(StorageTrouble)
            assert told.where == "housekeeping: first"

    asyncio.run(run())


def test_all_jobs_come_back_every_hour_and_some_each_minute(data: Path) -> None:
    class Enough(Exception):
        pass

    async def run() -> None:
        async with open_office(Config(hostname="mail.demo.test", data=str(data))) as office:
            done: list[str] = []

            async def rarely() -> None:
                done.append("rarely")

            async def now_and_then() -> None:
                done.append("now and then")

            async def often() -> None:
                done.append("often")

            async def sleep(seconds: float) -> None:
                assert seconds == MINUTE
                if len(done) > 2 * ROUNDS_OF_ALL:
                    raise Enough

            keeping = Housekeeping(office)
            keeping.jobs = {"a": rarely}
            keeping.lookup_jobs = {"c": now_and_then}
            keeping.frequent_jobs = {"b": often}
            with pytest.raises(Enough):
                await keeping.run(sleep)
            ten_minutes = ["now and then", *["often"] * ROUNDS_OF_LOOKUPS]
            hour = ["rarely", *ten_minutes * (ROUNDS_OF_ALL // ROUNDS_OF_LOOKUPS)]
            assert done[: len(hour) + 2] == [*hour, "rarely", "now and then"]

    asyncio.run(run())


async def keys(office: Office, domain: str) -> list[dkim.KeyView]:
    return list(await dkim.show(office, domain, generate=quick))


def test_keys_are_made_where_they_are_missing_and_old_ones_forgotten(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        await office.db.write(lambda tx: tx.execute("DELETE FROM dkim_key"))
        await tidy(office)
        first = await dkim.show(office, "demo.test")
        assert [key.state for key in first] == ["active", "active"]
        await dkim.rotate(office, "demo.test", at_once=True, generate=lambda: numbered(1))
        clock.advance(days=6)
        await tidy(office)
        assert len(await keys(office, "demo.test")) == 4
        clock.advance(days=2)
        await tidy(office)
        left = await keys(office, "demo.test")
        assert [key.state for key in left] == ["active", "active"]
        assert left[0].selector != first[0].selector

    tell(story)


def test_policies_and_results_that_are_old_are_forgotten(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        policy = Policy(policy_type="no-policy-found", policy_domain="x.test")
        day = clock() // tls_results.DAY_MS

        def write(tx: Tx) -> None:
            for expires, domain in ((clock() - 1, "old.test"), (clock() + 1, "new.test")):
                tx.execute(
                    "INSERT INTO sts_policy (domain, policy, expires) VALUES (:d, :p, :e)",
                    d=domain, p=b"{}", e=expires,
                )  # fmt: skip
            counts = Counter(
                {tls_results.Result(day - age, "x.test", policy, None): 1 for age in (0, 14, 15)}
            )
            tls_results.add(tx, counts)

        await office.db.write(write)
        await tidy(office)
        assert await office.db.read(lambda tx: tx.all("SELECT domain FROM sts_policy")) == [
            ("new.test",)
        ]
        left = await office.db.read(lambda tx: tx.all("SELECT day FROM tls_result ORDER BY day"))
        assert left == [(day - 14,), (day,)]

    tell(story)


def published(*found: dkim.KeyView) -> dict[tuple[str, str], list[str]]:
    return {(key.name, "TXT"): [key.value] for key in found}


def test_new_keys_sign_once_all_of_a_domain_are_published(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        recorder = Recorder()
        before = sink.install(recorder)
        for name in ("one.test", "two.test"):
            await domains.add(office, name, generate=quick)
            await keys(office, name)
            await dkim.rotate(office, name, generate=lambda: numbered(1))
        one = [key for key in await keys(office, "one.test") if key.state == "waiting"]
        two = [key for key in await keys(office, "two.test") if key.state == "waiting"]
        try:
            async with DnsServer({**published(*one), **published(*two[:1])}) as rig:
                resolver = Resolver([rig.address])
                keeping = Housekeeping(office, resolver)
                await keeping.once(keeping.lookup_jobs)
                assert [k.state for k in await keys(office, "one.test")] == [
                    "retired", "retired", "active", "active",
                ]  # fmt: skip
                assert [k.state for k in await keys(office, "two.test")] == [
                    "active", "active", "waiting", "waiting",
                ]  # fmt: skip
                told = [(event.domain, event.selector) for event in recorder.of(KeyActivated)]
                assert told == [("one.test", key.selector) for key in one]
                rig.zone = {(two[1].name, "TXT"): ["v=DKIM1; k=ed25519; p="], **published(two[0])}
                resolver.forget()
                await keeping.once(keeping.lookup_jobs)
                rig.faults[two[1].name, ""] = Fault.SERVFAIL
                resolver.forget()
                await keeping.once(keeping.lookup_jobs)
                assert len(recorder.of(KeyActivated)) == 2
                rig.faults.clear()
                rig.zone = {(two[1].name, "TXT"): ["other", two[1].value], **published(two[0])}
                resolver.forget()
                await keeping.once(keeping.lookup_jobs)
                assert len(recorder.of(KeyActivated)) == 4
                asked = rig.count()
                await keeping.once(keeping.lookup_jobs)
                assert rig.count() == asked  # nothing waits any more
                await resolver.close()
        finally:
            sink.install(before)
        assert not recorder.of(StorageTrouble)

    tell(story)


def test_without_a_resolver_keys_wait(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "one.test", generate=quick)
        await keys(office, "one.test")
        await dkim.rotate(office, "one.test", generate=lambda: numbered(1))
        keeping = Housekeeping(office)
        await keeping.once(keeping.lookup_jobs)
        assert [key.state for key in await keys(office, "one.test")][2:] == ["waiting", "waiting"]

    tell(story)


def test_half_a_pair_is_left_for_the_next_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "MOST_WAITING", 3)
    made = [
        DkimKey(number, number // 2, "x.test", "s", "rsa", b"", "waiting", 0, None, None)
        for number in range(4)
    ]
    assert by_domain(made[:3]) == [made[:2]]
    assert by_domain(made[:2]) == [made[:2]]
    monkeypatch.setattr(housekeeping, "MOST_WAITING", 2)
    assert by_domain(made[:2]) == [made[:2]]  # else it would wait for ever
    assert by_domain([]) == []


def test_old_logins_are_forgotten(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        await accounts.add(office, "ann@demo.test", password=None)
        ann = (await office.db.read(lambda tx: tx.one("SELECT id FROM account")) or (0,))[0]
        today, kept = office.now() // housekeeping.DAY_MS, office.config.login.history_days

        def put(tx: Tx) -> None:
            for day in (today, today - kept, today - kept - 1):
                at = day * housekeeping.DAY_MS
                one = Attempt(day, ann, "", "in", "imap", "192.0.2.1", "password", 0)
                login_rows.put(tx, {one: Counted(at, at, 1)})

        await office.db.write(put)
        await tidy(office)
        found = await office.db.read(lambda tx: login_rows.newest(tx, ann, limit=9))
        assert [one.day for one in found] == [today, today - kept]

    tell(story)


def test_destinations_that_nothing_waits_for_are_forgotten(data: Path) -> None:
    async def run() -> None:
        async with open_office(Config(hostname="mail.demo.test", data=str(data))) as office:
            some = [*[(f"{number}.test", 0) for number in range(idle.CHUNK + 1)], ("busy.test", 1)]
            await office.db.write(
                lambda tx: tx.many(
                    "INSERT INTO destination (name, waiting, ready_at, paused_until, cap, failures)"
                    " VALUES (?, ?, 0, 0, 5, 0)",
                    some,
                )
            )
            keeping = Housekeeping(office)
            await keeping.once({"destinations": keeping.jobs["destinations"]})
            left = await office.db.read(lambda tx: tx.all("SELECT name FROM destination"))
            assert left == [("busy.test",)]

    asyncio.run(run())


def test_memory_is_given_back_each_minute(data: Path) -> None:
    async def run() -> None:
        async with open_office(Config(hostname="mx.test", data=str(data))) as office:
            trimmer = Trimmer()
            trimmer.begin()
            thread = await asyncio.to_thread(threading.current_thread)
            keeping = Housekeeping(office, trimmer=trimmer)
            await keeping.once(keeping.frequent_jobs)
            await asyncio.to_thread(thread.join, 60)
            assert not thread.is_alive()

    asyncio.run(run())
