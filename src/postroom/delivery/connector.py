"""From a way to an open connection: the hosts in order, each as securely as it must be.

``candidates`` lists the hosts of a way; ``open`` connects to one of them. What goes wrong is
an ``Unusable`` with the reply that the sender would be told, and the next host is tried.
Opportunistic TLS that fails is repeated in clear, testing policies without the check;
strict ones never are. Results of TLS are counted for reports (RFC 8460).
"""

from collections.abc import Sequence

import msgspec

from postroom.delivery.dead_hosts import DeadHosts
from postroom.delivery.exchangers import Exchangers, Host, Lookup, Nowhere
from postroom.delivery.peer import NO_LIMITS, Demand, Login, Peer, PeerFailed
from postroom.delivery.router import Way
from postroom.delivery.tls_counts import TlsCounts
from postroom.delivery.tls_policy import (
    NO_PROOF,
    Need,
    Security,
    TlsPolicy,
    unreachable,
    waived,
)
from postroom.delivery.wire import Limits
from postroom.directory.relays import Relay
from postroom.mailauth import dane
from postroom.mailauth.tlsrpt import ResultType
from postroom.net.addresses import is_loopback
from postroom.net.dns_records import LookupFailed
from postroom.net.outbound import ConnectFailed, connect
from postroom.net.tls_client import ClientTls
from postroom.protocol.sasl.client import Credentials
from postroom.protocol.smtp.client_replies import ServerReply, local_reply

Terms = tuple[tuple[str, Demand, tuple[dane.Tlsa, ...], bool, str], ...]
"""For each host, by name: what TLS must be like there. With DANE-TA also the domain: it is one of
the names that the certificate may have (RFC 7672 §3.2.2), so that another domain proves nothing."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How this server presents itself. ``sources``: addresses to connect from."""

    hostname: str
    port: int = 25
    sources: tuple[str, ...] = ()
    limits: Limits = NO_LIMITS


class Candidate(msgspec.Struct, frozen=True):
    """One host of a way. ``exchangers`` None: a relay."""

    way: Way
    host: str
    exchangers: Exchangers | None = None


class Unusable(Exception):
    """A host can't be used now; ``reply`` says why."""

    def __init__(self, reply: ServerReply) -> None:
        self.reply = reply
        super().__init__(str(reply))


class Connector:
    """Opens connections. ``clock`` of the policies is handed on for certificates of DANE."""

    def __init__(
        self,
        settings: Settings,
        lookup: Lookup,
        relay_lookup: Lookup,
        policy: TlsPolicy,
        tls: ClientTls,
        counts: TlsCounts,
        dead: DeadHosts,
    ) -> None:
        """``relay_lookup`` may find private addresses: a relay was named by a postmaster."""
        self._settings = settings
        self._lookup = lookup
        self._relay_lookup = relay_lookup
        self._policy = policy
        self._tls = tls
        self._counts = counts
        self._dead = dead

    async def candidates(self, way: Way) -> list[Candidate]:
        """The hosts, best first. Raises Nowhere, LookupFailed."""
        if way.relay is not None:
            return [Candidate(way, way.relay.host)]
        found = await self._lookup.exchangers(way.domain)
        return [Candidate(way, host, found) for host in found.hosts]

    async def key(self, candidate: Candidate) -> str:
        """Connections with the same key can be used for each other's messages.

        What a postmaster says of them is part of it, so that a change counts at once, and no
        connection is used that would not be opened like that any more.
        """
        way = candidate.way
        told = hash(way.relay) if way.relay else await self._policy.rule(way.domain)
        return f"{way.key}>{candidate.host}/{told}"

    async def urge(self, candidates: Sequence[Candidate]) -> None:
        """These hosts are to be tried now, even where nobody answered a moment ago."""
        for one in candidates:
            relay = one.way.relay
            lookup = self._lookup if relay is None else self._relay_lookup
            try:
                host = await lookup.host(one.host if relay is None else _literal(relay.host))
            except (Nowhere, LookupFailed):
                continue  # who opens it is told
            self._dead.forget(host.addresses, self._settings.port if relay is None else relay.port)

    async def terms(self, candidates: Sequence[Candidate]) -> Terms | None:
        """How each host must be used; None: it can't be told, or one must not be used.

        Mail of two domains may share connections when the terms of both are the same.
        """
        terms: list[tuple[str, Demand, tuple[dane.Tlsa, ...], bool, str]] = []
        for one in sorted(candidates, key=lambda one: one.host):
            if one.exchangers is None:
                return None
            try:
                host = await self._lookup.host(one.host)
                security = await self._policy.security(one.way.domain, one.exchangers, host)
            except (Nowhere, LookupFailed):
                return None
            if security.refusal is not None:
                return None
            names_count = any(record.usage == dane.DANE_TA for record in security.tlsa)
            domain = one.way.domain if names_count else ""
            terms.append((host.name, security.demand, security.tlsa, security.is_strict, domain))
        return tuple(terms)

    async def open(self, candidate: Candidate, need: Need = "policy") -> Peer:
        """A connection that is ready for messages. Raises Unusable, Nowhere, LookupFailed."""
        relay = candidate.way.relay
        if relay is not None:
            return await self._open_relay(relay, must_prove=need == "proof")
        exchangers = candidate.exchangers or Exchangers((candidate.host,), candidate.way.domain)
        host = await self._lookup.host(candidate.host)
        try:
            security = await self._policy.security(candidate.way.domain, exchangers, host)
        except LookupFailed as error:
            return await self._given_up(None, host, Unusable(unreachable(error)), need)
        if security.refusal is not None:
            self._count(security, host.name, security.failure, security.reason)
            return await self._given_up(security, host, Unusable(security.refusal), need)
        if need == "proof" and not security.is_proven:
            raise Unusable(NO_PROOF)
        try:
            return await self._secure(security, host.name, host.addresses)
        except Unusable as error:
            return await self._given_up(security, host, error, need)

    async def _given_up(
        self, security: Security | None, host: Host, error: Unusable, need: Need
    ) -> Peer:
        """A policy was not met: once more without, for messages that can do without it."""
        left = waived(security, host.name) if need == "none" else None
        if left is None:
            raise error
        return await self._secure(left, host.name, host.addresses)

    async def _secure(self, security: Security, name: str, addresses: tuple[str, ...]) -> Peer:
        """Connect as demanded; where the demand is soft, less and less. Raises Unusable."""
        demand = security.demand
        while True:
            try:
                peer = await self._connected(name, addresses, self._settings.port, demand, None)
            except PeerFailed as failed:
                failure = _failure(failed)
                if failure is not None and demand == security.demand:
                    self._count(security, name, failure, failed.reply.text)
                is_final = security.is_strict or failure is None or failed.stage == "broken"
                softer = None if is_final else _softer(demand)
                if softer is None:
                    raise Unusable(failed.reply) from failed
                demand = softer
                continue
            self._check_dane(security, peer, name)
            if demand == security.demand:
                if demand.use == "may" and not peer.tls:
                    self._count(security, name, "starttls-not-supported")
                else:
                    self._count(security, name, security.failure, security.reason)
            return peer

    def _check_dane(self, security: Security, peer: Peer, name: str) -> None:
        if not security.tlsa:
            return
        names = (security.demand.name, security.policy.policy_domain)
        verdict = dane.matches(security.tlsa, peer.chain, names, self._counts.now() // 1000)
        if not verdict.is_match:
            peer.abort()
            self._count(security, name, verdict.failure or "validation-failure", verdict.reason)
            raise Unusable(local_reply(454, "4.7.5", f"DANE: {verdict.reason}"))

    async def _open_relay(self, relay: Relay, *, must_prove: bool) -> Peer:
        host = await self._relay_lookup.host(_literal(relay.host))
        demand = demand_of(relay)
        if must_prove and not demand.is_checked:
            why = f"The message requires proven TLS, and the relay {relay.name} proves nothing"
            raise Unusable(local_reply(550, "5.7.10", why))
        try:
            return await self._connected(
                relay.host, host.addresses, relay.port, demand, login_of(relay, host.addresses)
            )
        except PeerFailed as failed:
            raise Unusable(failed.reply) from failed

    async def _connected(
        self,
        name: str,
        addresses: tuple[str, ...],
        port: int,
        demand: Demand,
        login: Login | None,
    ) -> Peer:
        settings, dead = self._settings, self._dead
        context = self._tls.context(is_checked=demand.is_checked)
        usable = dead.usable(addresses, port)
        if not usable:
            raise Unusable(local_reply(451, "4.4.1", f"{name}: {dead.why(addresses, port)}"))
        try:
            found = await connect(
                usable,
                port,
                lambda: Peer(settings.hostname, self._tls, limits=settings.limits),
                local_addresses=settings.sources,
                tls=(context, demand.name) if demand.is_implicit else None,
            )
        except ConnectFailed as error:
            if error.has_answered:
                dead.answered(error.attempts[0][0], port)
            else:
                dead.failed(error.attempts, port)
            if demand.is_implicit:
                self._tls.forget(demand.name)
            raise Unusable(local_reply(451, "4.4.1", f"{name}: {error.reason}")) from error
        dead.answered(found.address, port)
        peer = found.protocol
        peer.address = found.address
        await peer.open(demand, login)
        if peer.extensions.name.lower() == settings.hostname.lower():
            await peer.quit()
            raise Unusable(local_reply(550, "5.4.6", f"{name} is this server itself: a loop"))
        return peer

    def _count(
        self, security: Security, host: str, failure: ResultType | None, detail: str = ""
    ) -> None:
        if security.kind != "waived":  # it was counted with the policy that was not met
            self._counts.count(security.policy, host, failure, detail)


def demand_of(relay: Relay) -> Demand:
    """What TLS with a relay must be like."""
    if relay.tls == "none":
        return Demand("none", relay.host)
    return Demand("must", relay.host, is_checked=relay.verify, is_implicit=relay.tls == "implicit")


def login_of(relay: Relay, addresses: tuple[str, ...] = ()) -> Login | None:
    """Who we are there."""
    if not relay.login:
        return None
    credentials = Credentials(
        login=relay.login, secret=relay.password, host=relay.host, port=relay.port
    )
    is_near = bool(addresses) and all(map(is_loopback, addresses))
    return Login(credentials, is_token=relay.mechanism == "xoauth2", is_clear=is_near)


def _literal(host: str) -> str:
    """A relay's host may be an address, which is not looked up."""
    if ":" in host:
        return f"[IPv6:{host}]"
    return f"[{host}]" if host.replace(".", "").isdigit() else host


def _softer(demand: Demand) -> Demand | None:
    if demand.is_checked:
        return Demand("may", demand.name)
    return Demand("none", demand.name) if demand.use != "none" else None


def _failure(failed: PeerFailed) -> ResultType | None:
    """What a failure means for reports; None: it was not about TLS."""
    if failed.stage == "certificate":
        text = failed.reply.text.lower()
        if "hostname" in text or "mismatch" in text or "ip address" in text:
            return "certificate-host-mismatch"
        return "certificate-expired" if "expired" in text else "certificate-not-trusted"
    if failed.stage == "tls":
        is_missing = "does not offer" in failed.reply.text
        return "starttls-not-supported" if is_missing else "validation-failure"
    return None
