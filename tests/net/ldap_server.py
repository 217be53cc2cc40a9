"""A small LDAP server: simple binds, searches by equality, StartTLS; it notes what it is asked.

What clients send is read with the grammar of RFC 4511 that comes with ldap3; what it answers is
written by hand.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from typing import Any

from ldap3.protocol.rfc4511 import LDAPMessage  # type: ignore[import-untyped]
from pyasn1.codec.ber import decoder  # type: ignore[import-untyped]
from pyasn1.error import SubstrateUnderrunError  # type: ignore[import-untyped]

BASE = "ou=people,dc=demo,dc=test"
READER = "cn=reader,dc=demo,dc=test"


class LdapServer:
    """``people``: address to password. ``breaks`` names an operation that it never answers."""

    def __init__(self, people: Mapping[str, str], *, tls: ssl.SSLContext | None = None) -> None:
        self.people = dict(people)
        self.port = 0
        self.binds: list[tuple[str, str]] = []
        self.filters: list[tuple[str, str]] = []
        self.bind_code: int | None = None
        self.is_silent = False
        self.times = 1  # that an entry is found
        self.connections = 0
        self.tasks: set[asyncio.Task[None]] = set()
        self._tls = tls

    def name(self, address: str) -> str:
        """The name of somebody's entry."""
        return f"uid={address.partition('@')[0]},{BASE}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            await self._talk(reader, writer)
        except asyncio.CancelledError:
            pass  # the test is over
        finally:
            self.tasks.discard(task)
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pending = b""
        with contextlib.suppress(ConnectionError, ssl.SSLError, OSError):
            while piece := await reader.read(65_536):
                pending += piece
                while pending:
                    try:
                        message, pending = decoder.decode(pending, asn1Spec=LDAPMessage())
                    except SubstrateUnderrunError:
                        break
                    if self.is_silent:
                        continue
                    operation = message["protocolOp"]
                    kind, ident = operation.getName(), int(message["messageID"])
                    if kind == "unbindRequest":
                        return
                    for answer in self._answers(kind, operation.getComponent()):
                        writer.write(tlv(0x30, tlv(2, _number(ident)) + answer))
                    await writer.drain()
                    if kind == "extendedReq" and self._tls is not None:
                        await writer.start_tls(self._tls)

    def _answers(self, kind: str, asked: Any) -> list[bytes]:
        if kind == "bindRequest":
            name, password = str(asked["name"]), bytes(asked["authentication"].getComponent())
            self.binds.append((name, password.decode()))
            code = 0 if self._may(name, password.decode()) else 49
            return [_result(0x61, code if self.bind_code is None else self.bind_code)]
        if kind == "searchRequest":
            self.filters.append((str(asked["filter"].getName()), _value(asked["filter"])))
            found = [one for one in self.people if one == self.filters[-1][1]]
            found *= self.times
            entries = [tlv(0x64, tlv(4, self.name(one).encode()) + tlv(0x30, b"")) for one in found]
            return [*entries, _result(0x65, 0)]
        return [_result(0x78, 0 if self._tls is not None else 2)]

    def _may(self, name: str, password: str) -> bool:
        if not password:
            return True  # an anonymous bind, RFC 4513 §5.1.2
        known = {self.name(address): secret for address, secret in self.people.items()}
        return {**known, READER: "reads"}.get(name) == password


@contextlib.asynccontextmanager
async def serving(
    people: Mapping[str, str],
    *,
    tls: ssl.SSLContext | None = None,
    implicit: bool = False,
) -> AsyncIterator[LdapServer]:
    """A server on a free port; with ``tls`` it takes StartTLS, or begins with it."""
    one = LdapServer(people, tls=None if implicit else tls)
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0, ssl=tls if implicit else None)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
        for task in list(one.tasks):
            task.cancel()
        await asyncio.gather(*one.tasks, return_exceptions=True)
        await asyncio.sleep(0)


def tlv(tag: int, content: bytes) -> bytes:
    """BER, definite length."""
    size = len(content)
    length = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + length + content


def _number(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def _result(tag: int, code: int) -> bytes:
    return tlv(tag, tlv(10, bytes([code])) + tlv(4, b"") + tlv(4, b""))


def _value(asked: Any) -> str:
    found = asked.getComponent()
    return bytes(found["assertionValue"]).decode() if asked.getName() == "equalityMatch" else ""
