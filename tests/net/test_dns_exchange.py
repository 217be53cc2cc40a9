"""Single tries at real servers on loopback, on both event loops."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator

import dns.message

from postroom.net.dns_exchange import Outcome, Silence, over_tcp, over_udp
from postroom.net.dns_message import Again, Failure, Query
from postroom.net.dns_records import Answer, Kind, wire_name
from postroom.net.dns_servers import Server, parse
from rig.dns import DnsServer, Fault
from tests.listen.loops import both_loops, run
from tests.net.street import serving

ZONE = {
    ("a.test", "A"): ["192.0.2.1"],
    ("big.test", "TXT"): ["x" * 3_000, "y" * 50_000],
}


def asked(name: str = "a.test", kind: Kind = "A") -> Query:
    return Query(wire_name(name), kind, ident=99, cases=0b1010)


def found(outcome: Outcome) -> tuple[object, ...]:
    assert isinstance(outcome, Answer)
    return outcome.records


@both_loops
def test_an_answer_over_udp_and_over_tcp(loop: str) -> None:
    async def main() -> None:
        async with DnsServer(ZONE) as rig:
            server = parse(rig.address)
            assert found(await over_udp(server, asked(), 5)) == ("192.0.2.1",)
            assert found(await over_tcp(server, asked(), 5)) == ("192.0.2.1",)
            big = asked("big.test", "TXT")
            assert found(await over_tcp(server, big, 5)) == (b"x" * 3_000, b"y" * 50_000)
            assert [one.over_tcp for one in rig.queries] == [False, True, True]

    run(loop, main())


def test_the_flag_of_authenticated_data_is_believed_on_this_machine_only() -> None:
    async def main() -> None:
        async with DnsServer(ZONE, is_authentic=True) as rig:
            server = parse(rig.address)
            for its, expected in ((server, True), (Server(server.host, server.port), False)):
                for ask in (over_udp, over_tcp):
                    outcome = await ask(its, asked(), 5)
                    assert isinstance(outcome, Answer)
                    assert outcome.is_authenticated is expected

    run("asyncio", main())


@both_loops
def test_silence_ends_after_the_time_given(loop: str) -> None:
    async def main() -> None:
        async with DnsServer(ZONE, faults={("", ""): Fault.SILENT}) as rig:
            for ask in (over_udp, over_tcp):
                outcome = await ask(parse(rig.address), asked(), 0.05)
                assert isinstance(outcome, Silence)
                assert rig.address in outcome.reason
                assert "did not answer" in outcome.reason

    run(loop, main())


@both_loops
def test_nobody_there(loop: str) -> None:
    async def main() -> None:
        async with DnsServer() as rig:
            server = parse(rig.address)
        for ask in (over_udp, over_tcp):
            outcome = await ask(server, asked(), 5)
            assert isinstance(outcome, Silence)
            assert "can't be asked" in outcome.reason
            assert "refused" in outcome.reason

    run(loop, main())


@both_loops
def test_junk_that_comes_first_does_not_win(loop: str) -> None:
    def junk(query: bytes) -> list[bytes]:
        answer = rig.answer(query, over_tcp=False)
        assert answer is not None
        other = bytes([answer[0] ^ 1]) + answer[1:]
        forged = answer[:-4] + b"\1\2\3\4"
        return [
            b"",
            b"x",
            query,
            other,
            forged[:2] + b"\x81" + forged[3:-1],
            answer[:-2],
            b"z" * 5_000,
        ]

    async def main() -> None:
        async with rig:
            assert found(await over_udp(parse(rig.address), asked(), 5)) == ("192.0.2.1",)

    rig = DnsServer(ZONE, junk=junk)
    run(loop, main())


def test_nothing_but_junk_is_silence() -> None:
    async def main() -> None:
        faults = {("", ""): Fault.GARBAGE}
        async with DnsServer(ZONE, faults=faults) as rig:
            outcome = await over_udp(parse(rig.address), asked(), 0.05)
            assert isinstance(outcome, Silence)
            assert "1 replies were malformed" in outcome.reason
            outcome = await over_tcp(parse(rig.address), asked(), 5)
            assert isinstance(outcome, Failure)
            assert "no valid reply" in outcome.reason

    run("asyncio", main())


def test_only_the_server_itself_can_answer() -> None:
    """A forger who knows id, question and port, but has another address."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        query = asked()
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as forger,
        ):
            asker.setblocking(False)
            asker.bind(("127.0.0.1", 0))
            forger.bind(("127.0.0.1", 0))
            server = Server("127.0.0.1", asker.getsockname()[1])
            task = asyncio.create_task(over_udp(server, query, 5))
            octets, peer = await loop.sock_recvfrom(asker, 4096)
            assert octets == query.octets
            message = dns.message.make_response(dns.message.from_wire(octets))
            forger.sendto(message.to_wire(), peer)
            true = DnsServer(ZONE).answer(octets, over_tcp=False)
            assert true is not None
            asker.sendto(true, peer)
            assert found(await task) == ("192.0.2.1",)

    run("asyncio", main())


def test_truncated_and_without_edns() -> None:
    async def main() -> None:
        faults = {("a.test", ""): Fault.TRUNCATED, ("b.test", ""): Fault.NO_EDNS}
        async with DnsServer(ZONE, faults=faults) as rig:
            server = parse(rig.address)
            assert await over_udp(server, asked(), 5) is Again.OVER_TCP
            assert await over_udp(server, asked("big.test", "TXT"), 5) is Again.OVER_TCP
            assert await over_udp(server, asked("b.test"), 5) is Again.WITHOUT_EDNS

    run("asyncio", main())


@contextlib.asynccontextmanager
async def tcp_that_sends(octets: bytes) -> AsyncIterator[Server]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(20)
        writer.write(octets)

    async with serving(serve) as port:
        yield Server("127.0.0.1", port)


@both_loops
def test_a_connection_that_ends_too_early(loop: str) -> None:
    async def main() -> None:
        for octets in (b"", b"\0", struct.pack(">H", 100) + b"x" * 99):
            async with tcp_that_sends(octets) as server:
                outcome = await over_tcp(server, asked(), 5)
                assert isinstance(outcome, Silence)
                assert "can't be asked over TCP" in outcome.reason

    run(loop, main())


@both_loops
def test_a_try_can_be_cancelled(loop: str) -> None:
    async def main() -> None:
        async with DnsServer(ZONE, held=asyncio.Event()) as rig:
            for ask in (over_udp, over_tcp):
                task = asyncio.create_task(ask(parse(rig.address), asked(), 5))
                await rig.asked.wait()
                rig.asked.clear()
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
                assert task.cancelled()

    run(loop, main())
