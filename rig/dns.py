"""A small real DNS server on loopback, UDP and TCP, whose zone is a dict and which can misbehave.

    zone = {
        ("example.test", "MX"): ["10 mx.example.test."],
        ("example.test", "TXT"): ["v=spf1 mx -all"],      # the text itself
        ("mx.example.test", "A"): ["127.0.0.1"],
        ("alias.test", "CNAME"): ["mx.example.test."],
    }
    async with DnsServer(zone) as server:
        Resolver([server.address])

Values are as in a zone file. A name that stands in no key, and below which there is none, does
not exist. The server follows aliases within its zone, like a resolver. ``zone``, ``faults`` and
the settings may be changed at any time; ``queries`` tells what was asked.
"""

import asyncio
import enum
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, NamedTuple, Self

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

HOST: Final = "127.0.0.1"
Zone = Mapping[tuple[str, str], Sequence[str]]


class Fault(enum.Enum):
    """What may go wrong with a name."""

    SERVFAIL = enum.auto()
    REFUSED = enum.auto()
    NO_EDNS = enum.auto()  # FORMERR to queries with EDNS
    SILENT = enum.auto()
    SILENT_ONCE = enum.auto()  # the first query is lost
    TRUNCATED = enum.auto()  # over UDP
    GARBAGE = enum.auto()  # a reply that ends in the middle of a record
    FOLDED = enum.auto()  # the question comes back in lower case over UDP


class Asked(NamedTuple):
    """A query that came in."""

    name: str
    kind: str
    over_tcp: bool


@dataclass
class DnsServer:
    """One server; ``address`` is "127.0.0.1:port". On the loop that enters it."""

    zone: Zone = field(default_factory=dict)
    ttl: int = 300
    negative_ttl: int | None = 60  # the SOA's minimum; None: no SOA
    is_authentic: bool = False  # the AD flag
    unsigned: set[str] = field(
        default_factory=set
    )  # names that are without it; aliases of them as well
    recurses: bool = True  # the RA flag
    host: str = HOST
    faults: dict[tuple[str, str], Fault] = field(default_factory=dict)  # "" is every name or kind
    held: asyncio.Event | None = None  # answers wait until it is set
    junk: Callable[[bytes], Sequence[bytes]] = lambda _query: ()  # sent before a UDP answer
    queries: list[Asked] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)  # set by each query
    port: int = 0

    @property
    def address(self) -> str:
        """As in ``dns.servers``."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def count(self, name: str = "", kind: str = "") -> int:
        """How many queries came for them; "" is all."""
        return sum(
            (not name or one.name == name) and (not kind or one.kind == kind)
            for one in self.queries
        )

    async def __aenter__(self) -> Self:
        """Listen on a free port, the same one over UDP and TCP."""
        loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._gone = asyncio.Event()
        while True:
            self._udp, _ = await loop.create_datagram_endpoint(
                lambda: _Datagrams(self, self._gone), local_addr=(self.host, self.port)
            )
            port: int = self._udp.get_extra_info("sockname")[1]
            try:
                self._tcp = await asyncio.start_server(self._connected, self.host, port)
            except OSError:
                self._udp.close()  # the port is taken over TCP: try another
                self._gone = asyncio.Event()
                if self.port:
                    raise
                continue
            self.port = port
            return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop; the port stays in ``port``, so that it can be entered once more."""
        self._udp.close()
        self._tcp.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._tcp.wait_closed()
        await self._gone.wait()

    def received(self, query: bytes, peer: tuple[str, int]) -> None:
        """Answer a datagram."""
        task = asyncio.create_task(self._datagram(query, peer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _datagram(self, query: bytes, peer: tuple[str, int]) -> None:
        answer = self.answer(query, over_tcp=False)
        if self.held is not None:
            await self.held.wait()
        for octets in self.junk(query):
            self._udp.sendto(octets, peer)
        if answer is not None:
            self._udp.sendto(answer, peer)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while True:
                (size,) = struct.unpack(">H", await reader.readexactly(2))
                answer = self.answer(await reader.readexactly(size), over_tcp=True)
                if self.held is not None:
                    await self.held.wait()
                if answer is None:
                    await reader.read()  # silent until the other side gives up
                    return
                writer.write(struct.pack(">H", len(answer)) + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    def answer(self, octets: bytes, *, over_tcp: bool) -> bytes | None:
        """The reply to a query; None for none."""
        query = dns.message.from_wire(octets)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.queries.append(Asked(name, kind, over_tcp))
        self.asked.set()
        fault = self._fault(name, kind)
        if fault is Fault.SILENT:
            return None
        if fault is Fault.SILENT_ONCE and self.count(name, kind) == 1:
            return None
        response = dns.message.make_response(query, recursion_available=self.recurses)
        if fault is Fault.SERVFAIL:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif fault is Fault.REFUSED:
            response.set_rcode(dns.rcode.REFUSED)
        elif fault is Fault.NO_EDNS and query.edns >= 0:
            response.use_edns(False)
            response.set_rcode(dns.rcode.FORMERR)
        elif fault is Fault.TRUNCATED and not over_tcp:
            response.flags |= dns.flags.TC
        else:
            self._fill(response, question.name, question.rdtype)
        size = 65_535 if over_tcp else max(512, query.payload)
        wire = response.to_wire(max_size=size, prefer_truncation=True, want_shuffle=False)
        if fault is Fault.FOLDED and not over_tcp:
            return wire[:12] + wire[12:].lower()
        return wire[:-3] if fault is Fault.GARBAGE else wire

    def _fault(self, name: str, kind: str) -> Fault | None:
        for key in ((name, kind), (name, ""), ("", kind), ("", "")):
            if key in self.faults:
                return self.faults[key]
        return None

    def _fill(
        self, response: dns.message.Message, name: dns.name.Name, kind: dns.rdatatype.RdataType
    ) -> None:
        if self.is_authentic:
            response.flags |= dns.flags.AD
        for _ in range(20):
            if name.to_text(omit_final_dot=True).lower() in self.unsigned:
                response.flags &= ~dns.flags.AD
            found = self._records(name, dns.rdatatype.to_text(kind))
            if found:
                response.answer.append(self._rrset(name, kind, found))
                return
            alias = self._records(name, "CNAME")
            if not alias:
                break
            response.answer.append(self._rrset(name, dns.rdatatype.CNAME, alias))
            name = dns.name.from_text(alias[0])
            if not self.recurses:
                return
        if not self._exists(name):
            response.set_rcode(dns.rcode.NXDOMAIN)
        if self.negative_ttl is not None:
            soa = f"ns.test. root.test. 1 3600 600 86400 {self.negative_ttl}"
            response.authority.append(self._rrset(dns.name.root, dns.rdatatype.SOA, [soa]))

    def _records(self, name: dns.name.Name, kind: str) -> Sequence[str]:
        text = name.to_text(omit_final_dot=True).lower()
        return next(
            (
                values
                for (owner, its_kind), values in self.zone.items()
                if owner.lower() == text and its_kind == kind
            ),
            (),
        )

    def _exists(self, name: dns.name.Name) -> bool:
        text = name.to_text(omit_final_dot=True).lower()
        return any(
            owner.lower() == text or owner.lower().endswith("." + text) for owner, _ in self.zone
        )

    def _rrset(
        self, name: dns.name.Name, kind: dns.rdatatype.RdataType, values: Sequence[str]
    ) -> dns.rrset.RRset:
        if kind == dns.rdatatype.TXT:
            values = [_quoted(value) for value in values]
        return dns.rrset.from_text_list(name, self.ttl, dns.rdataclass.IN, kind, values)


class ThreadedDns:
    """``server`` in a thread of its own, for programs without a loop; ``close`` it."""

    def __init__(self, zone: Zone) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.server = DnsServer(zone)
        asyncio.run_coroutine_threadsafe(self.server.__aenter__(), self._loop).result()

    @property
    def address(self) -> str:
        """As in ``dns.servers``."""
        return self.server.address

    def close(self) -> None:
        """Stop."""
        end = self.server.__aexit__(None, None, None)
        asyncio.run_coroutine_threadsafe(end, self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer, gone: asyncio.Event) -> None:
        self._server = server
        self._gone = gone

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._server.received(data, addr)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._gone.set()


def _quoted(text: str) -> str:
    """Text as strings of at most 255 octets, as in a zone file."""
    octets = text.encode()
    parts = [octets[at : at + 255] for at in range(0, len(octets), 255)] or [b""]
    return " ".join('"' + "".join(f"\\{octet:03d}" for octet in part) + '"' for part in parts)
