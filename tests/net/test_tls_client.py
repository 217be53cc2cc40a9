"""TLS as a client, against real servers on loopback, on both event loops."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from postroom.mailauth import dane
from postroom.mailauth.dane import Tlsa
from postroom.net import tls_client
from postroom.net.tls_client import ClientTls, chain, described
from tests import certificates
from tests.certificates import AUTHORITY
from tests.listen.loops import both_loops, run

BELOW: Final = AUTHORITY.create_child_ca()
NAME: Final = "mx.example.test"
VERSIONS: Final = pytest.mark.parametrize(
    "version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"]
)
Port = int


@pytest.fixture
def ca_file(tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    path.write_bytes(AUTHORITY.cert_pem.bytes())
    return str(path)


def context(
    *names: str,
    version: ssl.TLSVersion | None = None,
    authority: trustme.CA = AUTHORITY,
) -> ssl.SSLContext:
    made = certificates.server(*(names or (NAME,)), authority=authority)
    if version is not None:
        made.minimum_version = made.maximum_version = version
    return made


@contextlib.asynccontextmanager
async def serving(made: ssl.SSLContext) -> AsyncIterator[Port]:
    """A server that sends back a line."""
    tasks = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        try:
            writer.write(await reader.readline())
            await reader.read()
        except (OSError, ssl.SSLError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError, ssl.SSLError):
                await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=made)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*filter(None, tasks), return_exceptions=True)
        await server.wait_closed()


@contextlib.asynccontextmanager
async def connected(
    tls: ClientTls, port: Port, *, name: str = NAME, is_checked: bool = False
) -> AsyncIterator[ssl.SSLObject]:
    """A connection over which something was said; its session is remembered at the end."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=tls.context(is_checked=is_checked), server_hostname=name
    )
    try:
        writer.write(b"hello\r\n")
        assert await reader.readline() == b"hello\r\n"  # the tickets have come before it
        found = writer.get_extra_info("ssl_object")
        assert isinstance(found, ssl.SSLObject)
        yield found
        tls.remember(name, found, is_checked=is_checked)
    finally:
        writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await writer.wait_closed()


async def reused(
    tls: ClientTls, port: Port, *, name: str = NAME, is_checked: bool = False
) -> bool | None:
    async with connected(tls, port, name=name, is_checked=is_checked) as found:
        return found.session_reused


# What is accepted


@both_loops
@pytest.mark.parametrize("is_checked", [True, False])
def test_a_good_certificate(loop: str, ca_file: str, is_checked: bool) -> None:
    async def main() -> None:
        tls = ClientTls(ca_file)
        async with serving(context()) as port, connected(tls, port, is_checked=is_checked) as found:
            assert described(found).startswith("TLSv1.3 TLS_")

    run(loop, main())


@both_loops
@pytest.mark.parametrize(
    ("made", "word"),
    [
        (lambda: context(authority=trustme.CA()), "certificate"),
        (lambda: context("other.test"), "Hostname mismatch"),
        (lambda: context("*.test"), "Hostname mismatch"),
    ],
)
def test_a_bad_one_is_refused_only_where_it_is_checked(
    loop: str, ca_file: str, made: Callable[[], ssl.SSLContext], word: str
) -> None:
    async def main() -> None:
        tls = ClientTls(ca_file)
        async with serving(made()) as port:
            with pytest.raises(ssl.SSLCertVerificationError, match=word):
                await reused(tls, port, is_checked=True)
            assert not await reused(tls, port)

    run(loop, main())


@both_loops
def test_an_address_is_checked_against_addresses(loop: str, ca_file: str) -> None:
    async def main() -> None:
        tls = ClientTls(ca_file)
        async with serving(context("127.0.0.1")) as port:
            await reused(tls, port, name="127.0.0.1", is_checked=True)
            assert await reused(tls, port, name="127.0.0.1", is_checked=True)
            with pytest.raises(ssl.SSLCertVerificationError):
                await reused(tls, port, name="127.0.0.2", is_checked=True)

    run(loop, main())


def test_nothing_below_tls_1_2_and_no_compression(ca_file: str) -> None:
    tls = ClientTls(ca_file)
    for is_checked in (True, False):
        made = tls.context(is_checked=is_checked)
        assert made.minimum_version == ssl.TLSVersion.TLSv1_2
        assert made.options & ssl.OP_NO_COMPRESSION
        assert made.check_hostname is is_checked
    assert tls.context(is_checked=True).verify_mode == ssl.CERT_REQUIRED
    assert tls.context(is_checked=False).verify_mode == ssl.CERT_NONE


def test_the_authorities_of_the_system_are_the_default() -> None:
    usual = ssl.create_default_context().cert_store_stats()
    assert ClientTls().context(is_checked=True).cert_store_stats() == usual
    assert ClientTls().context(is_checked=False).cert_store_stats()["x509"] == 0


@pytest.mark.parametrize("octets", [None, b"", b"no certificate", b"\0\xff"])
def test_authorities_that_can_not_be_read(tmp_path: Path, octets: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if octets is not None:
        path.write_bytes(octets)
    with pytest.raises(OSError):
        ClientTls(str(path))


# Sessions


@both_loops
@VERSIONS
@pytest.mark.parametrize("is_checked", [True, False])
def test_the_next_connection_resumes_the_session(
    loop: str, version: ssl.TLSVersion, ca_file: str, is_checked: bool
) -> None:
    async def main() -> None:
        tls = ClientTls(ca_file)
        async with serving(context(version=version)) as port:
            found = [await reused(tls, port, is_checked=is_checked) for _ in range(3)]
            assert found == [False, True, True]

    run(loop, main())


@both_loops
def test_a_session_serves_only_what_it_was_made_for(loop: str, ca_file: str) -> None:
    """Above all: one whose certificate was not checked does not stand for a checked one."""

    async def main() -> None:
        tls = ClientTls(ca_file)
        async with serving(context(NAME, "mx2.example.test")) as port:
            assert not await reused(tls, port)
            assert not await reused(tls, port, is_checked=True)
            assert not await reused(tls, port, name="mx2.example.test")
            assert await reused(tls, port)
            assert await reused(tls, port, is_checked=True)
            assert not await reused(ClientTls(ca_file), port)

    run(loop, main())


@both_loops
def test_an_unchecked_session_with_a_forger_does_not_pass_the_check(
    loop: str, ca_file: str
) -> None:
    async def main() -> None:
        tls = ClientTls(ca_file)
        async with serving(context(authority=trustme.CA())) as port:
            await reused(tls, port)
            assert await reused(tls, port)
            with pytest.raises(ssl.SSLCertVerificationError):
                await reused(tls, port, is_checked=True)

    run(loop, main())


@both_loops
@VERSIONS
def test_a_server_that_does_not_know_the_session_begins_anew(
    loop: str, version: ssl.TLSVersion, ca_file: str
) -> None:
    async def main() -> None:
        tls = ClientTls(ca_file)
        for _ in range(2):
            async with serving(context(version=version)) as port:
                assert not await reused(tls, port, is_checked=True)
                assert await reused(tls, port, is_checked=True)

    run(loop, main())


@both_loops
def test_what_was_forgotten_is_not_offered(loop: str, ca_file: str) -> None:
    async def main() -> None:
        tls = ClientTls(ca_file)
        async with serving(context()) as port:
            for is_checked in (True, False):
                await reused(tls, port, is_checked=is_checked)
            tls.forget(NAME)
            tls.forget("never.seen.test")
            for is_checked in (True, False):
                assert not await reused(tls, port, is_checked=is_checked)

    run(loop, main())


def test_sessions_are_bounded(ca_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls_client, "MOST_SESSIONS", 2)

    async def main() -> None:
        tls = ClientTls(ca_file)
        names = ["a.test", "b.test", "c.test"]
        async with serving(context(*names)) as port:
            for name in ("a.test", "b.test", "a.test", "c.test"):
                await reused(tls, port, name=name)
            assert await reused(tls, port, name="a.test"), "it was used after b.test"
            assert not await reused(tls, port, name="b.test")
            assert len(tls._sessions) == 2

    run("asyncio", main())


def test_a_connection_without_tls_leaves_no_session(ca_file: str) -> None:
    tls = ClientTls(ca_file)
    tls.remember(NAME, None, is_checked=False)
    assert not tls._sessions
    assert (described(None), chain(None)) == ("", ())


def test_a_handshake_that_did_not_happen_leaves_none(ca_file: str) -> None:
    tls = ClientTls(ca_file)
    made = tls.context(is_checked=False).wrap_bio(
        ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=NAME
    )
    tls.remember(NAME, made, is_checked=False)
    assert not tls._sessions


@both_loops
def test_a_server_that_sends_too_much_is_not_remembered(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls_client, "MOST_OCTETS", 200)

    async def main() -> None:
        tls = ClientTls()
        async with serving(context()) as port:
            assert [await reused(tls, port) for _ in range(2)] == [False, False]

    run(loop, main())


# The chain


def der(pem: bytes) -> bytes:
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


@both_loops
@VERSIONS
def test_the_whole_chain_is_there_also_of_a_resumed_session(
    loop: str, version: ssl.TLSVersion
) -> None:
    """A record that names the authority between (DANE-TA) must match each time."""
    intermediate = der(BELOW.cert_pem.bytes())
    record = Tlsa(2, 0, 0, intermediate)

    async def main() -> None:
        tls = ClientTls()
        async with serving(context(version=version, authority=BELOW)) as port:
            for is_resumed in (False, True, True):
                async with connected(tls, port) as found:
                    assert found.session_reused is is_resumed
                    sent = list(chain(found))
                    assert [type(one) for one in sent] == [bytes, bytes]
                    assert sent[0] == found.getpeercert(binary_form=True)
                    assert sent[1] == intermediate
                    now = int(
                        x509.load_der_x509_certificate(sent[0]).not_valid_before_utc.timestamp()
                    )
                    assert dane.matches((record,), sent, (NAME,), now + 60).is_match

    run(loop, main())


@both_loops
def test_a_single_certificate_is_a_chain_of_one(loop: str) -> None:
    async def main() -> None:
        async with serving(context()) as port, connected(ClientTls(), port) as found:
            assert list(chain(found)) == [found.getpeercert(binary_form=True)]

    run(loop, main())


# STARTTLS


class Line(asyncio.Protocol):
    """Begins in clear, like SMTP."""

    def __init__(self) -> None:
        self.transport: asyncio.BaseTransport | None = None
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if not self.answer.done():
            self.answer.set_result(data)


@both_loops
def test_a_connection_that_turns_to_tls_resumes_as_well(loop: str, ca_file: str) -> None:
    async def main() -> None:
        tls = ClientTls(ca_file)
        inside = asyncio.get_running_loop()
        async with serving(context()) as port:

            async def once() -> bool | None:
                plain, line = await inside.create_connection(Line, "127.0.0.1", port)
                secure = await inside.start_tls(
                    plain, line, tls.context(is_checked=True), server_hostname=NAME
                )
                assert secure is not None
                secure.write(b"hello\r\n")
                assert await line.answer == b"hello\r\n"
                found = secure.get_extra_info("ssl_object")
                tls.remember(NAME, found, is_checked=True)
                secure.abort()
                was_resumed: bool | None = found.session_reused
                return was_resumed

            ask: Callable[[], Awaitable[bool | None]] = once
            assert [await ask() for _ in range(2)] == [False, True]

    run(loop, main())
