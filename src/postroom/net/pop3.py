"""A POP3 server of others, as a client reads it: log in, list, retrieve, delete.

RFC 1939, RFC 2449 (CAPA), RFC 2595 (STLS), RFC 5034 (AUTH).
"""

import base64
import ssl
from collections.abc import AsyncIterator
from typing import Final

from postroom.net.channel import Channel, Remote, RemoteFailed
from postroom.protocol.pop3.client import Content

MAX_LINE: Final = 8192  # octets of a reply
MAX_LINES: Final = 500_000  # of a list


class Pop3Connection(Remote):
    """One connection. Every method raises RemoteFailed."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel)
        self._data = bytearray()
        self.capabilities: frozenset[str] = frozenset()

    async def login(self, login: str, secret: str, *, is_token: bool = False) -> None:
        """Log in; ``is_token``: the secret is one of OAuth."""
        if any(sign in text for sign in "\r\n\0" for text in (login, secret)):
            raise RemoteFailed("the login or password holds a line end")
        if is_token:
            await self._command("AUTH XOAUTH2", continues=True)
            text = f"user={login}\1auth=Bearer {secret}\1\1"
            await self._command(base64.b64encode(text.encode()).decode(), "AUTH", is_login=True)
            return
        await self._command(f"USER {login}", is_login=True)
        await self._command(f"PASS {secret}", "PASS", is_login=True)

    async def uids(self) -> list[tuple[int, str]]:
        """Number and unique-id of each message (UIDL)."""
        found: list[tuple[int, str]] = []
        async for line in self._lines("UIDL"):
            number, _, uid = line.partition(" ")
            if not number.isascii() or not number.isdecimal() or not 0 < len(uid) <= 200:
                raise RemoteFailed(f"{self._channel.host}: the answer to UIDL makes no sense")
            found.append((int(number[:10]), uid))
        return found

    async def retrieve(self, number: int) -> AsyncIterator[bytes]:
        """The octets of a message, in blocks."""
        await self._command(f"RETR {number}")
        content = Content()
        block = bytes(self._data)
        self._data.clear()
        while True:
            octets = content.feed(block)
            if octets:
                yield octets
            if content.is_done:
                self._data += content.rest
                return
            block = await self._channel.read()

    async def delete(self, number: int) -> None:
        """Delete a message; it goes with ``quit``."""
        await self._command(f"DELE {number}")

    async def quit(self) -> None:
        """End the session: deletions count from here on."""
        await self._command("QUIT")

    async def close(self) -> None:
        """End the connection; what was deleted without ``quit`` is there again."""
        await self._channel.close()

    async def _greet(self) -> None:
        await self._reply("the greeting")
        await self._ask_capabilities()

    async def _start_tls(self, context: ssl.SSLContext) -> None:
        if "STLS" not in self.capabilities:
            raise RemoteFailed(f"{self._channel.host} does not offer TLS (STLS)")
        await self._command("STLS")
        if self._data:
            raise RemoteFailed(f"{self._channel.host}: something was said between STLS and TLS")
        await self._channel.start_tls(context)
        await self._ask_capabilities()

    async def _ask_capabilities(self) -> None:
        try:
            self.capabilities = frozenset(
                [line.split(" ")[0].upper() async for line in self._lines("CAPA")]
            )
        except RemoteFailed as error:
            if not error.is_answer:  # old servers have no CAPA
                raise

    async def _command(
        self, words: str, name: str = "", *, is_login: bool = False, continues: bool = False
    ) -> None:
        """Say a command; ``name`` is what it is called where it holds a secret."""
        self._channel.write(words.encode() + b"\r\n")
        await self._reply(
            name or words.split(" ", maxsplit=1)[0], is_login=is_login, continues=continues
        )

    async def _reply(self, to: str, *, is_login: bool = False, continues: bool = False) -> None:
        line = await self._line()
        if line.startswith("+ ") and continues:
            return
        if line[:3].upper() == "+OK" and not continues:
            return
        said = line.removeprefix("-ERR").strip()
        raise RemoteFailed(
            f"{self._channel.host} said no to {to}: {said or 'without a reason'}",
            is_login=is_login,
            is_answer=line[:4].upper() == "-ERR",
        )

    async def _lines(self, command: str) -> AsyncIterator[str]:
        await self._command(command)
        for _ in range(MAX_LINES):
            line = await self._line()
            if line == ".":
                return
            yield line.removeprefix(".")
        raise RemoteFailed(f"{self._channel.host} answers {command} without end")

    async def _line(self) -> str:
        while (end := self._data.find(b"\n")) < 0:
            if len(self._data) > MAX_LINE:
                raise RemoteFailed(f"{self._channel.host} broke the protocol: a line without end")
            self._data += await self._channel.read()
        line = bytes(self._data[: min(end, MAX_LINE)]).removesuffix(b"\r")
        del self._data[: end + 1]
        text = line.decode("utf-8", "replace")
        return "".join(letter if letter.isprintable() else "?" for letter in text)
