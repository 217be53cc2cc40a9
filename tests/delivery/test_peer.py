"""A connection to a real server, on both event loops."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator

import pytest

from postroom.delivery.peer import Demand, Login, Peer, PeerFailed
from postroom.delivery.wire import Limits
from postroom.net.tls_client import ClientTls
from postroom.protocol.sasl.client import Credentials
from rig.smtp import OFFERS, Act, Answer, SmtpServer
from tests.certificates import AUTHORITY
from tests.delivery.sinks import (
    UNREAD,
    Outcomes,
    connected,
    large,
    limits_for,
    parcel,
    served,
)
from tests.delivery.station import OCTETS, PATIENT
from tests.listen.loops import both_loops, run

MAY = Demand("may", "mx.b.test")
MUST = Demand("must", "mx.b.test")
CHECKED = Demand("must", "mx.b.test", is_checked=True)
BIG = [b"Subject: big\r\n\r\n", *[b"x" * 70 + b"\r\n"] * 40_000]


@contextlib.asynccontextmanager
async def opened(
    sink: SmtpServer, demand: Demand = MAY, login: Login | None = None, **more: object
) -> AsyncIterator[Peer]:
    peer = await connected(sink, **more)  # type: ignore[arg-type]
    await peer.open(demand, login)
    try:
        yield peer
    finally:
        await peer.quit()


async def refused(
    sink: SmtpServer, demand: Demand, login: Login | None = None, within: Limits = PATIENT
) -> str:
    """Why ``open`` fails, with its stage."""
    peer = await connected(sink, limits=within)
    with pytest.raises(PeerFailed) as failed:
        await peer.open(demand, login)
    assert not peer.is_usable
    assert sink.received == []
    return str(failed.value)


# Opening


@both_loops
def test_a_message_is_handed_over_octet_by_octet(loop: str) -> None:
    async def main() -> None:
        async with SmtpServer() as sink, opened(sink) as peer:
            done = Outcomes()
            assert peer.is_usable
            assert await peer.send([parcel()], done) == []
            assert done == {0: ["250 2.0.0 Taken as 1"]}
            assert (peer.begun, peer.served, peer.tls) == (1, 1, "")
            [one] = sink.taken
            assert one.octets == OCTETS
        assert sink.verbs(0) == ["EHLO", "MAIL", "RCPT", "BDAT", "QUIT"]

    run(loop, main())


@both_loops
@pytest.mark.parametrize("demand", [MAY, MUST, CHECKED])
def test_tls_comes_before_everything(loop: str, demand: Demand) -> None:
    async def main() -> None:
        ours = ClientTls()
        AUTHORITY.configure_trust(ours.context(is_checked=True))
        async with SmtpServer(tls=served()) as sink:
            for _ in range(2):  # the second time with the session of the first
                async with opened(sink, demand, tls=ours) as peer:
                    assert peer.tls.startswith("TLSv1.3 ")
                    assert peer.chain
                    assert await peer.send([parcel()], Outcomes()) == []
        assert [one.tls for one in sink.taken] == ["TLSv1.3", "TLSv1.3"]
        assert sink.verbs(1)[:3] == ["EHLO", "STARTTLS", "EHLO"]

    run(loop, main())


@both_loops
def test_tls_from_the_first_octet(loop: str) -> None:
    async def main() -> None:
        async with SmtpServer(tls=served(), is_implicit=True) as sink:
            demand = Demand("must", "mx.b.test", is_implicit=True)
            async with opened(sink, demand, name="mx.b.test") as peer:
                assert peer.tls.startswith("TLSv1.3 ")
                assert await peer.send([parcel()], Outcomes()) == []
        assert sink.verbs(0) == ["EHLO", "MAIL", "RCPT", "BDAT", "QUIT"]
        assert sink.taken[0].tls == "TLSv1.3"

    run(loop, main())


@both_loops
@pytest.mark.parametrize(
    ("event", "answer", "why"),
    [
        ("GREETING", "554 5.7.1 Go away", "greeting: 554 5.7.1 Go away"),
        ("GREETING", "421 4.3.2 Not now", "greeting: 421 4.3.2 Not now"),
        ("GREETING", Act.DROP, "greeting: 451 4.4.2 The server closed the connection"),
        ("GREETING", Act.SILENT, "greeting: 451 4.4.2 The server did not answer in 0.05 seconds"),
        ("GREETING", "HTTP/1.1 400 Bad", "broken: 451 4.5.0 The server broke the protocol"),
        ("EHLO", "451 4.3.0 Wait", "greeting: 451 4.3.0 Wait"),
        ("EHLO", Act.SILENT, "greeting: 451 4.4.2 The server did not answer"),
        ("STARTTLS", "454 4.7.0 Later", "tls: 454 4.7.0 Later"),
        ("STARTTLS", "421 4.7.0 Enough", "tls: 421 4.7.0 Enough"),
        ("STARTTLS", Act.DROP, "tls: 451 4.4.2 The server closed the connection"),
        ("STARTTLS", Act.SILENT, "tls: 451 4.4.2 The server did not answer"),
        ("STARTTLS", Act.BREAK, "tls: 454 4.7.5 TLS failed"),
        ("STARTTLS", Act.INJECT, "broken: 451 4.5.0 The server broke the protocol: octets came"),
    ],
)
def test_a_server_that_does_not_let_us_in(loop: str, event: str, answer: Answer, why: str) -> None:
    async def main() -> None:
        async with SmtpServer(tls=served()) as sink:
            sink.fault(event, answer)
            said = await refused(sink, MUST, within=limits_for(event, answer))
            assert said.startswith(why)
            assert not said.endswith(": ")

    run(loop, main())


@both_loops
def test_a_server_that_knows_no_ehlo(loop: str) -> None:
    async def main() -> None:
        async with SmtpServer() as sink:
            sink.fault("EHLO", "502 5.5.1 What?")
            async with opened(sink) as peer:
                assert await peer.send([parcel()], Outcomes()) == []
        assert sink.verbs(0) == ["EHLO", "HELO", "MAIL", "RCPT", "DATA", "QUIT"]
        assert sink.taken[0].octets == OCTETS

    run(loop, main())


@both_loops
def test_opportunistic_tls_is_done_without(loop: str) -> None:
    async def main() -> None:
        async with SmtpServer() as sink, opened(sink) as peer:
            assert peer.tls == ""
        async with SmtpServer(tls=served()) as sink:
            sink.fault("STARTTLS", "454 4.7.0 Later")
            async with opened(sink) as peer:
                assert peer.tls == ""
            async with opened(sink, Demand("none")) as peer:
                assert peer.tls == ""
        assert sink.verbs(1) == ["EHLO", "QUIT"]

    run(loop, main())


@both_loops
def test_a_demand_that_is_not_met_sends_nothing(loop: str) -> None:
    async def main() -> None:
        async with SmtpServer() as sink:
            assert await refused(sink, MUST) == "tls: 454 4.7.4 The server does not offer STARTTLS"
        async with SmtpServer(tls=served()) as sink:
            assert "certificate: 454 4.7.5 The certificate is not good" in await refused(
                sink, CHECKED
            )
        assert sink.verbs(0) == ["EHLO", "STARTTLS"]

    run(loop, main())


# Logging in


def as_user(password: str = "geheim", **more: bool) -> Login:
    return Login(Credentials(login="user", secret=password), **more)


@both_loops
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "PLAIN", "LOGIN"])
def test_a_login(loop: str, mechanism: str) -> None:
    async def main() -> None:
        async with SmtpServer(
            tls=served(), users={"user": "geheim"}, mechanisms=(mechanism,), must_log_in=True
        ) as sink:
            async with opened(sink, MUST, as_user()) as peer:
                assert await peer.send([parcel()], Outcomes()) == []
            assert sink.taken[0].login == "user"
            assert await refused_again(sink) == "login: 535 5.7.8 Wrong name or password"

    async def refused_again(sink: SmtpServer) -> str:
        sink.received.clear()
        return await refused(sink, MUST, as_user("falsch"))

    run(loop, main())


@both_loops
def test_a_password_crosses_no_clear_connection(loop: str) -> None:
    async def main() -> None:
        async with SmtpServer(users={"user": "geheim"}, mechanisms=("PLAIN", "LOGIN")) as sink:
            why = await refused(sink, MAY, as_user())
            assert (
                why == "login: 454 4.7.0 The server offers no way to log in that can be used here"
            )
            assert sink.verbs(0) == ["EHLO"]
            async with opened(sink, MAY, as_user(is_clear=True)):
                pass
            sink.mechanisms = ("SCRAM-SHA-256", "PLAIN")
            async with opened(sink, MAY, as_user()):  # SCRAM shows no password
                pass
            assert "AUTH SCRAM-SHA-256" in sink.conversations[2][1]

    run(loop, main())


@both_loops
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("454 4.7.0 Later", "login: 454 4.7.0 Later"),
        ("421 4.7.0 Enough", "login: 421 4.7.0 Enough"),
        (Act.DROP, "login: 451 4.4.2 The server closed the connection"),
        ("235 2.7.0 Sure", "broken: 451 4.5.0 The server broke the protocol"),
    ],
)
def test_a_login_that_fails(loop: str, answer: Answer, why: str) -> None:
    async def main() -> None:
        async with SmtpServer(users={"user": "geheim"}, mechanisms=("SCRAM-SHA-256",)) as sink:
            sink.fault("AUTH", answer)
            assert (await refused(sink, MAY, as_user())).startswith(why)

    run(loop, main())


def test_credentials_that_no_mechanism_can_carry() -> None:
    async def main() -> None:
        async with SmtpServer(users={"user": "x"}) as sink:
            why = await refused(sink, MAY, as_user("\0"))
            assert why.startswith("login: 454 4.7.0 The login can't be used: the login or its secr")

    run("asyncio", main())


# Sending


@both_loops
@pytest.mark.parametrize("offers", [OFFERS, ("CHUNKING",), ("PIPELINING",), ()])
def test_many_over_one_connection(loop: str, offers: tuple[str, ...]) -> None:
    async def main() -> None:
        async with SmtpServer(offers=offers) as sink, opened(sink) as peer:
            done = Outcomes()
            parcels = [parcel(key, OCTETS + b"%d\r\n" % key) for key in range(30)]
            parcels[7] = large(7, BIG)
            assert await peer.send(parcels, done) == []
            assert len(done) == 30
            assert [one.octets for one in sink.taken] == [
                b"".join(BIG) if one.octets is None else one.octets for one in parcels
            ]
            assert peer.is_usable
        assert len(sink.conversations) == 1

    run(loop, main())


@both_loops
def test_recipients_have_their_own_answers(loop: str) -> None:
    async def main() -> None:
        async with SmtpServer() as sink, opened(sink) as peer:
            sink.fault("RCPT no@b.test", "550 5.1.1 Nobody")
            sink.fault("RCPT later@b.test", "451 4.2.0 Later")
            done = Outcomes()
            one = parcel(0, OCTETS, "a@b.test", "no@b.test", "later@b.test")
            nobody = parcel(1, OCTETS, "no@b.test")
            assert await peer.send([one, nobody, parcel(2)], done) == []
            assert done == {
                0: ["250 2.0.0 Taken as 1", "550 5.1.1 Nobody", "451 4.2.0 Later"],
                1: ["550 5.1.1 Nobody"],
                2: ["250 2.0.0 Taken as 2"],
            }
            assert [one.recipients for one in sink.taken] == [["a@b.test"], ["you@b.test"]]

    run(loop, main())


@both_loops
def test_so_many_and_no_more(loop: str) -> None:
    async def main() -> None:
        async with SmtpServer() as sink, opened(sink) as peer:
            done = Outcomes()
            rest = await peer.send([parcel(key) for key in range(5)], done, 2)
            assert [one.key for one in rest] == [2, 3, 4]
            assert sorted(done) == [0, 1]
            assert await peer.send(rest, done, 2) == rest
            assert len(sink.taken) == 2

    run(loop, main())


@both_loops
def test_421_in_the_middle(loop: str) -> None:
    async def main() -> None:
        async with SmtpServer(offers=("PIPELINING",)) as sink, opened(sink) as peer:
            sink.fault("DATA", "421 4.3.2 Shutting down", times=1)
            done = Outcomes()
            rest = await peer.send([parcel(key) for key in range(3)], done)
            assert done == {0: ["421 4.3.2 Shutting down"]}
            assert [one.key for one in rest] == [1, 2]
            assert sink.received == []
            assert not peer.is_usable

    run(loop, main())


@both_loops
@pytest.mark.parametrize("event", ["MAIL", "RCPT", "DATA", "CONTENT", "END"])
@pytest.mark.parametrize("act", [Act.DROP, Act.SILENT])
def test_a_connection_that_breaks(loop: str, event: str, act: Act) -> None:
    async def main() -> None:
        async with SmtpServer(offers=("PIPELINING",)) as sink:
            sink.fault(event, act)
            # what the server does not answer it has read by then
            blocks = [OCTETS] if event == "END" else BIG
            async with opened(sink, limits=limits_for(event, act)) as peer:
                done = Outcomes()
                rest = await peer.send([large(0, blocks), parcel(1)], done)
                keys = [one.key for one in rest]
                if event == "MAIL":  # the server has not said a word to it: it was not begun
                    assert (keys, done, peer.served) == ([0, 1], {}, 0)
                    assert peer.ending is not None
                    assert peer.ending.code == 451
                else:
                    assert keys == [1]
                    assert done[0][0].startswith("451 4.4.2 The server ")
                assert len(sink.received) == (event == "END")
                assert sink.taken == []

    run(loop, main())


@both_loops
def test_a_chunk_that_left_may_have_been_taken(loop: str) -> None:
    async def main() -> None:
        async with SmtpServer() as sink:
            sink.fault("MAIL", Act.DROP)
            async with opened(sink) as peer:
                done = Outcomes()
                assert await peer.send([parcel()], done) == []
                assert done == {0: ["451 4.4.2 The server closed the connection"]}
            async with opened(sink) as peer:  # its first content waits after a rest
                one = parcel()
                assert await peer.send([one], done, is_rested=True) == [one]

    run(loop, main())


@both_loops
def test_a_connection_that_was_closed_while_it_rested(loop: str) -> None:
    async def main() -> None:
        async with SmtpServer() as sink, opened(sink) as peer:
            done = Outcomes()
            assert await peer.send([parcel()], done) == []
            sink.fault("MAIL", "421 4.4.2 Idle for too long", times=1)
            one = parcel(1)
            assert await peer.send([one], done, is_rested=True) == [one]
            assert sorted(done) == [0]

    run(loop, main())


@both_loops
def test_octets_that_come_unasked_end_its_use(loop: str) -> None:
    async def main() -> None:
        async with SmtpServer() as sink:
            peer = await connected(sink)
            await peer.open(MAY)
            before = peer.is_usable
            peer.data_received(b"421 4.4.2 Idle for too long\r\n")
            assert (before, peer.is_usable) == (True, False)
            await peer.quit()

    run(loop, main())


@both_loops
@pytest.mark.parametrize("content", [b"a\nb\r\n", b"a\rb\r\n", b"a\0b\r\n", b"a\r\n.\nMAIL\r\n"])
def test_nothing_unsafe_reaches_the_wire(loop: str, content: bytes) -> None:
    async def main() -> None:
        head = b"Subject: x\r\n\r\n"
        async with SmtpServer(offers=("PIPELINING",)) as sink:
            async with opened(sink) as peer:
                done = Outcomes()
                assert await peer.send([parcel(0, head + content), parcel(1)], done) == []
                assert done[0][0].startswith("550 5.6.0 The message can't be sent: the message ho")
                assert done[1] == ["250 2.0.0 Taken as 1"]
            async with opened(sink) as peer:
                done = Outcomes()
                rest = await peer.send([large(0, [head, content]), parcel(1)], done)
                assert done[0][0].startswith("554 5.6.0 the message holds a ")
                assert [one.key for one in rest] == [1]
                assert peer.fault is None
            assert [one.octets for one in sink.received] == [OCTETS]

    run(loop, main())


@both_loops
def test_a_body_that_can_not_be_read_is_never_ended(loop: str) -> None:
    async def main() -> None:
        async with SmtpServer() as sink, opened(sink) as peer:
            done = Outcomes()
            error = RuntimeError("damaged")
            rest = await peer.send([large(5, BIG, error), parcel(6)], done)
            assert peer.fault == (5, error)
            assert done == {5: ["451 4.4.2 The message could not be read to its end"]}
            assert [one.key for one in rest] == [6]
            assert sink.received == []

    run(loop, main())


@both_loops
def test_a_server_that_stops_reading(loop: str) -> None:
    async def main() -> None:
        async with SmtpServer() as sink:
            reads_on = asyncio.Event()
            sink.fault("CONTENT", reads_on)
            blocks = BIG * 10  # more than the kernel keeps for a connection
            async with opened(sink, limits=UNREAD) as peer:
                done = Outcomes()
                assert await peer.send([large(0, blocks)], done) == []
                assert done == {0: ["451 4.4.2 The server read nothing in 0.05 seconds"]}
            reads_on.set()
            assert sink.received == []

    run(loop, main())


@both_loops
def test_what_the_server_can_not_take_is_told_before_a_word_is_said(loop: str) -> None:
    async def main() -> None:
        async with SmtpServer(offers=("SIZE 20",)) as sink, opened(sink) as peer:
            done = Outcomes()
            utf8 = dataclasses.replace(parcel(1, b"x\r\n", "jörg@b.test", needs_smtputf8=True))
            assert await peer.send([parcel(0), utf8], done) == []
            assert done == {
                0: ["552 5.3.4 The message is larger than the server takes"],
                1: ["553 5.6.7 The server does not take UTF-8 addresses"],
            }
            assert sink.verbs(0) == ["EHLO"]

    run(loop, main())


@both_loops
def test_who_is_cancelled_leaves_no_connection(loop: str) -> None:
    async def main() -> None:
        async with SmtpServer() as sink:
            never = asyncio.Event()
            sink.fault("GREETING", never)
            peer = await connected(sink)
            task = asyncio.create_task(peer.open(MAY))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await peer.ended(1)
            assert not peer.is_usable

    run(loop, main())


@both_loops
def test_quit_ends_also_when_nobody_answers(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postroom.delivery.peer.QUIT_SECONDS", 0.05)

    async def main() -> None:
        async with SmtpServer() as sink:
            sink.fault("QUIT", Act.SILENT)
            async with opened(sink) as peer:
                pass
            assert not peer.is_usable
            await peer.quit()  # once more does no harm

    run(loop, main())
