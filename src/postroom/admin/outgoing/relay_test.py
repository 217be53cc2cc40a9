"""A relay is tried out, step by step as delivery would do it, and nothing is sent.

DNS, TCP, greeting, EHLO, TLS, login; with a recipient also MAIL and RCPT, taken back by RSET
before any content. The walk ends at the first step that fails, with the reason and what to
do about it. It is ``delivery.peer`` that goes; here it is only watched. No step tells the
password, nor a reply that repeats it.

RFC 5321 §3.1 to §3.3, RFC 3207, RFC 4954, RFC 8314 §3.3 (implicit TLS).
"""

import asyncio
import contextlib
import random
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Final, Literal

import msgspec

from postroom.address import Address, AddressError
from postroom.admin import names
from postroom.admin.office import Office
from postroom.admin.outgoing import relays
from postroom.admin.outgoing.visitor import Stage, Visitor
from postroom.config.model import Config
from postroom.delivery.connector import demand_of, login_of
from postroom.delivery.exchangers import Lookup, Nowhere
from postroom.delivery.outbound import client_tls
from postroom.delivery.peer import Demand, Login, PeerFailed
from postroom.directory import domains
from postroom.directory.relays import Relay, Tls
from postroom.mailauth import certificates
from postroom.net.dns import Resolver
from postroom.net.dns_records import LookupFailed
from postroom.net.networks import names_loopback
from postroom.net.outbound import ConnectFailed, connect
from postroom.protocol.smtp import client_events as events
from postroom.protocol.smtp.client_envelope import envelope, refusal
from postroom.protocol.smtp.client_transaction import Recipient, Transaction
from postroom.protocol.smtp.extensions import Extensions

SECONDS: Final = 30.0  # for each of: connecting, all up to the login, each reply after it
_ANYWHERE: Final = (ip_network("0.0.0.0/0"), ip_network("::/0"))
_HIDDEN: Final = "(hidden)"
_ENCODED: Final = re.compile(r"[A-Za-z0-9+/]{16,}+={0,2}")
_LEAST: Final = 4  # letters of a password that is worth to be hidden

Name = Stage | Literal["dns", "connect", "sender", "recipient"]
IN_WORDS: Final[Mapping[Name, str]] = {
    "dns": "DNS",
    "connect": "connecting",
    "greeting": "its greeting",
    "ehlo": "EHLO",
    "tls": "TLS",
    "login": "the login",
    "sender": "the sender",
    "recipient": "the recipient",
}


class Step(msgspec.Struct, frozen=True):
    """One step: what was ``seen``, and of the one that failed why and what to do."""

    name: Name
    ok: bool
    seen: dict[str, str]
    reason: str = ""
    action: str = ""


class RelayTest(msgspec.Struct, frozen=True):
    """How far it went; the last step is the one that failed, unless ``ok``."""

    relay: str
    host: str
    port: int
    tls: Tls
    ok: bool
    steps: tuple[Step, ...]


async def walk(
    office: Office, name: str, *, to: str = "", sender: str = "", seconds: float = SECONDS
) -> RelayTest:
    """Try a relay out; ``to`` and ``sender`` are for MAIL and RCPT, which are left out without.

    Raises NotFound, Invalid, and StorageFailed when the password can't be opened.
    """
    relay = await relays.load(office, name)
    recipient = names.address(to) if to else None
    by = await _sender(office, relay, sender) if to else None
    return await _walked(office.config, relay, office.now(), seconds, by, recipient)


async def probe(config: Config, relay: Relay, now: int, *, seconds: float) -> RelayTest:
    """The same for one that is not kept yet; ``now`` is UTC milliseconds."""
    return await _walked(config, relay, now, seconds)


async def _walked(
    config: Config,
    relay: Relay,
    now: int,
    seconds: float,
    by: Address | None = None,
    recipient: Address | None = None,
) -> RelayTest:
    going = _Walk(config, relay, now, seconds)
    async with Resolver(config.dns.servers) as resolver:
        await going.through(resolver, by, recipient)
    steps = tuple(going.steps)
    return RelayTest(relay.name, relay.host, relay.port, relay.tls, steps[-1].ok, steps)


class _Walk:
    """One walk; ``steps`` grows."""

    def __init__(self, config: Config, relay: Relay, now: int, seconds: float) -> None:
        self.steps: list[Step] = []
        self._config = config
        self._relay = relay
        self._now = now
        self._tls = client_tls(config)
        self._seconds = seconds
        self._demand = demand_of(relay)

    async def through(
        self, resolver: Resolver, sender: Address | None, recipient: Address | None
    ) -> None:
        """As far as it goes."""
        addresses = await self._look_up(resolver)
        visitor = await self._connect(addresses) if addresses else None
        if visitor is None:
            return
        try:
            is_open = await self._open(visitor, login_of(self._relay, addresses), addresses)
            if is_open and sender is not None and recipient is not None:
                await self._envelope(visitor, sender, recipient)
        finally:
            await visitor.leave()

    def _good(self, step: Name, **seen: str) -> None:
        self.steps.append(Step(step, ok=True, seen=self._shown(seen)))

    def _bad(self, step: Name, reason: str, action: str = "", **seen: str) -> None:
        action = action or _action(step, self._relay)
        if step == "login":  # some servers repeat the command that they refuse
            reason = _ENCODED.sub(_HIDDEN, reason)
        (reason,) = self._shown({"": reason}).values()
        self.steps.append(
            Step(step, ok=False, seen=self._shown(seen), reason=reason, action=action)
        )

    def _shown(self, seen: dict[str, str]) -> dict[str, str]:
        """What is not empty, without the password: a server may repeat what it was told."""
        secret = self._relay.password
        return {
            name: value.replace(secret, _HIDDEN) if len(secret) >= _LEAST else value
            for name, value in seen.items()
            if value
        }

    # The steps

    async def _look_up(self, resolver: Resolver) -> tuple[str, ...]:
        config, host = self._config, self._relay.host
        lookup = Lookup(
            resolver,
            config.hostname,
            shuffle=random.SystemRandom().shuffle,
            allow_private=_ANYWHERE,
        )
        try:
            found = await lookup.host(_literal(host))
        except Nowhere as error:
            local = "names in /etc/hosts don't count; " if names_loopback(host) else ""
            self._bad("dns", str(error), local and f"{local}{_set(self._relay, '--host ADDRESS')}")
            return ()
        except LookupFailed as error:
            self._bad("dns", error.reason, "check dns.servers in postroom.toml, and try again")
            return ()
        self._good("dns", addresses=", ".join(found.addresses))
        return found.addresses

    async def _connect(self, addresses: tuple[str, ...]) -> Visitor | None:
        """Connected, and inside TLS where that comes first."""
        try:
            visitor, address = await self._connected(addresses, self._demand)
        except ConnectFailed as error:
            if not error.has_answered:
                self._bad("connect", error.reason)
                return None
            address, reason = error.attempts[0]
            self._good("connect", address=address)
            await self._bad_tls(reason, addresses, is_certificate=error.is_certificate)
            return None
        self._good("connect", address=address)
        return visitor

    async def _connected(self, addresses: tuple[str, ...], demand: Demand) -> tuple[Visitor, str]:
        config = self._config
        sources = (config.delivery.source_ipv4, config.delivery.source_ipv6)
        context = self._tls.context(is_checked=demand.is_checked)
        found = await connect(
            addresses,
            self._relay.port,
            lambda: Visitor(config.hostname, self._tls),
            local_addresses=[one for one in sources if one],
            tls=(context, demand.name) if demand.is_implicit else None,
            seconds=self._seconds,
        )
        return found.protocol, found.address

    async def _open(
        self, visitor: Visitor, login: Login | None, addresses: tuple[str, ...]
    ) -> bool:
        is_certificate = False
        try:
            async with asyncio.timeout(self._seconds):
                await visitor.open(self._demand, login)
        except PeerFailed as failed:
            reason = failed.reply.text if failed.reply.is_local else f"it said {failed.reply}"
            is_certificate = failed.stage == "certificate"
        except TimeoutError:
            reason = f"no answer in {self._seconds:g} seconds"
        except ValueError as error:  # credentials that no mechanism carries
            reason = str(error)
        else:
            self._tell(visitor)
            return True
        self._tell(visitor)
        step = visitor.is_at(self._demand)
        if step == "tls":
            await self._bad_tls(reason, addresses, is_certificate=is_certificate)
        elif step == "login" and not visitor.mechanism:
            self._bad(step, reason, _no_mechanism(self._relay))
        else:
            self._bad(step, reason, mechanism=visitor.mechanism)
        return False

    def _tell(self, visitor: Visitor) -> None:
        """The steps of ``open`` that went well, in their order."""
        if self._demand.is_implicit and visitor.tls:
            self._good("tls", protocol=visitor.tls, **self._certificate(visitor))
        for event in visitor.seen:
            match event:
                case events.Greeted():
                    self._good("greeting", reply=str(event.reply))
                case events.Ready():
                    self._good("ehlo", name=event.extensions.name, offers=_offers(event.extensions))
                case events.BeginTls() if visitor.tls:
                    self._good("tls", protocol=visitor.tls, **self._certificate(visitor))
                case events.Authenticated():
                    self._good("login", mechanism=visitor.mechanism, reply=str(event.reply))
                case _:
                    continue

    async def _bad_tls(
        self, reason: str, addresses: tuple[str, ...], *, is_certificate: bool
    ) -> None:
        if not is_certificate:
            self._bad("tls", reason)
            return
        relay = self._relay
        action = (
            "name it as its certificate does, or, where you trust it as it is, take any:"
            f" {_set(relay, '--host H')} or --no-verify"
        )
        self._bad("tls", reason, action, **await self._looked_at(addresses))

    async def _looked_at(self, addresses: tuple[str, ...]) -> dict[str, str]:
        """The certificate that was not accepted: a connection that says nothing looks at it."""
        demand = msgspec.structs.replace(self._demand, is_checked=False)
        try:
            visitor, _ = await self._connected(addresses, demand)
        except ConnectFailed:
            return {}
        try:
            async with asyncio.timeout(self._seconds):
                await visitor.open(demand)
            return self._certificate(visitor)
        except (PeerFailed, TimeoutError):
            return {}
        finally:
            await visitor.leave()

    def _certificate(self, visitor: Visitor) -> dict[str, str]:
        chain = visitor.chain
        found = certificates.read(chain[0]) if chain else None
        if found is None:
            return {"certificate": "can't be read"}
        left = (found.not_after - datetime.fromtimestamp(self._now // 1000, UTC)).days
        return {
            "subject": found.parsed.subject.rfc4514_string(),
            "names": ", ".join(found.names[:5]),
            "issuer": found.parsed.issuer.rfc4514_string(),
            "valid": f"{found.validity}, {f'{left} days left' if left >= 0 else 'expired'}",
        }

    async def _envelope(self, visitor: Visitor, sender: Address, recipient: Address) -> None:
        transaction = Transaction(
            sender=str(sender).encode(),
            recipients=(Recipient(str(recipient).encode()),),
            needs_smtputf8=not (sender.is_ascii and recipient.is_ascii),
        )
        refused = refusal(transaction, visitor.extensions)
        if refused is not None:
            self._bad("sender", refused.text, address=str(sender))
            return
        commands = [octets for octets, _ in envelope(transaction, visitor.extensions)]
        replies = await visitor.say(commands, self._seconds)
        steps: tuple[tuple[Name, Address], ...] = (("sender", sender), ("recipient", recipient))
        for (name, address), reply in zip(steps, replies, strict=False):
            if reply.is_positive:
                self._good(name, address=str(address), reply=str(reply))
            else:
                said = reply.text if reply.is_local else f"it said {reply}"
                self._bad(name, said, address=str(address))


async def _sender(office: Office, relay: Relay, wanted: str) -> Address:
    """Whom MAIL names: who is wanted, or somebody whose mail goes through the relay."""
    if wanted:
        return names.address(wanted)
    view = await relays.show(office, relay.name)
    for use in view.uses:
        if use.kind == "account" and "@" in use.of:
            return names.address(use.of)
        if use.kind == "sender-domain":
            return names.address(f"postmaster@{use.of}")
    with contextlib.suppress(AddressError):
        return Address.parse(relay.login)
    first = await office.directory.look(domains.first)
    return names.address(f"postmaster@{office.config.hostname if first is None else first.name}")


def _literal(host: str) -> str:
    """A host that is an address is not looked up."""
    if ":" in host:
        return f"[IPv6:{host}]"
    return f"[{host}]" if host.replace(".", "").isdecimal() else host


def _offers(extensions: Extensions) -> str:
    """As they stand in the answer to EHLO."""
    size = extensions.size
    words = [
        ("PIPELINING", extensions.pipelining),
        (f"SIZE {size}" if size else "SIZE", size is not None),
        ("8BITMIME", extensions.eightbitmime),
        ("SMTPUTF8", extensions.smtputf8),
        ("CHUNKING", extensions.chunking),
        ("DSN", extensions.dsn),
        ("STARTTLS", extensions.starttls),
        ("REQUIRETLS", extensions.requiretls),
        (f"AUTH {' '.join(sorted(extensions.auth))}", bool(extensions.auth)),
    ]
    return ", ".join(word for word, is_offered in words if is_offered)


def _set(relay: Relay, options: str) -> str:
    return f"postroom relay set {relay.name} {options}"


def _no_mechanism(relay: Relay) -> str:
    if relay.tls == "none":
        return f"let it be encrypted: {_set(relay, '--tls starttls')}, or implicit"
    kind = "a password" if relay.mechanism else "a token or app password"
    return f"ask its operator how to log in, perhaps with {kind}: {_set(relay, '--user U')}"


def _action(name: Name, relay: Relay) -> str:
    """What to do about a step that failed."""
    match name:
        case "dns":
            return f"check the name of the relay: {_set(relay, '--host H')}"
        case "connect":
            return (
                f"check its address and port ({_set(relay, '--host H --port N')}), and that no"
                " firewall is in between; many networks close port 25, and leave 587 and 465 open"
            )
        case "tls":
            other = (
                "--port 587 --tls starttls"
                if relay.tls == "implicit"
                else "--port 465 --tls implicit"
            )
            return f"ask which port and TLS it wants, perhaps: {_set(relay, other)}"
        case "greeting":
            return (
                "check the port; when it begins with TLS, as 465 does:"
                f" {_set(relay, '--tls implicit')}; else ask its operator whether this address"
                " may connect"
            )
        case "ehlo":
            return "check hostname in postroom.toml, and ask its operator what is wrong with it"
        case "login":
            return (
                "check login and password, and whether the provider wants an app password:"
                f" {_set(relay, '--user U --password-stdin')}"
            )
        case "sender":
            with_login = "" if relay.login else f"log in ({_set(relay, '--user U')}), or "
            return f"{with_login}name a sender that the relay takes: --from ADDRESS"
        case "recipient":
            return "try another recipient with --to, or ask the relay's operator"
