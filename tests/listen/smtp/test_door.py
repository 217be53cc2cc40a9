"""The door over sockets: writes, deadlines, TLS, ends. Dialogues are in transcripts."""

import asyncio
import base64

import pytest

from postroom.errors import OutcomeUnknown, StorageFailed
from postroom.listen.door import HASTY_SECONDS
from postroom.listen.listener import Listener
from postroom.listen.smtp.door import SmtpDoor
from postroom.net.sockets import listeners
from postroom.protocol.smtp.settings import Settings
from postroom.telemetry.session_events import ConnectionClosed, SessionFailed, TlsFailed
from tests.fakes import Recorder
from tests.listen.loops import both_loops, run
from tests.listen.smtp.desk import PASSWORD, Client, House

PORT_25 = Settings(hostname="mx.test", offers_tls=True, max_message=50_000_000)
SUBMISSION = Settings(hostname="mx.test", auth="tls", requires_login=True, offers_tls=True)
ENVELOPE = ("MAIL FROM:<a@b.test>", "RCPT TO:<alice@local.test>", "DATA")
LOGIN = base64.b64encode(f"\0alice@local.test\0{PASSWORD}".encode()).decode()


async def greeted(client: Client) -> None:
    assert (await client.line()).startswith("220 ")
    assert (await client.say("EHLO c.test"))[-1] == "250 HELP"


@both_loops
def test_replies_of_a_group_go_out_in_one_write(loop: str) -> None:
    writes: list[bytes] = []

    class Counting(SmtpDoor):
        def write(self, octets: bytes) -> None:
            if octets:
                writes.append(octets)
            super().write(octets)

    async def main() -> None:
        house = House(PORT_25)
        listener = Listener(listeners("127.0.0.1", 0), lambda: Counting(house.settings))
        await listener.open()
        house.port = listener.port
        async with house.client() as client:
            await greeted(client)
            writes.clear()
            await client.say(*ENVELOPE)
            assert len(writes) == 1
            assert (await client.say("Hi\r\n."))[0].startswith("250 2.0.0")
            assert (await client.say("QUIT"))[0].startswith("221")
            assert await client.rest() == ""
            assert len(writes) == 3
        await listener.close()
        await house.connections.drain(1)

    run(loop, main())


@both_loops
def test_a_large_message_comes_in_blocks(loop: str) -> None:
    content = b"x" * 998 + b"\r\n"

    async def main() -> None:
        async with House(PORT_25).open() as house, house.client() as client:
            await greeted(client)
            await client.say(*ENVELOPE)
            await client.send(content * 5000)
            assert (await client.say("."))[0] == "250 2.0.0 Accepted, number 1"
            (message,) = house.desk.messages
            assert message.content == content * 5000

    run(loop, main())


@both_loops
def test_silence_ends_with_421(loop: str, events: Recorder) -> None:
    async def main() -> None:
        async with House(PORT_25, idle_seconds=60).open() as house, house.client() as client:
            await greeted(client)
            await house.later(60)
            assert "421 4.4.2 Waited too long\r\n" in await client.rest()

    run(loop, main())
    assert events.of(ConnectionClosed)[0].reason == "Waited too long"


@both_loops
def test_half_a_line_does_not_buy_time(loop: str) -> None:
    """Threat D1: an octet now and then holds no connection."""

    async def main() -> None:
        async with House(PORT_25, idle_seconds=60).open() as house, house.client() as client:
            await greeted(client)
            rest = asyncio.create_task(client.rest())
            for octet in b"NOOPNO":
                await client.send(bytes([octet]))
                await house.later(9.9)
            assert not rest.done()
            await house.later(1)
            assert await rest == "421 4.4.2 Waited too long\r\n"

    run(loop, main())


@both_loops
def test_a_message_that_dribbles_ends_with_421(loop: str) -> None:
    async def main() -> None:
        async with House(PORT_25, idle_seconds=60).open() as house, house.client() as client:
            await greeted(client)
            await client.say(*ENVELOPE)
            rest = asyncio.create_task(client.rest())
            for _ in range(6):
                await client.send(b"x")
                await house.later(9.9)
            assert not rest.done()
            await house.later(1)
            assert await rest == "421 4.4.2 The message comes too slowly\r\n"
            assert house.desk.messages == []

    run(loop, main())


@both_loops
def test_steady_commands_are_never_late(loop: str) -> None:
    async def main() -> None:
        async with House(PORT_25, idle_seconds=60).open() as house, house.client() as client:
            await greeted(client)
            for _ in range(10):
                await house.later(59)
                assert await client.say("NOOP") == ["250 2.0.0 OK"]

    run(loop, main())


@both_loops
def test_starttls(loop: str) -> None:
    async def main() -> None:
        async with House(SUBMISSION, protocol="submission").open() as house:
            async with house.client() as client:
                await greeted(client)
                assert await client.say("STARTTLS") == ["220 2.0.0 Ready to start TLS"]
                await client.start_tls()
                lines = await client.say("EHLO c.test")
                assert "250-AUTH SCRAM-SHA-256 PLAIN LOGIN" in lines
                assert not [line for line in lines if "STARTTLS" in line]
                assert (await client.say(f"AUTH PLAIN {LOGIN}"))[0].startswith("235")
                assert house.desk.mechanism == "PLAIN"
                assert (await client.say(*ENVELOPE))[0].startswith("354")
                assert (await client.say("Hi\r\n."))[0].startswith("250 2.0.0")
                assert (await client.say("QUIT"))[0].startswith("221")
            plain, inside = house.desk.peers
            assert plain.tls == ""
            assert inside.tls.startswith("TLSv1.3 TLS_")
            assert plain.session == inside.session

    run(loop, main())


@both_loops
@pytest.mark.parametrize("is_next", [False, True])
def test_octets_behind_starttls_are_never_commands(loop: str, is_next: bool) -> None:
    """Threat S4: in the same packet 554, in the next one a handshake that fails."""

    async def main() -> None:
        async with House(PORT_25).open() as house, house.client() as client:
            await greeted(client)
            if is_next:
                assert await client.say("STARTTLS") == ["220 2.0.0 Ready to start TLS"]
                await client.send(b"MAIL FROM:<evil@x.test>\r\n")
                assert "250" not in await client.rest()
            else:
                await client.send(b"STARTTLS\r\nMAIL FROM:<evil@x.test>\r\n")
                assert (await client.rest()).startswith("554 ")
            assert len(house.desk.peers) == 1

    run(loop, main())


@both_loops
def test_a_failed_handshake_ends_the_session(loop: str, events: Recorder) -> None:
    async def main() -> None:
        async with House(PORT_25).open() as house, house.client() as client:
            await greeted(client)
            await client.say("STARTTLS")
            await client.send(b"EHLO again.test\r\nEHLO again.test\r\n")
            assert "250" not in await client.rest()
            assert house.desk.closed >= 1

    run(loop, main())
    assert len(events.of(TlsFailed)) == 1
    assert events.of(SessionFailed) == []


@both_loops
def test_implicit_tls(loop: str) -> None:
    async def main() -> None:
        house = House(SUBMISSION, protocol="submissions", implicit_tls=True)
        async with house.open(), house.client(tls=True) as client:
            await greeted(client)
            assert await client.say("STARTTLS") == ["503 5.5.1 TLS is on already"]
            assert (await client.say(f"AUTH PLAIN {LOGIN}"))[0].startswith("235")
            assert house.desk.peers[0].tls.startswith("TLSv1.3")
            assert house.desk.peers[0].door == "submissions"

    run(loop, main())


@both_loops
def test_a_banned_network_does_not_get_to_the_submission_door(loop: str) -> None:
    async def main() -> None:
        async with House(SUBMISSION, protocol="submission").open() as house:
            login = house.settings.login
            login.unwelcome = lambda address: f"no {address}"  # type: ignore[method-assign]
            async with house.client() as client:
                assert await client.rest() == "421 4.7.0 Please try again later: no 127.0.0.1\r\n"

    run(loop, main())


@both_loops
def test_too_many_connections(loop: str) -> None:
    async def main() -> None:
        async with House(PORT_25, total=1).open() as house, house.client() as first:
            await greeted(first)
            async with house.client() as second:
                assert (await second.rest()).startswith("421 4.7.0 Too many connections")
            assert await first.say("NOOP") == ["250 2.0.0 OK"]

    run(loop, main())


@both_loops
def test_a_fault_costs_the_session_and_not_the_message(loop: str, events: Recorder) -> None:
    async def main() -> None:
        async with House(PORT_25).open() as house, house.client() as client:
            house.desk.fault = RuntimeError("on purpose")
            await greeted(client)
            await client.say(*ENVELOPE)
            assert await client.say(".") == ["421 4.3.0 Local error, please try again"]
            assert await client.rest() == ""
            assert house.desk.closed == 1

    run(loop, main())
    assert "on purpose" in events.of(SessionFailed)[0].traceback


@both_loops
def test_a_mail_error_at_the_end_of_a_message_is_its_reply(loop: str) -> None:
    lmtp = Settings(hostname="mx.test", dialect="LMTP")

    async def main() -> None:
        async with House(lmtp, protocol="lmtp").open() as house, house.client() as client:
            house.desk.fault = StorageFailed(detail="disk")
            await client.line()
            await client.say("LHLO c.test")
            await client.say(
                "MAIL FROM:<>", "RCPT TO:<alice@local.test>", "RCPT TO:<bob@local.test>"
            )
            await client.say("DATA")
            await client.send(b".\r\n")
            assert await client.lines(2) == ["451 4.3.0 Local error, please try again"] * 2
            assert await client.say("NOOP") == ["250 2.0.0 OK"]

    run(loop, main())


@both_loops
def test_a_message_of_which_nobody_knows_is_answered_neither_way(loop: str) -> None:
    """RFC 5321 §4.2.5: after 250 it must be there, after 451 it must never come."""

    async def main() -> None:
        async with House(PORT_25).open() as house, house.client() as client:
            house.desk.fault = OutcomeUnknown(detail="disk")
            await greeted(client)
            await client.say(*ENVELOPE)
            await client.send(b".\r\n")
            assert await client.rest() in {"", "(reset)"}
            assert house.desk.closed == 1

    run(loop, main())


@both_loops
def test_a_client_that_leaves_in_the_middle_leaves_nothing(loop: str) -> None:
    async def main() -> None:
        async with House(PORT_25).open() as house:
            async with house.client() as client:
                await greeted(client)
                await client.say(*ENVELOPE)
                await client.send(b"Subject: half\r\n")
            for _ in range(500):
                if house.desk.closed:
                    break
                await asyncio.sleep(0.01)
            assert house.desk.closed == 1
            assert house.desk.messages == []

    run(loop, main())


@both_loops
def test_a_client_that_half_closes_is_answered(loop: str) -> None:
    async def main() -> None:
        async with House(PORT_25).open() as house, house.client() as client:
            await greeted(client)
            await client.send(b"NOOP\r\nQUIT\r\n")
            client.writer.write_eof()
            assert await client.rest() == "250 2.0.0 OK\r\n221 2.0.0 Bye\r\n"

    run(loop, main())


@both_loops
def test_going_down_lets_a_message_finish(loop: str) -> None:
    async def main() -> None:
        async with House(PORT_25).open() as house:
            house.desk.hold = asyncio.Event()
            async with house.client() as busy, house.client() as idle, house.client() as reading:
                for client in (busy, idle, reading):
                    await greeted(client)
                    if client is not idle:
                        await client.say(*ENVELOPE)
                await busy.send(b"Hi\r\n.\r\n")
                await asyncio.sleep(0.05)
                draining = asyncio.create_task(house.connections.drain(60))
                assert (
                    await idle.rest()
                    == "421 4.3.2 The server is going down, please try again later\r\n"
                )
                house.desk.hold.set()
                assert (await busy.line()).startswith("250 2.0.0 Accepted")
                assert (await busy.rest()).startswith("421 4.3.2")
                await reading.send(b"Hi\r\n.\r\n")
                assert (await reading.line()).startswith("250 2.0.0 Accepted")
                assert (await reading.rest()).startswith("421 4.3.2")
                await house.later(HASTY_SECONDS)  # the idle one has not closed its side
                await draining
                assert len(house.desk.messages) == 2

    run(loop, main())


@both_loops
def test_a_flood_of_commands_lets_others_in(loop: str) -> None:
    """No connection holds the loop: another one is served while this one floods."""
    generous = Settings(hostname="mx.test", max_recipients=100_000)

    async def main() -> None:
        async with (
            House(generous).open() as house,
            house.client() as flood,
            house.client() as other,
        ):
            await greeted(flood)
            await greeted(other)
            await flood.say("MAIL FROM:<a@b.test>")
            count = 30_000
            await flood.send(b"RCPT TO:<bob@local.test>\r\n" * count)
            assert await other.say("NOOP") == ["250 2.0.0 OK"]
            behind = len(flood.reader._buffer)  # type: ignore[attr-defined]
            assert behind < count * 26
            assert set(await flood.lines(count)) == {"250 2.1.5 Recipient OK"}

    run(loop, main())


@both_loops
def test_scram_over_a_socket(loop: str) -> None:
    """A stranger's exchange fails at its last step only."""
    local = Settings(hostname="mx.test", auth="plain")

    async def main() -> None:
        async with House(local).open() as house, house.client() as client:
            await greeted(client)
            first = base64.b64encode(b"n,,n=nobody,r=abc").decode()
            (challenge,) = await client.say(f"AUTH SCRAM-SHA-256 {first}")
            fields = base64.b64decode(challenge.removeprefix("334 ")).split(b",")
            assert fields[0].startswith(b"r=abc")
            final = b"c=biws," + fields[0] + b",p=" + base64.b64encode(bytes(32))
            assert await client.say(base64.b64encode(final).decode()) == [
                "535 5.7.8 Authentication credentials invalid"
            ]

    run(loop, main())
