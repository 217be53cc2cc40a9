"""How a certificate authority is shown that names are ours: over HTTP, in a handshake, in DNS.

RFC 8555 §8.3 (http-01), §8.4 (dns-01), RFC 8737 (tls-alpn-01). Each is a context: what was put
up for an authority is taken down at the end, whatever came of it. Answers over HTTP stand for an
hour, as any server of a cluster may be asked for them.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final

from postroom.admin.dns import providers
from postroom.admin.dns.authority import Authorities, NoZone
from postroom.admin.dns.providers import Opened
from postroom.admin.office import Office
from postroom.config.model import Config, standard_listeners
from postroom.directory import certificates as rows, dns_providers
from postroom.errors import MailError, Refused
from postroom.net.acme import AcmeFailed, Prover
from postroom.net.acme_child import Challenge
from postroom.net.addresses import reachable
from postroom.net.dns import Resolver
from postroom.net.dns_records import InvalidName, LookupFailed
from postroom.net.tls_alpn import PROTOCOL
from postroom.notify import CHALLENGES

TTL: Final = 60  # seconds, of records that prove something
PATIENCE: Final = 180.0  # seconds until DNS shows what was written
PAUSE: Final = 3.0
DOOR_PATIENCE: Final = 20.0  # seconds until our own https listener shows a proof
DOOR_PAUSE: Final = 0.2

Sleep = Callable[[float], Awaitable[None]]


async def ways(office: Office, names: Sequence[str]) -> list[Challenge]:
    """How these names could be proven, the first that should be tried in front."""
    chosen = office.config.acme.challenge
    if chosen != "auto":
        return [chosen]
    doors = {one.protocol for one in office.config.listen or standard_listeners()}
    found: list[Challenge] = []
    if "http" in doors:
        found.append("http-01")
    if "https" in doors:
        found.append("tls-alpn-01")
    if await are_kept(office, names):
        found.append("dns-01")
    return found


async def are_kept(office: Office, names: Sequence[str]) -> bool:
    """Whether somebody lets us change the zones of all these names."""
    return await office.db.read(
        lambda tx: all(dns_providers.keeping(tx, name) is not None for name in names)
    )


@contextlib.asynccontextmanager
async def proving(
    office: Office, way: Challenge, resolver: Resolver, *, sleep: Sleep = asyncio.sleep
) -> AsyncIterator[Prover]:
    """What ``acme.issue`` proves with."""
    match way:
        case "http-01":
            yield _OverHttp(office)
        case "tls-alpn-01":
            handshake = _InHandshake(office, sleep)
            try:
                yield handshake
            finally:
                await handshake.end()
        case "dns-01":
            zone = _InDns(office, resolver, sleep)
            try:
                yield zone
            finally:
                await zone.end()


class _OverHttp:
    def __init__(self, office: Office) -> None:
        self._office = office

    async def prove(self, _name: str, token: str, answer: str) -> None:
        now = self._office.now()
        await self._office.db.write(lambda tx: rows.put_challenge(tx, token, answer, now))

    async def ready(self) -> None:
        return


class _InHandshake:
    """The server's https door shows it: it hears of it by a hint."""

    def __init__(self, office: Office, sleep: Sleep) -> None:
        self._office = office
        self._sleep = sleep
        self._names: list[str] = []

    async def prove(self, name: str, _token: str, answer: str) -> None:
        now = self._office.now()
        self._names.append(name)
        await self._office.db.write(
            lambda tx: rows.put_challenge(tx, name, answer, now, "tls-alpn-01")
        )

    async def ready(self) -> None:
        """Our own door must show it before anybody else looks."""
        host, port = _https_door(self._office.config)
        self._office.notify.hint([CHALLENGES])
        left = DOOR_PATIENCE
        for name in self._names:
            while not await _shows(host, port, name):
                if left <= 0:
                    raise AcmeFailed(
                        f"the https listener on {host} port {port} does not show the proof for "
                        f"{name}; is the server running?"
                    )
                await self._sleep(DOOR_PAUSE)
                left -= DOOR_PAUSE

    async def end(self) -> None:
        for name in self._names:
            await self._office.db.write(lambda tx, name=name: rows.remove_challenge(tx, name))  # type: ignore[misc]
        self._office.notify.hint([CHALLENGES])


class _InDns:
    """TXT records in zones that a provider lets us change."""

    def __init__(self, office: Office, resolver: Resolver, sleep: Sleep) -> None:
        self._office = office
        self._resolver = resolver
        self._sleep = sleep
        self._values: dict[str, list[bytes]] = {}
        self._written: list[tuple[Opened, str]] = []

    async def prove(self, name: str, _token: str, answer: str) -> None:
        self._values.setdefault(f"_acme-challenge.{name}", []).append(answer.encode())

    async def ready(self) -> None:
        for place in self._values:
            await self._write(place)
        left = PATIENCE
        for place, values in self._values.items():
            while not await self._is_seen(place, values):
                if left <= 0:
                    raise AcmeFailed(f"the name servers of {place} do not show the new record yet")
                await self._sleep(PAUSE)
                left -= PAUSE

    async def end(self) -> None:
        """Take ours away again; what can't be taken away harms nobody."""
        for zone, place in self._written:
            with contextlib.suppress(AcmeFailed):
                await self._change(zone, place, has_ours=False)

    async def _write(self, place: str) -> None:
        try:
            zone = await providers.opened(self._office, place, resolver=self._resolver)
        except (Refused, MailError) as error:
            raise AcmeFailed(str(error)) from error
        if zone is None:
            raise AcmeFailed(f"no provider keeps the zone of {place}: postroom dns provider add")
        self._written.append((zone, place))
        await self._change(zone, place, has_ours=True)

    async def _change(self, zone: Opened, place: str, *, has_ours: bool) -> None:
        from postroom.net.zones.zone import Change, ZoneFailed

        values = self._values[place]
        try:
            before = (await zone.access.read([(place, "TXT")]))[place, "TXT"]
            others = tuple(one for one in before if one not in values)
            after = (*others, *values) if has_ours else others
            if set(before) != set(after):
                change = Change(name=place, kind="TXT", before=before, after=after, ttl=TTL)
                await zone.access.write([change])
        except ZoneFailed as error:
            raise AcmeFailed(f"{zone.provider}: {error}") from error

    async def _is_seen(self, place: str, values: Sequence[bytes]) -> bool:
        """By the servers of the zone itself; where they can't be asked, the authority will see."""
        try:
            async with Authorities(self._resolver) as authorities:
                answer = await authorities.lookup(place, "TXT")
        except (LookupFailed, InvalidName, NoZone):
            return True
        return set(values) <= set(answer.records)


def _https_door(config: Config) -> tuple[str, int]:
    for one in config.listen or standard_listeners():
        if one.protocol == "https" and one.port:
            return reachable(one.address), one.port
    raise AcmeFailed("tls-alpn-01 needs an https listener with a fixed port")


async def _shows(host: str, port: int, name: str) -> bool:
    """Whether a handshake for the name speaks of ACME."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols([PROTOCOL])
    try:
        async with asyncio.timeout(DOOR_PATIENCE):
            _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=name)
    except (OSError, TimeoutError):
        return False
    found = writer.get_extra_info("ssl_object").selected_alpn_protocol()
    writer.transport.abort()
    return bool(found == PROTOCOL)
