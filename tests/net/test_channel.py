"""Connections to servers of others: TLS, ends, deadlines, backpressure."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable

import pytest

from postroom.net.channel import HIGH_WATER, Channel, RemoteFailed
from postroom.net.tls_client import ClientTls
from tests import certificates
from tests.loop import patiently
from tests.net.street import HOST, Serve, serving


def tell(
    serve: Serve, story: Callable[[int], Awaitable[None]], tls: ssl.SSLContext | None = None
) -> None:
    async def run() -> None:
        async with serving(serve, tls=tls) as port:
            await story(port)

    patiently(run())


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"hello")
    while octets := await reader.read(100):
        writer.write(octets.upper())


def test_octets_go_and_come() -> None:
    async def story(port: int) -> None:
        channel = await Channel.open("mail.test", [HOST], port, context=None)
        assert await channel.read() == b"hello"
        channel.write(b"abc")
        assert await channel.read() == b"ABC"
        await channel.close()

    tell(echo, story)


def test_the_certificate_must_be_that_of_the_host() -> None:
    trusting = certificates.client()

    async def story(port: int) -> None:
        channel = await Channel.open("mail.test", [HOST], port, context=trusting)
        assert await channel.read() == b"hello"
        await channel.close()
        with pytest.raises(RemoteFailed, match="certificate is not accepted") as caught:
            await Channel.open("other.test", [HOST], port, context=trusting)
        assert caught.value.is_certificate
        assert str(caught.value).startswith(f"other.test, port {port}: ")

    tell(echo, story, certificates.server("mail.test"))


def test_a_certificate_that_is_not_accepted_after_starttls_is_told_in_plain_words() -> None:
    async def later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        await reader.readexactly(1)
        writer.write(b"!")
        with contextlib.suppress(OSError):
            await writer.start_tls(certificates.server("mail.test"))

    async def story(port: int) -> None:
        channel = await Channel.open("other.test", [HOST], port, context=None)
        await channel.read()
        channel.write(b"!")
        assert await channel.read() == b"!"
        with pytest.raises(RemoteFailed, match="certificate is not accepted") as caught:
            await channel.start_tls(certificates.client())
        assert caught.value.is_certificate
        assert "_ssl.c" not in str(caught.value)
        await channel.close()

    tell(later, story)


def test_a_server_that_goes_away_or_says_nothing() -> None:
    async def leave(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        pass

    async def be_silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read(100)

    async def gone(port: int) -> None:
        channel = await Channel.open("mail.test", [HOST], port, context=None)
        with pytest.raises(RemoteFailed, match="mail.test: the server closed the connection"):
            await channel.read()
        channel.write(b"x")
        await channel.close()

    async def silent(port: int) -> None:
        channel = await Channel.open("mail.test", [HOST], port, context=None, seconds=0.05)
        with pytest.raises(RemoteFailed, match=r"no answer in 0\.05 s"):
            await channel.read()
        await channel.close()

    tell(leave, gone)
    tell(be_silent, silent)
    with pytest.raises(RemoteFailed, match=r"^mail.test, port 1: 127.0.0.1: "):
        patiently(Channel.open("mail.test", [HOST], 1, context=None))


def test_what_nobody_takes_waits_at_the_server() -> None:
    async def flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(100):
            writer.write(b"x" * 1_000_000)
            await writer.drain()

    async def story(port: int) -> None:
        channel = await Channel.open("mail.test", [HOST], port, context=None)
        total = 0
        while total < 50_000_000:
            octets = await channel.read()
            assert len(octets) < 4 * HIGH_WATER
            total += len(octets)
        await channel.close()

    tell(flood, story)


def test_nothing_may_be_said_between_starttls_and_tls() -> None:
    async def story(port: int) -> None:
        channel = await Channel.open("mail.test", [HOST], port, context=None)
        await channel.read()
        channel._news.clear()
        channel.write(b"smuggled")
        await channel._news.wait()
        with pytest.raises(RemoteFailed, match="between STARTTLS and TLS"):
            await channel.start_tls(ClientTls().context(is_checked=False))
        await channel.close()

    tell(echo, story)
