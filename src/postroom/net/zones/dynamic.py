"""Dynamic update of a name server of one's own (BIND, Knot, PowerDNS ..), signed with TSIG.

All changes are one message over TCP, which the server carries out as a whole or not at all;
prerequisites make sure that nobody else was faster. What is there is asked of the same server.

RFC 2136 (update; §2.4 prerequisites), RFC 3007 (secure update), RFC 8945 (TSIG).
"""

import asyncio
import base64
import binascii
import re
import struct
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdataset
import dns.tsig
import dns.update
import msgspec

from postroom.net.dns import Resolver
from postroom.net.dns_records import InvalidName, Kind, LookupFailed, Record
from postroom.net.dns_servers import Servers
from postroom.net.outbound import ConnectFailed, connect
from postroom.net.zones import presentation
from postroom.net.zones.zone import Change, Place, ZoneFailed

Algorithm = Literal["hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"]

SECONDS: Final = 20.0  # for an update
AT_ONCE: Final = 8  # questions about what is there
_LENGTH: Final = struct.Struct(">H")
_NAMED_KEY: Final = re.compile(
    r'\s*key\s+"?([^"\s{]+)"?\s*\{\s*algorithm\s+"?([a-z0-9-]+)"?\s*;\s*secret\s+"?([A-Za-z0-9+/=]+)"?'
    r"\s*;\s*\}\s*;?\s*",
    re.IGNORECASE,
)
_REASONS: Final[Mapping[int, str]] = {
    dns.rcode.REFUSED: "it refuses the update: let the key change this zone (update-policy)",
    dns.rcode.NOTAUTH: "it does not keep this zone, or does not know the key",
    dns.rcode.NOTZONE: "a name is not within the zone",
    dns.rcode.YXRRSET: "somebody else changed the zone at this moment; try again",
    dns.rcode.NXRRSET: "somebody else changed the zone at this moment; try again",
    dns.rcode.YXDOMAIN: "somebody else changed the zone at this moment; try again",
    dns.rcode.NXDOMAIN: "somebody else changed the zone at this moment; try again",
    dns.rcode.NOTIMP: "it does not take updates",
    dns.rcode.SERVFAIL: "it failed; can it write its zone file?",
}


class Key(msgspec.Struct, frozen=True):
    """A TSIG key; ``secret`` in octets."""

    name: str
    algorithm: Algorithm
    secret: bytes

    def __repr__(self) -> str:
        return f"Key({self.name}, {self.algorithm})"


def read_key(text: str, *, name: str, algorithm: Algorithm) -> Key:
    """The key in a file of ``tsig-keygen``, else base64 with this name and algorithm.

    Raises ValueError, which does not repeat the secret.
    """
    found = _NAMED_KEY.fullmatch(text)
    secret = text.strip()
    if found is not None:
        name, secret = found[1], found[3]
        try:
            algorithm = msgspec.convert(found[2].lower(), Algorithm)
        except msgspec.ValidationError:
            raise ValueError(f"{found[2]} is too weak or unknown; take hmac-sha256") from None
    if not name:
        raise ValueError("the key needs its name: --key NAME, or the whole file of tsig-keygen")
    try:
        octets = base64.b64decode(secret, validate=True)
    except binascii.Error:
        octets = b""
    if not octets:
        raise ValueError("the secret of the key is not base64")
    return Key(name.rstrip(".").lower(), algorithm, octets)


class DynamicZone:
    """A zone on the server at ``host``, a name or an address, and ``port``."""

    def __init__(
        self,
        zone: str,
        host: str,
        port: int,
        key: Key,
        resolver: Resolver,
        *,
        seconds: float = SECONDS,
    ) -> None:
        """``resolver`` finds the address of a ``host`` that is a name."""
        self._zone = zone
        self._host = host
        self._port = port
        self._key = key
        self._resolver = resolver
        self._seconds = seconds

    async def read(self, places: Sequence[Place]) -> Mapping[Place, tuple[Record, ...]]:
        """Ask for each place; an alias is followed by nobody here."""
        host = await self._address()
        where = f"[{host}]:{self._port}" if ":" in host else f"{host}:{self._port}"
        server = Resolver(Servers([where], are_authorities=True))
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(name: str, kind: Kind) -> tuple[Record, ...]:
            async with slots:
                answer = await server.lookup(name, kind, seconds=self._seconds)
            return answer.records if kind == "CNAME" or answer.canonical == name else ()

        try:
            found = await asyncio.gather(*(one(name, kind) for name, kind in places))
        except LookupFailed as error:
            raise ZoneFailed(
                f"{self._where} can't be asked for {self._zone}: {error.reason}"
            ) from error
        except InvalidName as error:
            raise ZoneFailed(str(error)) from error
        finally:
            await server.close()
        return dict(zip(places, found, strict=True))

    async def write(self, changes: Sequence[Change]) -> None:
        """One signed update; without changes it only proves that the key is known."""
        key = dns.tsig.Key(self._key.name, self._key.secret, self._key.algorithm)
        message = self._message(changes)
        message.use_tsig(key)
        octets = message.to_wire()
        try:
            answer = dns.message.from_wire(
                await self._ask(octets), keyring={key.name: key}, request_mac=message.mac
            )
        except dns.tsig.PeerError as error:
            raise ZoneFailed(
                f"{self._where} does not accept the key: {_peer_error(error)}"
            ) from error
        except dns.exception.DNSException as error:
            raise ZoneFailed(f"{self._where}: its answer can't be trusted: {error}") from error
        rcode = answer.rcode()
        if rcode != dns.rcode.NOERROR:
            reason = _REASONS.get(rcode, f"it answers {dns.rcode.to_text(rcode)}")
            raise ZoneFailed(f"{self._where} did not change {self._zone}: {reason}")

    def _message(self, changes: Sequence[Change]) -> dns.update.UpdateMessage:
        message = dns.update.UpdateMessage(dns.name.from_text(self._zone))
        for change in changes:
            name = dns.name.from_text(change.name)
            try:
                before = _rdataset(change.kind, change.before, 0)
                after = _rdataset(change.kind, change.after, change.ttl)
            except ValueError as error:
                raise ZoneFailed(f"{change.name}: {error}") from error
            if before is None:
                message.absent(name, change.kind)
            else:
                message.present(name, before)
            if after is None:
                message.delete(name, change.kind)
            else:
                message.replace(name, after)
        return message

    @property
    def _where(self) -> str:
        return f"{self._host} port {self._port}"

    async def _address(self) -> str:
        if ":" in self._host or self._host.replace(".", "").isdecimal():
            return self._host
        kinds: tuple[Literal["A", "AAAA"], ...] = ("A", "AAAA")
        for kind in kinds:
            try:
                found = await self._resolver.lookup(self._host, kind)
            except (LookupFailed, InvalidName) as error:
                raise ZoneFailed(f"{self._host} can't be looked up: {error}") from error
            if found.records:
                return found.records[0]
        raise ZoneFailed(f"{self._host} has no address")

    async def _ask(self, octets: bytes) -> bytes:
        """One message over a connection of its own (RFC 7766)."""
        try:
            async with asyncio.timeout(self._seconds):
                found = await connect(
                    [await self._address()], self._port, _Exchange, seconds=self._seconds
                )
                try:
                    found.transport.write(_LENGTH.pack(len(octets)) + octets)
                    return await found.protocol.answer
                finally:
                    found.transport.abort()
        except TimeoutError as error:
            raise ZoneFailed(f"{self._where} did not answer in {self._seconds:g} s") from error
        except ConnectFailed as error:
            raise ZoneFailed(f"{self._where} can't be reached: {error.reason}") from error


class _Exchange(asyncio.Protocol):
    """Waits for one message with its length in front."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._octets = bytearray()

    def data_received(self, data: bytes) -> None:
        """Octets of the server; a message has at most 65,535."""
        self._octets += data
        if len(self._octets) >= _LENGTH.size and not self.answer.done():
            (size,) = _LENGTH.unpack_from(self._octets)
            whole = _LENGTH.size + size
            if len(self._octets) >= whole:
                self.answer.set_result(bytes(self._octets[_LENGTH.size : whole]))

    def connection_lost(self, exc: Exception | None) -> None:
        """No answer will come."""
        if not self.answer.done():
            self.answer.set_exception(
                ZoneFailed(f"the name server closed the connection{f': {exc}' if exc else ''}")
            )
            self.answer.exception()  # perhaps nobody waits any more


def _rdataset(kind: Kind, records: Sequence[Record], ttl: int) -> dns.rdataset.Rdataset | None:
    if not records:
        return None
    return dns.rdataset.from_rdata_list(ttl, [presentation.rdata(kind, one) for one in records])


def _peer_error(error: dns.tsig.PeerError) -> str:
    match error:
        case dns.tsig.PeerBadKey():
            return "it does not know a key of this name"
        case dns.tsig.PeerBadSignature():
            return "name or secret are wrong"
        case dns.tsig.PeerBadTime():
            return "the clocks of the two machines differ"
        case _:
            return str(error)
