"""Messages of strangers are shown to other programs: what is refused, and what is left then."""

import asyncio
import base64
from pathlib import Path

import msgspec
import pytest

from postroom.config.filters import Filter
from postroom.policy.filters import external
from postroom.protocol.smtp.replies import Reply
from tests.conftest import Opener
from tests.intake.desk import BOBS, LARGE, LETTER, Desk, desk, nothing_left, said, send
from tests.intake.test_examine import only_rejects
from tests.policy.filters.fakes import VIRUS, Clamd, Http, Talk, listening, silent, written

INFECTED = LETTER + VIRUS + b"\r\n"
HUGE = LARGE + b"".join(b"%070d\r\n" % number for number in range(40_000)) + VIRUS + b"\r\n"


async def brought(here: Desk, octets: bytes, talk: Talk, **settings: object) -> Reply:
    async with listening(talk) as place:
        one = Filter(**{"kind": "clamav", "address": written(place), **settings})  # type: ignore[arg-type]
        here.change(stages=external.stages([one], "mx.local.test"))
        client = here.open()
        await client.greet("client.example", esmtp=True)
        (answer,) = await send(client, "bob@local.test", octets=octets)
        await client.close()
        return answer


async def kinds(here: Desk) -> list[str]:
    rows = await here.db.read(lambda tx: tx.all("SELECT kind FROM reject ORDER BY id"))
    return [row[0] for row in rows]


@pytest.mark.parametrize("octets", [INFECTED, HUGE], ids=["small", "huge"])
def test_a_virus_is_refused(database: Opener, data: Path, octets: bytes) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            fake = Clamd()
            answer = await brought(here, octets, fake)
            assert said(answer) == "550 5.7.1"
            assert answer.lines == ("The message holds malware: Our.Test.Virus",)
            assert fake.seen == [octets]
            assert await here.inbox(here.bob) == []
            if octets is INFECTED:
                await only_rejects(here, 1)
                assert await kinds(here) == ["malware"]
            else:  # too large to be kept
                await nothing_left(here)
            clean = octets.replace(VIRUS, b"nothing")
            assert said(await brought(here, clean, fake)) == "250 2.0.0"
            (filed,) = await here.inbox(here.bob)
            assert filed.endswith(clean)

    asyncio.run(run())


def test_a_virus_is_junk_where_the_settings_say_so(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            answer = await brought(here, INFECTED, Clamd(), gravest="junk")
            assert said(answer) == "250 2.0.0"
            assert await here.inbox(here.bob) == []
            (junk,) = await here.inbox(here.bob, "Junk")
            assert junk.endswith(INFECTED)

    asyncio.run(run())


@pytest.mark.parametrize("octets", [INFECTED, HUGE], ids=["small", "huge"])
def test_a_filter_that_fails(database: Opener, data: Path, octets: bytes) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            answer = await brought(here, octets, silent, on_failure="defer")
            assert said(answer) == "451 4.7.1"
            await nothing_left(here)
            answer = await brought(here, octets, silent)
            assert said(answer) == "250 2.0.0"
            assert len(await here.inbox(here.bob)) == 1
            (note,) = [detail for kind, _, detail in await here.told(answer) if kind == "checked"]
            assert note.startswith("clamav: failed, went on without it: ")

    asyncio.run(run())


def test_rspamd_puts_a_message_off(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            fake = Http(b'{"action": "soft reject", "messages": {"smtp_message": "Later"}}')
            answer = await brought(here, HUGE, fake, kind="rspamd")
            assert (said(answer), answer.lines) == ("451 4.7.1", ("Later",))
            assert fake.body == HUGE
            assert b"\r\nRcpt: bob@local.test\r\n" in fake.head
            await nothing_left(here)

    asyncio.run(run())


def test_what_is_refused_as_spam_is_kept_as_such(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            fake = Http(b'{"action": "reject", "score": 20}')
            assert said(await brought(here, LETTER, fake, kind="rspamd")) == "550 5.7.1"
            script = 'require "reject"; reject "no";'
            await here.town.script("bob@local.test", script)
            for action in ("add header", "no action"):
                fake = Http(b'{"action": "%s"}' % action.encode())
                assert said(await brought(here, LETTER, fake, kind="rspamd")) == "550 5.7.1"
            assert await kinds(here) == ["spam", "spam", ""]

    asyncio.run(run())


def test_spamassassin_files_as_junk(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            spam = b"SPAMD/1.1 0 EX_OK\r\nSpam: True ; 9.1 / 5.0\r\n\r\nGTUBE"
            answer = await brought(here, LETTER, Http(raw=spam), kind="spamassassin")
            assert said(answer) == "250 2.0.0"
            (junk,) = await here.inbox(here.bob, "Junk")
            assert b"GTUBE" in junk.partition(b"\r\n\r\n")[0]
            assert (
                b"Received: from client.example" in junk
            )  # ours; what spamd was told is not filed
            assert junk.count(b"Return-Path:") == 1

    asyncio.run(run())


def test_a_program_of_ones_own_refuses(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            fake = Http(b'{"action": "refuse", "reason": "Not today\\r\\n250 OK"}')
            answer = await brought(here, HUGE, fake, kind="http", target="/judge")
            assert answer.encode() == b"550 5.7.1 Not today??250 OK\r\n"
            assert base64.b64decode(msgspec.json.decode(fake.body)["message"]) == HUGE
            await nothing_left(here)

    asyncio.run(run())


@pytest.mark.parametrize("way", ["login", "relay"])
def test_what_people_here_send(database: Opener, data: Path, way: str) -> None:
    async def run() -> None:
        async with desk(database, data) as here, listening(fake := Clamd()) as place:
            one = Filter(kind="clamav", address=written(place), sees="outgoing")
            here.change(
                stages=external.stages([one], "mx.local.test"),
                outgoing=external.stages([one], "mx.local.test", is_outgoing=True),
            )
            client = await here.logged_in(here.bob) if way == "login" else here.open(relay=True)
            infected = BOBS + VIRUS + b"\r\n"
            for recipients in (["ann@client.example"], ["ann@client.example", "alice@local.test"]):
                (answer,) = await send(
                    client, *recipients, octets=infected, sender="bob@local.test"
                )
                assert said(answer) == "550 5.7.1"
                assert await here.queue() == []
                assert await here.inbox(here.alice) == []
            (answer,) = await send(
                client, "ann@client.example", octets=BOBS, sender="bob@local.test"
            )
            assert said(answer) == "250 2.0.0"
            assert [name for name, _ in await here.queue()] == ["ann@client.example"]
            assert fake.seen == [infected, infected, BOBS]
            (head, _, _) = (await here.leaving())[0][1].partition(b"\r\n\r\n")
            assert b"Authentication-Results" not in head
            await client.close()

    asyncio.run(run())


def test_what_people_here_send_without_checks(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here, listening(fake := Clamd()) as place:
            one = Filter(kind="clamav", address=written(place), sees="both")
            here.change(outgoing=external.stages([one], "mx.local.test", is_outgoing=True))
            client = here.open(relay=True, checks=False)
            (answer,) = await send(client, "ann@client.example", octets=INFECTED)
            assert said(answer) == "250 2.0.0"
            assert fake.seen == []
            await client.close()

    asyncio.run(run())
