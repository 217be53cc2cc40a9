"""A delivery process from outside: its start, its messages, its end."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from postroom.admin.office import Office
from postroom.admin.open import open_office
from postroom.admin.outgoing.relays import UseView, Wanted, add
from postroom.config.delivery import Delivery
from postroom.config.model import Config, Dns, Log
from postroom.delivery.detached import Detached, NotStarted
from postroom.delivery.express import MOST, claimed_for
from postroom.delivery.finisher import Finished, Finisher
from postroom.delivery.handover import Concluded, Through, Trouble, encode
from postroom.delivery.troubles import Troubles
from postroom.ledger.rows import Fact
from postroom.message import headers
from postroom.post.commit import Post
from postroom.post.letter import Letter
from postroom.queue.rows import Outgoing, Queued
from postroom.queue.settling import Outcome, Settled
from rig.smtp import SmtpServer

OCTETS = b"From: x@y.test\r\nSubject: Hello\r\n\r\nHi.\r\n"
HOST = "127.0.0.1"


@contextlib.asynccontextmanager
async def opened(data: Path) -> AsyncIterator[tuple[Office, Detached, list[int]]]:
    """An office with a process that is yet to be started; and how many messages left by it."""
    config = Config(
        hostname="mx.home.test",
        data=str(data),
        dns=Dns(servers=("127.0.0.1:9",)),
        log=Log(console="none"),
    )
    async with open_office(config, node=0) as office:
        left: list[int] = []
        yield office, detached(office, config, left), left


def detached(office: Office, config: Config, left: list[int]) -> Detached:
    finish = Finisher(office.db, office.blobs, office.clock).finish
    return Detached(config, Troubles(), office.clock, left=left.append, finish=finish)


def letter_of(office: Office) -> Letter:
    head, body = headers.split(OCTETS)
    blob = office.blobs.writer().write_small(head, body)
    queued = Queued(office.ids.next(), blob.id, b"x@y.test", len(OCTETS), office.clock())
    outgoing = (Outgoing(queued.id, 0, b"you@b.test", "b.test"),)
    return Letter(blob=blob, queued=queued, outgoing=outgoing, content=(head, body))


def test_it_sends_what_it_is_handed_and_ends_in_order(data: Path) -> None:
    async def run() -> None:
        async with opened(data) as (office, process, left), SmtpServer() as sink:
            wanted = Wanted(host=HOST, port=sink.port, tls="none")
            await add(office, "sink", wanted, [UseView(kind="default")])
            assert process.admit(letter := letter_of(office)) is letter  # nobody is there yet
            await process.start()
            assert process.node == 1
            post = Post(office.db, office.blobs, office.notify, office.clock)
            post.express = process
            for _ in range(3):
                await post.commit(letter_of(office))
            process.hint(0)
            while await office.db.read(lambda tx: tx.all("SELECT number FROM delivery")):
                pass
            assert await process.stop(20)
            assert process.ended.is_set()
            assert [one.octets for one in sink.taken] == [OCTETS] * 3
            assert sum(left) == 3
            assert process.crashed == ()
            found = await office.db.read(lambda tx: tx.all("SELECT id FROM lease"))
            assert found == []
            assert process.admit(letter := letter_of(office)) is letter

    asyncio.run(run())


def test_it_takes_only_so_many(data: Path) -> None:
    async def run() -> None:
        async with opened(data) as (office, process, _):
            process.lease = 7
            letter = letter_of(office)
            for _ in range(MOST):
                admitted = process.admit(letter)
                assert admitted.outgoing[0].lease == 7
                process.take(admitted)
            assert process.admit(letter) is letter
            process.data_received(encode(Through(MOST, MOST * len(b"Hi.\r\n"))))
            assert process.admit(letter) is not letter
            process.data_received(encode(Trouble("b.test", office.clock() + 60_000)))
            assert process.admit(letter) is letter
            process.data_received(encode(Trouble("b.test", 0)))
            assert process.admit(letter) is not letter

    asyncio.run(run())


def test_what_it_concluded_is_written_here_also_after_its_death(data: Path) -> None:
    async def run() -> None:
        async with opened(data) as (office, process, _):
            await process.start()
            assert process.lease is not None
            post = Post(office.db, office.blobs, office.notify, office.clock)
            letter = claimed_for(letter_of(office), process.lease)
            await post.commit(letter)
            [one] = letter.outgoing
            done = Outcome(one.number, process.lease, one.destination, "done")
            end = Finished(Settled(one.queued_id, (done,)))
            odd = Fact(one.queued_id, 1, 0, "delivered", "\ud800")
            for number, result in enumerate([end, msgspec.structs.replace(end, facts=(odd,))]):
                process.hear(Concluded(number, (result,)))
            process.kill()
            await process.ended.wait()
            await process.written()
            assert await office.db.read(lambda tx: tx.all("SELECT number FROM delivery")) == []
            assert not await process.stop(1)

    asyncio.run(run())


def test_it_dies(data: Path) -> None:
    async def run() -> None:
        async with opened(data) as (_, process, _):
            await process.start()
            process.kill()
            await process.ended.wait()
            assert process.lease is None
            assert not await process.stop(1)

    asyncio.run(run())


def test_rubbish_from_it_is_its_end(data: Path) -> None:
    async def run() -> None:
        async with opened(data) as (_, process, _):
            await process.start()
            process.data_received(b"\0\0\0\1\xc1")
            await process.ended.wait()
            assert not await process.stop(1)

    asyncio.run(run())


def test_one_that_can_not_begin(data: Path) -> None:
    async def run() -> None:
        async with opened(data) as (office, _, _):
            delivery = Delivery(ca_file=str(data / "missing.pem"))
            config = msgspec.structs.replace(office.config, delivery=delivery)
            process = detached(office, config, [])
            with pytest.raises(NotStarted, match="before it had begun"):
                await process.start()
            assert not await process.stop(1)

    asyncio.run(run())


def test_signals_for_the_whole_group_do_not_end_it(data: Path) -> None:
    async def run() -> None:
        async with opened(data) as (_, process, _):
            await process.start()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                os.kill(process.pid, number)
            assert await process.stop(5)

    asyncio.run(run())
