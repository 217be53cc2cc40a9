"""What may follow what on a connection with PIPELINING, as the other server sees it."""

import asyncio

from postroom.delivery.peer import Demand
from rig.smtp import SmtpServer
from tests.delivery.sinks import Outcomes, connected, parcel
from tests.listen.loops import both_loops, run


async def _hesitate(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that answers the end of a message when it has seen the next one begin."""
    writer.write(b"220 sink.test\r\n")
    await reader.readline()
    writer.write(b"250-sink.test\r\n250 PIPELINING\r\n")
    for number in range(3):
        assert [(await reader.readline())[:4] for _ in range(3)] == [b"MAIL", b"RCPT", b"DATA"]
        if number:
            writer.write(b"250 2.0.0 Taken\r\n")
        writer.write(b"250 OK\r\n250 OK\r\n354 Go on\r\n")
        await reader.readuntil(b"\r\n.\r\n")
    writer.write(b"250 2.0.0 Taken\r\n")
    await reader.read()
    writer.close()
    await writer.wait_closed()


@both_loops
def test_the_next_message_stands_right_behind_the_last_dot(loop: str) -> None:
    async def main() -> None:
        over = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await _hesitate(reader, writer)
            over.set()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server, asyncio.timeout(60):
            sink = SmtpServer(port=server.sockets[0].getsockname()[1])
            peer = await connected(sink)
            await peer.open(Demand())
            done = Outcomes()
            assert await peer.send([parcel(key) for key in range(3)], done) == []
            assert done == {key: ["250 2.0.0 Taken"] for key in range(3)}
            peer.close()
            await over.wait()

    run(loop, main())
