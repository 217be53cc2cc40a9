"""A delivery process beside a real server: what it takes over, and what its death leaves."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from postroom.admin import accounts, aliases, domains
from postroom.admin.office import Office
from postroom.admin.outgoing import relays
from postroom.admin.outgoing.relays import UseView, Wanted
from postroom.app import App, serve
from postroom.config.delivery import Delivery, Process
from postroom.config.model import Config, Dns, Listen, Log
from postroom.delivery.detached import bench_of
from postroom.delivery.outlet import MUCH
from postroom.delivery.workbench import SLOTS
from postroom.queue.listing import stats
from postroom.queue.rows import CLAIMED, QUARANTINED
from postroom.telemetry import sink as telemetry
from rig.smtp import SmtpServer
from tests.children import children
from tests.databases import fresh
from tests.directory.keys import quick

HOST = "127.0.0.1"
B = "you@b.test"
OCTETS = b"From: x@y.test\r\nSubject: Hello\r\n\r\nHi.\r\n"
NODE = 1  # of the process

Scenario = Callable[[App, Office, SmtpServer], Awaitable[None]]


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """Of a fresh PostgreSQL database; None for SQLite."""
    if request.param == "sqlite":
        yield None
        return
    with fresh(request.getfixturevalue("postgres")) as made:
        yield made


def served(
    data: Path, scenario: Scenario, process: Process = "always", url: str | None = None
) -> None:
    """A server with a relay for everything; ``scenario`` is what happens to it."""

    async def ready(app: App, office: Office) -> None:
        async with SmtpServer(keeps_octets=False) as sink:
            wanted = Wanted(host=HOST, port=sink.port, tls="none")
            await relays.add(office, "sink", wanted, [UseView(kind="default")])
            await scenario(app, office, sink)
            app.stop()

    config = Config(
        hostname="mx.home.test",
        data=str(data),
        database=url,
        listen=(
            Listen(
                protocol="smtp", address=HOST, port=0, checks="none", relay_from=("127.0.0.0/8",)
            ),
        ),
        dns=Dns(servers=("127.0.0.1:9",)),
        delivery=Delivery(process=process),
        log=Log(console="none"),
    )
    serve(config, {}, ready)


@contextlib.asynccontextmanager
async def client(app: App) -> AsyncIterator[Callable[[str], Awaitable[None]]]:
    """Brings a message to somebody; returns once it was answered with 250."""
    reader, writer = await asyncio.open_connection(HOST, app.ports["smtp"])

    async def ask(line: bytes, code: bytes) -> None:
        writer.write(line)
        while True:
            reply = await reader.readline()
            assert reply.startswith(code), reply
            if reply[3:4] == b" ":
                return

    async def bring(recipient: str) -> None:
        await ask(b"MAIL FROM:<x@y.test>\r\n", b"250")
        await ask(f"RCPT TO:<{recipient}>\r\n".encode(), b"250")
        await ask(b"DATA\r\n", b"354")
        await ask(OCTETS + b".\r\n", b"250")

    await ask(b"", b"220")
    await ask(b"EHLO client\r\n", b"250")
    try:
        yield bring
    finally:
        writer.close()
        await writer.wait_closed()


async def until(holds: Callable[[], Awaitable[object]]) -> None:
    """Ask again until it holds."""
    for _ in range(200_000):
        if await holds():
            return
    raise AssertionError("it never held")


def rows(office: Office, sql: str) -> Callable[[], Awaitable[object]]:
    """Whether a count is more than none."""

    async def count() -> bool:
        row = await office.db.read(lambda tx: tx.one(sql))
        return bool(row and row[0])

    return count


def has_begun(office: Office) -> Callable[[], Awaitable[object]]:
    """The process has a lease."""
    return rows(office, f"SELECT count(*) FROM lease WHERE (id / 8192) % 256 = {NODE}")


def is_empty(office: Office) -> Callable[[], Awaitable[object]]:
    async def empty() -> bool:
        return not (await office.db.read(stats)).deliveries

    return empty


def has_counted(office: Office, event: str, times: int) -> Callable[[], Awaitable[object]]:
    async def counted() -> bool:
        await office.db.read(stats)
        emitter = telemetry.installed()
        return isinstance(emitter, telemetry.Sink) and emitter.counts.get(event) == times

    return counted


def delivery_processes() -> list[int]:
    """Those that this process has started."""
    return sorted(children("postroom.carrier"))


def test_messages_leave_by_the_process_and_it_ends_with_the_server(
    data: Path, url: str | None
) -> None:
    pids: list[int] = []

    async def scenario(app: App, office: Office, sink: SmtpServer) -> None:
        await until(has_begun(office))
        pids.extend(delivery_processes())
        async with client(app) as bring:
            for _ in range(5):
                await bring(B)
        await until(is_empty(office))
        assert len(sink.taken) == 5

        await until(has_counted(office, "message.delivered", 5))

    served(data, scenario, url=url)
    assert not Path(f"/proc/{pids[0]}").exists()
    assert bench_of(Config(hostname="x.test", data=str(data))).read_bytes() == bytes(8 * SLOTS)


def test_what_waits_in_the_queue_and_what_changes_reach_the_process(data: Path) -> None:
    async def scenario(app: App, office: Office, sink: SmtpServer) -> None:
        await until(has_begun(office))
        await domains.add(office, "home.test", generate=quick)
        bob = await accounts.add(office, "bob@home.test", password="bob-password-1")
        async with client(app) as bring:
            await bring(B)
            await until(is_empty(office))
            await relays.remove(office, "sink")
            await aliases.add(office, "two@home.test", ["a@b.test", "b@c.test"])
            office.notify.hint([0])
            await bring("two@home.test")  # for two destinations: claimed from the queue
        held = rows(office, "SELECT count(*) = 2 FROM delivery WHERE attempts > 0")
        await until(held)  # the relay is gone, and so is every other way
        assert len(sink.taken) == 1
        assert bob.address == "bob@home.test"

    served(data, scenario)


def test_a_process_that_is_killed_loses_nothing(data: Path, url: str | None) -> None:
    async def scenario(app: App, office: Office, sink: SmtpServer) -> None:
        await until(has_begun(office))
        go_on = asyncio.Event()
        sink.fault("END", go_on)
        async with client(app) as bring:
            for _ in range(3):
                await bring(B)
            claimed = f"SELECT count(*) = 3 FROM delivery WHERE status = {CLAIMED}"
            await until(rows(office, claimed))
            (victim,) = delivery_processes()
            os.kill(victim, signal.SIGKILL)
            await bring(B)  # perhaps before anybody has noticed
        go_on.set()
        await until(is_empty(office))
        assert {one.sender for one in sink.taken} == {"x@y.test"}
        assert len(sink.taken) >= 4
        await until(has_counted(office, "delivery.process.failed", 1))
        assert victim not in delivery_processes()

    served(data, scenario, url=url)


def test_a_message_that_kills_it_twice_is_put_aside(data: Path) -> None:
    async def scenario(app: App, office: Office, sink: SmtpServer) -> None:
        await until(has_begun(office))
        sink.fault("END", asyncio.Event())
        async with client(app) as bring:
            await bring(B)
        await until(rows(office, f"SELECT count(*) FROM delivery WHERE status = {CLAIMED}"))
        row = await office.db.write(lambda tx: tx.one("UPDATE queued SET crashes = 1 RETURNING id"))
        assert row is not None
        busy = int(row[0]).to_bytes(8, "little")
        with bench_of(app.config).open("r+b") as bench:  # as if it were signed at this moment
            bench.write(busy)
        os.kill(delivery_processes()[0], signal.SIGKILL)
        await until(rows(office, f"SELECT count(*) FROM delivery WHERE status = {QUARANTINED}"))

    served(data, scenario)


def test_it_comes_when_much_leaves(data: Path) -> None:
    async def scenario(app: App, office: Office, sink: SmtpServer) -> None:
        assert not await has_begun(office)()
        async with client(app) as bring:
            while not await has_begun(office)():
                for _ in range(MUCH):
                    await bring(B)
            before = len(sink.taken)
            await bring(B)
        await until(is_empty(office))
        assert len(sink.taken) > before

    served(data, scenario, "auto")


@pytest.mark.parametrize("process", ["never"])
def test_it_never_comes_when_it_must_not(data: Path, process: Process) -> None:
    async def scenario(app: App, office: Office, sink: SmtpServer) -> None:
        async with client(app) as bring:
            for _ in range(2 * MUCH):
                await bring(B)
        await until(is_empty(office))
        assert len(sink.taken) == 2 * MUCH
        assert not delivery_processes()

    served(data, scenario, process)
