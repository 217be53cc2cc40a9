"""What can be measured before a server is set up: addresses, ports, DNS as it is, clock, disk.

Each fact is good, wants attention, is bad (mail will not work like this), or could not be found
out, and comes with what to do. Nothing here changes anything.
"""

import asyncio
import contextlib
import ctypes
import ipaddress
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import msgspec

from postroom.admin import names
from postroom.config.model import Config, standard_listeners
from postroom.db import locks
from postroom.mailauth import dmarc_record, spf_record
from postroom.net import outbound, port_owner, sockets
from postroom.net.addresses import is_public
from postroom.net.dns import Resolver
from postroom.net.dns_records import InvalidName, LookupFailed

State = Literal["good", "attention", "bad", "unknown"]

PORTS: Final = tuple(one.port for one in standard_listeners())
WELL_KNOWN: Final = "gmail.com"  # whose mail servers always answer on port 25
SECONDS: Final = 8.0
LEAST_DISK: Final = 2 << 30  # octets
_UNITS: Final = {  # of the programs that most often have our ports, by the name of their process
    "master": "postfix", "exim4": "exim4", "sendmail-mta": "sendmail", "smtpd": "opensmtpd",
    "dovecot": "dovecot", "courier-imapd": "courier-imap", "cyrmaster": "cyrus-imapd",
}  # fmt: skip
_WEB_SERVERS: Final = frozenset({"nginx", "apache2", "httpd", "caddy", "lighttpd", "traefik"})
WEB_PORTS: Final = frozenset({"port 80", "port 443"})  # names of facts
_TAKEN: Final = "taken by "
_INNER: Final = 8080  # and on, for pages behind a web server
_KINDS: Final[dict[int, Literal["A", "AAAA"]]] = {4: "A", 6: "AAAA"}
_DAY: Final = 86_400  # seconds
_UNSYNCHRONISED: Final = 0x40  # STA_UNSYNC of adjtimex(2)


class Fact(msgspec.Struct, frozen=True):
    """``what`` was looked at, what was ``seen``, and ``advice`` ("" when all is well)."""

    what: str
    state: State
    seen: str
    advice: str = ""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where the server is to stand. ``ports`` are those that it wants to listen on."""

    domain: str
    hostname: str
    data: Path
    ports: Sequence[int] = PORTS


def place_of(domain: str, hostname: str, data: str, config: Config | None) -> Place:
    """The place of a server with these settings, or of one that has none yet."""
    name = names.domain(domain).ascii
    return Place(domain=name, hostname=hostname, data=Path(data), ports=ports_of(config))


def ports_of(config: Config | None) -> Sequence[int]:
    """The ports that a server with these settings wants, or one that has none yet."""
    return PORTS if config is None else [one.port for one in config.listen if one.port]


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """How the world is asked; other values are for networks without one."""

    resolver: Resolver
    outward: Callable[[], Iterable[str]] = sockets.outward_addresses
    well_known: str = WELL_KNOWN
    smtp_port: int = 25
    is_offline: bool = False


async def measure(place: Place, reach: Reach) -> list[Fact]:
    """Everything, in the order in which people should read it."""
    return [*here(place.data, place.ports, reach), *await outside(place, reach)]


def here(data: Path, ports: Sequence[int], reach: Reach) -> list[Fact]:
    """What the machine tells by itself, at once: addresses, ports, clock, disk."""
    return [*_addresses(reach), *_ports(data, ports), _clock(), _disk(data)]


async def outside(place: Place, reach: Reach) -> list[Fact]:
    """What is to be seen of the world, within some seconds: port 25, the names in DNS."""
    if reach.is_offline or not list(reach.outward()):
        return []
    asked = await asyncio.gather(
        _port_25(reach), _server_name(place, reach), _reverse(place, reach), _mail_now(place, reach),
        _policies(place, reach),
    )  # fmt: skip
    return [fact for facts in asked for fact in facts]


def is_blocked(facts: Iterable[Fact]) -> bool:
    """Whether mail can't leave this machine straight: it has to go through a relay."""
    return any(one.what == "outgoing port 25" and one.state == "bad" for one in facts)


def may_send(facts: Iterable[Fact]) -> bool:
    """Whether mail could leave this machine straight, as far as that is known."""
    return not any(
        one.state == "bad" and one.what in {"address", "outgoing port 25"} for one in facts
    )


def web_server(facts: Iterable[Fact]) -> str | None:
    """The program that serves web pages on the usual ports here, by its name."""
    programs = {
        one.seen.removeprefix(_TAKEN).partition(" ")[0] for one in facts if one.what in WEB_PORTS
    }
    return min(programs & _WEB_SERVERS, default=None)


def inner_web_port(
    facts: Iterable[Fact], listening: Callable[[int], bool] | None = None
) -> int | None:
    """A free port for our pages where a web server has theirs already; None where none has.

    ``listening`` says whether a port is taken.
    """
    is_taken = listening or (lambda port: port_owner.owner(port) is not None)
    if web_server(facts) is None:
        return None
    return next(port for port in range(_INNER, 1 << 16) if not is_taken(port))


def _addresses(reach: Reach) -> list[Fact]:
    found = list(reach.outward())
    if not found:
        return [
            Fact(
                "address",
                "bad",
                "none",
                "this machine has no route to the Internet, so nothing outside is measured: bring "
                "its network up, and run setup again; what you set up now stays",
            )
        ]
    public = [one for one in found if is_public(one)]
    if public:
        return [Fact("address", "good", ", ".join(public))]
    return [
        Fact(
            "address", "attention", f"{', '.join(found)}, not public",
            "the machine stands behind a router (NAT): forward the ports to it there; the public "
            "address is the one that DNS has for the server's name, or that postroom.toml names in "
            "[dns] public_addresses",
        )
    ]  # fmt: skip


def _ports(data: Path, ports: Sequence[int]) -> list[Fact]:
    server = locks.server(data)
    ours = [one for one in ports if server and port_owner.is_held(one, server)]
    taken = {port: port_owner.owner(port) for port in ports if port not in ours}
    facts = [
        Fact(f"port {port}", "attention", f"{_TAKEN}{who}", advice(who))
        for port, who in taken.items()
        if who is not None
    ]
    if ours:
        facts.append(Fact("own ports", "good", f"{_list(ours)}: this server runs"))
    free = [port for port, who in taken.items() if who is None]
    if free:
        facts.append(Fact("free ports", "good", _list(free)))
    least = sockets.least_port()
    low = [port for port in free if 0 < port < least]
    if low:
        facts.append(
            Fact(
                "right to ports", "attention", f"{_list(low)}: only root may open ports below {least}",
                "run setup as root; or give Postroom ports from 1024 on in [[listen]]",
            )
        )  # fmt: skip
    return facts


def advice(who: str) -> str:
    """What to do about a program that has a port: who is as ``port_owner`` says."""
    name = who.partition(" ")[0]
    if name in _WEB_SERVERS:
        return (
            "it may stay: the pages of Postroom get a port that only this machine reaches ([[listen]] of "
            "the new settings), for it to hand on to: docs/mail-programs.md"
        )
    stop = f"systemctl disable --now {_UNITS[name]}" if name in _UNITS else "stop it for good"
    return f"{stop}; or give Postroom another port or address in [[listen]]"


def _list(ports: Iterable[int]) -> str:
    return " ".join(map(str, ports))


def _clock() -> Fact:
    """The kernel knows whether anything keeps the clock right.

    A clock that is before this program was written here is wrong, whatever keeps it.
    """
    now, written = time.time(), Path(__file__).stat().st_mtime
    if now < written - _DAY:
        return Fact(
            "clock", "bad", f"it shows {datetime.fromtimestamp(now, UTC):%Y-%m-%d}, which is over",
            "set it right before you go on: no certificate is valid at that time",
        )  # fmt: skip
    with contextlib.suppress(OSError, AttributeError):
        buffer = ctypes.create_string_buffer(256)  # struct timex; modes = 0 only reads
        ctypes.CDLL(None).adjtimex(buffer)
        status = ctypes.c_int.from_buffer(buffer, ctypes.sizeof(ctypes.c_long) * 5).value
        if not status & _UNSYNCHRONISED:
            return Fact("clock", "good", "kept right")
        return Fact(
            "clock", "attention", "not synchronised",
            "let systemd-timesyncd or chrony set it: signatures and codes depend on the time",
        )  # fmt: skip
    return Fact("clock", "unknown", "this system does not tell")


def _disk(data: Path) -> Fact:
    existing = next(one for one in (data, *data.absolute().parents) if one.exists())
    free = shutil.disk_usage(existing).free
    seen = f"{free / (1 << 30):.1f} GB free at {existing}"
    if free < LEAST_DISK:
        return Fact("disk", "attention", seen, "mail is refused when less than 1 GB is left")
    return Fact("disk", "good", seen)


async def _port_25(reach: Reach) -> list[Fact]:
    """Many providers close it: then a relay sends."""
    try:
        found = await reach.resolver.lookup(reach.well_known, "MX", seconds=SECONDS)
        hosts = [one.host for one in sorted(found.records) if one.host][:2]
        addresses = [
            address
            for host in hosts
            for kind in _families(reach)
            for address in (await reach.resolver.lookup(host, kind, seconds=SECONDS)).records
        ]
    except LookupFailed as error:
        advice = "see /etc/resolv.conf, or name other servers in dns.servers"
        return [Fact("name servers", "bad", f"they do not answer: {error.reason}", advice)]
    except InvalidName as error:
        return [Fact("outgoing port 25", "unknown", str(error))]
    if not addresses:
        return [Fact("outgoing port 25", "unknown", f"{reach.well_known} has no mail server")]
    try:
        connected = await outbound.connect(
            addresses, reach.smtp_port, asyncio.Protocol, seconds=SECONDS
        )
    except outbound.ConnectFailed as error:
        return [
            Fact(
                "outgoing port 25", "bad", f"closed ({error.detail})",
                "send through a relay (postroom relay presets), or ask your provider to open it",
            )
        ]  # fmt: skip
    connected.transport.abort()
    return [Fact("outgoing port 25", "good", "open")]


def _families(reach: Reach) -> list[Literal["A", "AAAA"]]:
    """The kinds of addresses that this machine can speak to."""
    ours = {ipaddress.ip_address(one).version for one in reach.outward()}
    return [kind for version, kind in _KINDS.items() if version in ours]


async def _server_name(place: Place, reach: Reach) -> list[Fact]:
    ours = {one for one in reach.outward() if is_public(one)}
    looked = await asyncio.gather(
        _look(reach, place.hostname, "A"), _look(reach, place.hostname, "AAAA")
    )
    if None in looked:
        return [Fact("server name", "unknown", "DNS does not tell")]
    found = {address for one in looked for address in one or ()}
    if not found:
        return [
            Fact(
                "server name", "attention", f"{place.hostname} has no address yet",
                f"the records for it are the first of: postroom dns {place.domain}",
            )
        ]  # fmt: skip
    if ours and not found <= ours:
        return [
            Fact(
                "server name", "attention", f"{place.hostname} leads to {', '.join(sorted(found))}",
                f"let it lead to {', '.join(sorted(ours))}",
            )
        ]  # fmt: skip
    return [Fact("server name", "good", f"{place.hostname}: {', '.join(sorted(found))}")]


async def _reverse(place: Place, reach: Reach) -> list[Fact]:
    facts: list[Fact] = []
    for address in (one for one in reach.outward() if is_public(one)):
        found = await _look(reach, ipaddress.ip_address(address).reverse_pointer, "PTR")
        if found is None:
            facts.append(Fact("reverse name", "unknown", f"{address}: DNS does not tell"))
            continue
        seen = f"{address}: {', '.join(sorted(found)) or 'none'}"
        if place.hostname in found:
            facts.append(Fact("reverse name", "good", seen))
        else:
            advice = (
                f"set it to {place.hostname} where you rent the server; others refuse mail else"
            )
            facts.append(Fact("reverse name", "attention", seen, advice))
    return facts


async def _mail_now(place: Place, reach: Reach) -> list[Fact]:
    with contextlib.suppress(LookupFailed, InvalidName):
        found = await reach.resolver.lookup(place.domain, "MX", seconds=SECONDS)
        hosts = [one.host for one in found.records]
        others = [host for host in hosts if host and host != place.hostname]
        if others:
            return [
                Fact(
                    "mail of the domain", "attention", f"goes to {', '.join(others)} now",
                    "it goes on doing so until you change the MX record; import it first: "
                    "accounts and passwords here, then the MX",
                )
            ]  # fmt: skip
        if not found.exists:
            return [
                Fact(
                    "mail of the domain", "attention", f"there is no domain {place.domain} in DNS",
                    "register it, or see whether it is spelt like this",
                )
            ]  # fmt: skip
        seen = "comes here already" if hosts else "goes nowhere yet"
        return [Fact("mail of the domain", "good", seen)]
    return [Fact("mail of the domain", "unknown", "DNS does not tell")]


async def _policies(place: Place, reach: Reach) -> list[Fact]:
    """What is published already is merged, never written over."""
    facts: list[Fact] = []
    with contextlib.suppress(LookupFailed, InvalidName, spf_record.BadRecord):
        texts = (await reach.resolver.lookup(place.domain, "TXT", seconds=SECONDS)).records
        spf = spf_record.choose(texts)
        if spf is not None:
            advice = f"it is kept; this tells how it names this server, too: postroom dns {place.domain} --check"
            facts.append(Fact("SPF", "attention", spf.decode("ascii", "replace"), advice))
    with contextlib.suppress(LookupFailed, InvalidName):
        answer = await reach.resolver.lookup(f"_dmarc.{place.domain}", "TXT", seconds=SECONDS)
        found = dmarc_record.choose(answer.records)
        if found is not None and found.policy != "none":
            advice = "publish the DKIM keys before you send, or your mail is refused elsewhere"
            facts.append(Fact("DMARC", "attention", f"p={found.policy}", advice))
    return facts


async def _look(reach: Reach, name: str, kind: Literal["A", "AAAA", "PTR"]) -> set[str] | None:
    """The records; None when nobody could tell."""
    try:
        return set((await reach.resolver.lookup(name, kind, seconds=SECONDS)).records)
    except (LookupFailed, InvalidName):
        return None
