"""A small POP3 server of others, real on the wire. ``trick`` as in ``imap_server``."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable

from tests.net import street
from tests.net.imap_server import DROP


class Pop3Server:
    def __init__(self, *messages: tuple[str, bytes], capabilities: str = "UIDL\r\n") -> None:
        self.messages = dict(messages)
        self.capabilities = capabilities
        self.password = "secret word"
        self.greeting = b"+OK hello\r\n"
        self.trick: Callable[[str], bytes | None] = lambda _line: None
        self.context: ssl.SSLContext | None = None
        self.lines: list[str] = []
        self.port = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Pop3Server"]:
        async with street.serving(self._serve) as self.port:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.greeting)
        uids = list(self.messages)
        deleted: list[str] = []
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            self.lines.append(line)
            said = self.trick(line)
            if said == DROP:
                return
            if said is None and line == "STLS" and self.context is not None:
                writer.write(b"+OK begin\r\n")
                await writer.start_tls(self.context)
                continue
            verb, _, argument = line.partition(" ")
            if verb == "DELE":
                deleted.append(uids[int(argument) - 1])
            writer.write(self._answer(verb, argument, uids) if said is None else said)
            await writer.drain()
            if verb == "QUIT":
                for uid in deleted:
                    self.messages.pop(uid, None)
                return

    def _answer(self, verb: str, argument: str, uids: list[str]) -> bytes:
        if verb == "CAPA":
            return b"+OK\r\n" + self.capabilities.encode() + b".\r\n"
        if verb == "PASS" and argument != self.password:
            return b"-ERR [AUTH] wrong\r\n"
        if verb == "UIDL":
            lines = [f"{number} {uid}\r\n" for number, uid in enumerate(uids, 1)]
            return f"+OK\r\n{''.join(lines)}.\r\n".encode()
        if verb == "RETR":
            octets = self.messages[uids[int(argument) - 1]]
            stuffed = (b"\r\n" + octets).replace(b"\r\n.", b"\r\n..")[2:]
            return b"+OK\r\n" + stuffed + (b"" if octets.endswith(b"\n") else b"\r\n") + b".\r\n"
        return b"+OK\r\n"
