"""A watched peer against a real server on loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from postroom.admin.outgoing.visitor import Visitor
from postroom.delivery.peer import Demand, PeerFailed
from postroom.net.outbound import connect
from postroom.net.tls_client import ClientTls
from postroom.protocol.smtp import client_events as events
from tests.admin.relay_server import HOST, RelayServer
from tests.listen.loops import both_loops, run

PLAIN = Demand("none", "relay.test")
ENVELOPE = (b"MAIL FROM:<a@x.test>\r\n", b"RCPT TO:<b@y.test>\r\n")


@asynccontextmanager
async def visiting(server: RelayServer) -> AsyncIterator[Visitor]:
    tls = ClientTls()
    found = await connect([HOST], server.port, lambda: Visitor("mx.demo.test", tls))
    try:
        yield found.protocol
    finally:
        await found.protocol.leave()


@both_loops
def test_it_sees_what_the_server_does_and_takes_the_envelope_back(loop: str) -> None:
    async def main() -> None:
        async with RelayServer() as server:
            async with visiting(server) as visitor:
                assert visitor.is_at(PLAIN) == "greeting"
                await visitor.open(PLAIN)
                assert [type(one) for one in visitor.seen] == [events.Greeted, events.Ready]
                replies = await visitor.say(ENVELOPE, 5)
                assert [str(one) for one in replies] == ["250 2.1.0 fine", "250 2.1.5 fine"]
            assert server.lines == [
                "EHLO mx.demo.test", "MAIL FROM:<a@x.test>", "RCPT TO:<b@y.test>", "RSET", "QUIT",
            ]  # fmt: skip

    run(loop, main())


@pytest.mark.parametrize(
    ("replies", "said", "lines"),
    [
        ({"MAIL": "550 5.7.1 no"}, ["550 5.7.1 no"], ["MAIL", "RSET", "QUIT"]),
        (
            {"RCPT": "450 4.2.1 later"},
            ["250 2.1.0 fine", "450 4.2.1 later"],
            ["MAIL", "RCPT", "RSET", "QUIT"],
        ),
        (
            {"RCPT": ""},
            ["250 2.1.0 fine", "451 4.4.2 The server closed the connection"],
            ["MAIL", "RCPT"],
        ),
        ({"MAIL": None}, ["451 4.4.2 no answer in 0.5 seconds"], ["MAIL"]),
        ({"MAIL": "421 4.3.2 going"}, ["421 4.3.2 going"], ["MAIL"]),
        (
            {"MAIL": "what"},
            ["451 4.5.0 the server broke the protocol: this is no reply of a mail server: 'what'"],
            ["MAIL"],
        ),
        (
            {"RSET": None},
            ["250 2.1.0 fine", "250 2.1.5 fine"],
            ["MAIL", "RCPT", "RSET"],
        ),
    ],
)
def test_the_envelope_has_an_outcome_whatever_the_server_does(
    replies: dict[str, str | None], said: list[str], lines: list[str]
) -> None:
    seconds = 0.5 if None in replies.values() else 10

    async def main() -> None:
        async with RelayServer(replies=replies) as server:
            async with visiting(server) as visitor:
                await visitor.open(PLAIN)
                assert [str(one) for one in await visitor.say(ENVELOPE, seconds)] == said
            await asyncio.sleep(0)
            assert [line.partition(" ")[0] for line in server.lines[1:]] == lines

    run("asyncio", main())


@pytest.mark.parametrize(
    ("replies", "demand", "stage"),
    [
        ({"": "554 5.7.1 not you"}, PLAIN, "greeting"),
        ({"": ""}, PLAIN, "greeting"),
        ({"EHLO": "550 no", "HELO": "550 no"}, PLAIN, "ehlo"),
        ({"EHLO": ""}, PLAIN, "ehlo"),
        ({}, Demand("must", "relay.test"), "tls"),
        ({"STARTTLS": "454 4.7.0 no"}, Demand("must", "relay.test"), "tls"),
    ],
)
def test_it_knows_where_it_stopped(
    replies: dict[str, str | None], demand: Demand, stage: str
) -> None:
    async def main() -> None:
        async with RelayServer(replies=replies) as server, visiting(server) as visitor:
            with pytest.raises(PeerFailed):
                await visitor.open(demand)
            assert visitor.is_at(demand) == stage

    run("asyncio", main())
