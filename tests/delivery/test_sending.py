"""Messages on one way: hosts, connections, and what servers do to them."""

import asyncio
import contextlib
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from postroom.delivery.providers import provider_of
from postroom.telemetry.events import DestinationPaused, MessageDeferred
from rig.smtp import OFFERS, Act, Answer, SmtpServer
from tests.conftest import Opener
from tests.delivery.station import ALICE, OCTETS, Station, alone, notice_of, station
from tests.fakes import Recorder


@contextlib.asynccontextmanager
async def first_host(here: Station) -> AsyncIterator[SmtpServer]:
    """mx1.d.test, the better host of d.test."""
    async with SmtpServer(name="mx1.d.test", host="127.0.0.2", port=here.sink.port) as first:
        yield first


def numbered(number: int) -> bytes:
    return OCTETS + b"number %d\r\n" % number


def numbers(sink: SmtpServer) -> list[int]:
    """The numbers of the messages that were taken, in order."""
    return [int(one.octets.split()[-1]) for one in sink.taken]


def test_idle_connections_count_to_the_limit_of_a_provider(data: Path, tmp_path: Path) -> None:
    """More domains than connections, each at a host of its own with one provider."""

    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            provider = provider_of("mta1.am0.yahoodns.net")
            assert provider is not None
            domains = [f"y{number}.test" for number in range(2 * provider.connections)]
            for number, domain in enumerate(domains):
                host = f"mta{number}.am0.yahoodns.net"
                here.dns.zone = {
                    **here.dns.zone,
                    (domain, "MX"): [f"10 {host}."],
                    (host, "A"): ["127.0.0.1"],
                }
            for _ in range(2):
                for domain in domains:
                    await here.send(f"you@{domain}")
                await here.run()
            assert len(here.sink.taken) == 2 * len(domains)
            assert here.sink.most_at_once == provider.connections

    asyncio.run(run())


# Hosts


@pytest.mark.parametrize(
    ("event", "answer", "told"),
    [
        ("GREETING", "554 5.7.1 Listed", "451 4.7.1 mx.b.test turns us away: 554 5.7.1 Listed"),
        ("GREETING", "554 No", "451 mx.b.test turns us away: 554 No"),
        ("GREETING", "421 4.3.2 Closed", "mx.b.test: 421 4.3.2 Closed"),
        ("EHLO", Act.DROP, "451 4.4.2 The server closed the connection (at mx.b.test)"),
        ("RCPT", Act.DROP, "451 4.4.2 The server closed the connection (at mx.b.test)"),
        ("RCPT", "450 4.2.1 Later", "mx.b.test: 450 4.2.1 Later"),
    ],
)
def test_the_story_names_the_host_and_its_words(
    event: str, answer: Answer, told: str, data: Path, tmp_path: Path
) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.fault(event, answer)
            ident = await here.send("you@b.test")
            await here.run()
            assert (await here.facts(ident))[-1] == ("deferred", "you@b.test", told)

    asyncio.run(run())


def test_the_better_host_gets_it(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here, first_host(here) as first:
            await here.send("you@d.test")
            await here.run()
            assert (len(first.taken), here.sink.conversations) == (1, [])
            assert await here.waiting() == []

    asyncio.run(run())


@pytest.mark.parametrize(
    ("event", "answer"),
    [
        ("GREETING", "421 4.3.2 Not now"),
        ("GREETING", "554 5.7.1 Never"),
        ("GREETING", Act.DROP),
        ("EHLO", "451 4.3.0 Wait"),
        ("EHLO", "554 5.7.1 Not you"),
        ("MAIL", Act.DROP),
    ],
)
def test_the_next_host_gets_what_the_first_one_does_not_begin(
    event: str, answer: Answer, data: Path, tmp_path: Path
) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here, first_host(here) as first:
            first.offers = ("PIPELINING",)
            first.fault(event, answer)
            if event == "EHLO":
                first.fault("HELO", answer)
            await here.send("you@d.test")
            await here.run()
            assert (len(first.received), len(here.sink.taken)) == (0, 1)
            assert await here.waiting() == []
            assert (await here.destination("d.test"))[:3] == (6, 0, 0)

    asyncio.run(run())


def test_the_next_host_gets_it_when_nobody_is_at_the_first(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            await here.send("you@d.test")
            await here.run()
            assert len(here.sink.taken) == 1

    asyncio.run(run())


def test_all_refuse_us_for_good_and_it_waits_nevertheless(
    data: Path, tmp_path: Path, events: Recorder
) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.fault("GREETING", "554 5.7.1 Never")
            await here.send("you@b.test")
            await here.run()
            [one] = await here.waiting()
            assert (one.attempts, one.reply) == (
                1,
                "451 4.7.1 mx.b.test turns us away: 554 5.7.1 Never",
            )
            assert one.next_attempt - here.clock() == 5 * 60_000
            assert await here.destination("b.test") == (1, 1, 60, 1)
            [paused] = events.of(DestinationPaused)
            assert (paused.destination, paused.seconds) == ("b.test", 60)

    asyncio.run(run())


def test_what_is_learnt_from_the_first_host_does_not_go_to_the_second(
    data: Path, tmp_path: Path
) -> None:
    """Its 4yz and 5yz to a recipient are answers."""

    async def run() -> None:
        async with station(alone(tmp_path), data) as here, first_host(here) as first:
            first.fault("RCPT no@d.test", "550 5.1.1 Nobody")
            first.fault("RCPT later@d.test", "451 4.2.0 Later")
            await here.send("you@d.test", "no@d.test", "later@d.test")
            await here.run()
            assert here.sink.conversations == []
            assert [one.recipient for one in await here.waiting()] == ["later@d.test"]
            assert [one.recipients for one in first.taken] == [["you@d.test"]]

    asyncio.run(run())


# Connections


def test_a_connection_is_used_again(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            for number in range(3):
                await here.send("you@b.test", octets=numbered(number))
                await here.run()
            assert numbers(here.sink) == [0, 1, 2]
            assert len(here.sink.conversations) == 1

    asyncio.run(run())


@pytest.mark.parametrize("offers", [OFFERS, ("PIPELINING",), ()])
@pytest.mark.parametrize("answer", ["421 4.4.2 Idle for too long", Act.DROP])
def test_one_that_was_closed_meanwhile_costs_nothing(
    offers: tuple[str, ...], answer: Answer, data: Path, tmp_path: Path
) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.offers = offers
            await here.send("you@b.test", octets=numbered(0))
            await here.run()
            here.sink.fault("MAIL", answer, times=1)
            await here.send("you@b.test", octets=numbered(1))
            await here.run()
            assert numbers(here.sink) == [0, 1]
            assert await here.waiting() == []

    asyncio.run(run())


@pytest.mark.parametrize("limit", ["offered", "kept", "configured"])
def test_so_many_messages_over_one_connection(limit: str, data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        most = 2 if limit == "configured" else 100
        async with station(alone(tmp_path), data, max_messages=most) as here:
            if limit == "offered":
                here.sink.offers = (*OFFERS, "LIMITS MAILMAX=2")
            if limit == "kept":
                here.sink.mailmax = 2
            for number in range(5):
                await here.send("you@b.test", octets=numbered(number))
            await here.until_quiet()
            assert sorted(numbers(here.sink)) == list(range(5))
            assert await here.waiting() == []
            if limit != "kept":
                assert len(here.sink.conversations) == 3

    asyncio.run(run())


@pytest.mark.parametrize("is_told", [True, False])
def test_so_many_recipients_in_one_transaction(
    is_told: bool,
    data: Path,
    tmp_path: Path,
) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.rcptmax = 2
            if is_told:
                here.sink.offers = (*OFFERS, "LIMITS RCPTMAX=2")
            everybody = [f"u{number}@b.test" for number in range(5)]
            await here.send(*everybody)
            await here.run()
            assert [len(one.recipients) for one in here.sink.taken] == [2, 2, 1]
            assert sorted([who for one in here.sink.taken for who in one.recipients]) == everybody
            assert await here.waiting() == []

    asyncio.run(run())


def test_no_more_recipients_than_configured(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data, max_recipients=3) as here:
            await here.send(*[f"u{number}@b.test" for number in range(7)])
            await here.run()
            assert [len(one.recipients) for one in here.sink.taken] == [3, 3, 1]

    asyncio.run(run())


# Trouble


def test_421_in_the_middle_puts_the_rest_back(
    database: Opener, data: Path, events: Recorder
) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            here.sink.offers = ("PIPELINING",)
            for number in range(4):
                await here.send("you@b.test", octets=numbered(number))
            here.sink.fault("RCPT", "421 4.3.2 Shutting down", times=1)
            await here.run()
            rows = await here.waiting()
            assert [one.attempts for one in rows] == [1, 0, 0, 0]
            assert [one.reply for one in rows] == ["421 4.3.2 Shutting down", "", "", ""]
            assert here.sink.received == []
            assert (await here.destination("b.test"))[:3] == (2, 0, 7)
            assert await here.leases() == 0
            here.advance(seconds=8)
            await here.run()
            assert numbers(here.sink) == [1, 2, 3]
            here.advance(seconds=300)
            await here.run()
            assert numbers(here.sink) == [1, 2, 3, 0]
            assert await here.waiting() == []
            assert len(events.of(MessageDeferred)) == 1

    asyncio.run(run())


def test_a_sender_that_is_refused_for_now_halves_the_pace(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.fault("MAIL", "451 4.7.1 Greylisted", times=1)
            await here.send("you@b.test")
            await here.run()
            [one] = await here.waiting()
            assert (one.attempts, one.reply) == (1, "451 4.7.1 Greylisted")
            assert (await here.destination("b.test"))[:3] == (2, 0, 7)
            await here.until_quiet()
            assert len(here.sink.taken) == 1

    asyncio.run(run())


@pytest.mark.parametrize("event", ["DATA", "CONTENT", "END", "BDAT"])
def test_what_was_cut_is_sent_again(event: str, data: Path, tmp_path: Path) -> None:
    """Before the last octet nothing was taken; after it, perhaps: it comes twice."""

    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            if event != "BDAT":
                here.sink.offers = ("PIPELINING",)
            here.sink.fault(event, Act.DROP, times=1)
            octets = OCTETS + b"large\r\n" * 20_000 if event == "CONTENT" else OCTETS
            await here.send("you@b.test", octets=octets)
            await here.send("me@b.test")
            await here.run()
            rows = await here.waiting()
            assert [(one.recipient, one.attempts) for one in rows] == [
                ("you@b.test", 1),
                ("me@b.test", int(event == "BDAT")),  # its chunk had left, too
            ]
            assert rows[0].reply == "451 4.4.2 The server closed the connection"
            assert len(here.sink.received) == (event in {"END", "BDAT"})
            assert (await here.destination("b.test"))[:3] == (2, 0, 7)
            await here.until_quiet()
            assert sorted(one.recipients[0] for one in here.sink.taken) == [
                "me@b.test",
                "you@b.test",
            ]
            assert await here.inbox(here.alice) == []

    asyncio.run(run())


def test_a_server_that_takes_one_and_is_gone_is_asked_again(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data, max_messages=1) as here:
            for number in range(3):
                await here.send("you@b.test", octets=numbered(number))
            here.sink.fault("GREETING", "421 4.7.0 One at a time", after=1)
            await here.run()
            assert numbers(here.sink) == [0]
            assert [one.attempts for one in await here.waiting()] == [0, 0]
            assert (await here.destination("b.test"))[:3] == (2, 0, 7)
            here.sink.heal()
            await here.until_quiet()
            assert sorted(numbers(here.sink)) == [0, 1, 2]

    asyncio.run(run())


@pytest.mark.parametrize("event", ["DATA", "END"])
def test_a_message_that_is_refused_for_now_does_not_hold_up_the_others(
    event: str, data: Path, tmp_path: Path
) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.offers = ("PIPELINING",)
            here.sink.fault(event, "451 4.3.0 Not this one", times=1)
            for number in range(3):
                await here.send("you@b.test", octets=numbered(number))
            await here.run()
            assert numbers(here.sink) == [1, 2]
            [one] = await here.waiting()
            assert (one.attempts, one.reply) == (1, "451 4.3.0 Not this one")
            await here.until_quiet()
            assert numbers(here.sink) == [1, 2, 0]

    asyncio.run(run())


# What a server can't take


async def bounced(here: Station) -> str:
    """The status of the only notice; nothing waits any more."""
    assert await here.waiting() == []
    [notice] = await here.inbox(here.alice)
    assert notice_of(notice) == ("Undelivered: Hello", "failed")
    return notice.decode().partition("\r\nStatus: ")[2].partition("\r\n")[0]


@pytest.mark.parametrize(
    ("offers", "recipient", "status"),
    [
        (("PIPELINING", "SIZE 100"), "you@b.test", "5.3.4"),
        (("PIPELINING",), "jörg@b.test", "5.6.7"),
    ],
)
def test_a_server_that_lacks_what_the_message_needs(
    offers: tuple[str, ...], recipient: str, status: str, data: Path, tmp_path: Path
) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.offers = offers
            await here.send(recipient)
            await here.run()
            assert await bounced(here) == status
            assert here.sink.verbs(0) == ["EHLO"]

    asyncio.run(run())


@pytest.mark.parametrize("size", [10, 100_000])
@pytest.mark.parametrize("trap", [b"\n.\nMAIL FROM:<x@x>\n", b"\r.\r\n", b"a\nb\r\n", b"\0\r\n"])
def test_smuggled_octets_bounce_at_once(trap: bytes, size: int, data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.offers = ("PIPELINING",)
            body = b"x\r\n" * size + trap
            writer = here.blobs.writer()
            await writer.write(body)
            head = b"Subject: Hello\r\n\r\n"
            await here.send("you@b.test", blob=await writer.finish(head), origin=1)
            await here.send("me@b.test")
            await here.until_quiet()
            assert await bounced(here) == "5.6.0"
            assert [one.recipients for one in here.sink.received] == [["me@b.test"]]
            assert all("x@x" not in line for line in here.sink.lines)

    asyncio.run(run())


def test_eight_bit_text_goes_as_seven_bit_to_who_wants_that(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.offers = ("PIPELINING",)
            octets = OCTETS.replace(
                b"\r\n\r\n", b"\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8"
                b"\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n", 1
            )  # fmt: skip
            await here.send("you@b.test", octets=octets, eightbit=True)
            await here.run()
            [one] = here.sink.taken
            assert one.octets.isascii()
            assert b"Gr=C3=BC=C3=9Fe" in one.octets
            assert one.parameters == []

    asyncio.run(run())


def test_parameters_reach_a_server_that_knows_them(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.offers = (*OFFERS, "SIZE 1000000")
            await here.send(
                "you@b.test",
                notify="SUCCESS,FAILURE",
                orcpt="rfc822;you@b.test",
                ret="HDRS",
                envid=b"QQ314159",
                eightbit=True,
            )
            await here.run()
            [one] = here.sink.taken
            assert set(one.parameters) == {
                f"SIZE={len(OCTETS)}", "BODY=8BITMIME", "RET=HDRS", "ENVID=QQ314159",
            }  # fmt: skip
            assert one.recipient_parameters == [
                ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;you@b.test"]
            ]
            assert one.sender == ALICE

    asyncio.run(run())


def test_a_large_message_takes_little_memory(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.keeps_octets = False
            line = b"0123456789" * 7 + b"\r\n"
            writer = here.blobs.writer()
            for _ in range(430):
                await writer.write(line * 1000)
            blob = await writer.finish(b"Subject: large\r\n\r\n")
            await here.send("you@b.test", blob=blob, origin=1)
            tracemalloc.start()
            try:
                await here.run()
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            [one] = here.sink.taken
            assert one.size == blob.head_size + blob.body_size > 30_000_000
            assert peak < 8_000_000

    asyncio.run(run())
