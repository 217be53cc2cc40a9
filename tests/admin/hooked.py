"""A program on loopback that is called over https: it remembers, and answers as it is told."""

import asyncio
import contextlib
import ipaddress
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

from postroom.admin.office import Office
from postroom.config.webhooks import Webhooks
from postroom.net.dns import Resolver
from rig.dns import DnsServer
from tests import certificates
from tests.certificates import AUTHORITY
from tests.net.street import serving

NAME = "hooks.test"


class Heard(NamedTuple):
    """One call."""

    fields: dict[str, str]
    octets: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.octets)


class Program:
    """Answers with ``statuses``, the last one again and again; 0: not at all."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses) or [204]
        self.heard: list[Heard] = []
        self.port = 0
        self.resolver: Resolver
        self.settings = Webhooks()
        self.held: asyncio.Event | None = None
        """What answers wait for."""

    @property
    def url(self) -> str:
        return f"https://{NAME}:{self.port}/hook"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])
        }
        octets = await reader.readexactly(int(fields["content-length"]))
        self.heard.append(Heard(fields, octets))
        if self.held is not None:
            await self.held.wait()
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            if status:
                writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status)
                await writer.drain()
            writer.close()
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def listening(office: Office, *statuses: int) -> AsyncIterator[Program]:
    """Such a program, with the settings and the resolver that lead to it."""
    program = Program(*statuses)
    pem = Path(office.config.data) / "authorities.pem"
    pem.write_bytes(AUTHORITY.cert_pem.bytes())
    async with (
        serving(program.serve, tls=certificates.server(NAME)) as program.port,
        DnsServer({(NAME, "A"): ["127.0.0.1"]}) as names,
    ):
        program.settings = Webhooks(
            ports=(program.port,),
            private_networks=(str(ipaddress.ip_network("127.0.0.0/8")),),
            ca_file=str(pem),
            seconds=60,
        )
        program.resolver = Resolver([names.address])
        try:
            yield program
        finally:
            await program.resolver.close()
