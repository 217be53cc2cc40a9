"""How a connection to a host of a domain must be encrypted, and what is told of it.

The first that says something counts (RFC 7672 §2, RFC 8461 §2):

1. a rule of the postmaster for the domain (``postroom tls``);
2. DANE, when a validating resolver on this machine vouches for the MX, the host's name and
   the TLSA records; a failed lookup of those is no licence to go on without (RFC 7672 §2.1);
3. MTA-STS: in mode enforce the host must be named by the policy and prove its name;
4. otherwise TLS where it is offered, whatever the certificate (RFC 7435), and if that fails,
   in clear, as everybody's mail has always gone.

A message with REQUIRETLS needs a proven host by 1 to 3, and a demand that is not given up: a
policy in mode testing is none (RFC 8689 §4.2.1). A message with TLS-Required: No goes even where 2
or 3 can't be had (RFC 8689 §5): people who report that a domain's TLS is broken say so in it.
"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from postroom.address import AddressError, Domain
from postroom.delivery.exchangers import Exchangers, Host
from postroom.delivery.peer import Demand
from postroom.delivery.sts_cache import StsCache
from postroom.directory.tls_rules import TlsRules
from postroom.mailauth import dane, sts, tlsrpt
from postroom.mailauth.dane import Tlsa
from postroom.mailauth.tlsrpt import ResultType
from postroom.net import dns_records
from postroom.net.dns import Resolver
from postroom.net.dns_records import InvalidName, LookupFailed
from postroom.protocol.smtp.client_replies import ServerReply, local_reply

Kind = Literal["rule", "dane", "sts", "testing", "any", "waived"]
Need = Literal["proof", "policy", "none"]
"""What a message asks of TLS: a proven host (REQUIRETLS), what applies to its recipient's
domain, or nothing (TLS-Required: No)."""

NO_PROOF: Final = local_reply(
    550, "5.7.10", "The message requires proven TLS, and the domain publishes no way to prove it"
)


class Security(msgspec.Struct, frozen=True):
    """What applies to one host. ``refusal``: it must not be used at all, and why.

    ``tlsa``: the certificate must match one of these. ``policy`` is for reports, and so are
    ``failure`` and its ``reason``: what is wrong already, however TLS will go. ``is_strict``:
    a failure of TLS is a failure of the delivery.
    """

    kind: Kind
    demand: Demand
    policy: tlsrpt.Policy
    tlsa: tuple[Tlsa, ...] = ()
    refusal: ServerReply | None = None
    failure: ResultType | None = None
    reason: str = ""

    @property
    def is_strict(self) -> bool:
        """Nothing is sent when TLS does not come about as demanded."""
        return self.demand.use == "must" and self.kind != "testing"

    @property
    def is_proven(self) -> bool:
        """The host has to prove who it is, or gets nothing."""
        return self.is_strict and (self.demand.is_checked or bool(self.tlsa))


class TlsPolicy:
    """Decides for each host. Rules, policies and records come from their caches."""

    def __init__(self, rules: TlsRules, policies: StsCache, resolver: Resolver) -> None:
        self._rules = rules
        self._policies = policies
        self._resolver = resolver

    async def rule(self, domain: str) -> str:
        """What a postmaster demands for a domain, "" for nothing."""
        return await self._rules.for_domain(domain) or ""

    async def security(self, domain: str, exchangers: Exchangers, host: Host) -> Security:
        """What applies to mail for ``domain`` at ``host``. Raises LookupFailed for TLSA."""
        none = tlsrpt.Policy(policy_type="no-policy-found", policy_domain=domain)
        rule = await self._rules.for_domain(domain)
        if rule is not None:
            return Security("rule", _demand_of(rule, host.name), none)
        if exchangers.is_authenticated:
            security = await self._dane(domain, host)
            if security is not None:
                return security
        found = await self._sts(domain)
        if found.policy is not None and found.policy.mode != "none":
            return _by_policy(found.policy, found, domain, host.name)
        if found.failure is not None:
            none = tlsrpt.Policy(policy_type="sts", policy_domain=domain)
        return Security(
            "any", Demand("may", host.name), none, failure=found.failure, reason=found.reason
        )

    async def _dane(self, domain: str, host: Host) -> Security | None:
        """By the first name of the host that has records; RFC 7672 §2.2.3."""
        for name in await self._base_domains(host):
            try:
                answer = await self._resolver.lookup(dane.base_name(name), "TLSA")
            except InvalidName:  # the host's name is too long for any record below it
                continue
            if answer.is_authenticated and answer.records:
                return _by_records(answer.records, domain, host.name, name)
        return None

    async def _base_domains(self, host: Host) -> tuple[str, ...]:
        """The names whose TLSA records would count: where the host's aliases lead, then its own.

        Where nobody vouches for the end of the aliases, somebody may for the first one.
        """
        if host.is_authenticated:
            return tuple(dict.fromkeys((host.canonical, host.name)))
        if host.canonical == host.name:
            return ()
        alias = await self._resolver.lookup(host.name, "CNAME")
        return (host.name,) if alias.is_authenticated and alias.records else ()

    async def _sts(self, domain: str) -> sts.Discovery:
        try:
            return await self._policies.discovery(Domain.parse(domain))
        except AddressError:
            return sts.Discovery(policy=None, remembered=None)


def waived(security: Security | None, name: str) -> Security | None:
    """What is left for a message that can do without; None: nothing can be given up.

    A rule of the postmaster stands, whatever a sender says.
    """
    if security is not None and (security.kind == "rule" or not security.is_strict):
        return None
    policy = tlsrpt.Policy(policy_type="no-policy-found", policy_domain=name)
    return Security("waived", Demand("may", name), policy)


def unreachable(error: LookupFailed) -> ServerReply:
    """What is told when the records of a host can't be looked up: it is not used."""
    return local_reply(451, "4.7.5", f"TLSA records can't be looked up: {error.reason}")


def _demand_of(rule: str, name: str) -> Demand:
    match rule:
        case "none":
            return Demand("none", name)
        case "encrypt":
            return Demand("must", name)
        case "verify":
            return Demand("must", name, is_checked=True)
        case _:
            return Demand("may", name)


def _by_records(found: Sequence[dns_records.Tlsa], domain: str, host: str, base: str) -> Security:
    """TLS is asked for under the name that has the records (RFC 7672 §8.1)."""
    usable = dane.usable([Tlsa(*one) for one in found])
    policy = tlsrpt.Policy(
        policy_type="tlsa",
        policy_string=tuple(map(str, usable)),
        policy_domain=domain,
        mx_host=(host,),
    )
    security = Security("dane", Demand("must", base), policy, usable)
    if usable:
        return security
    why = "none of the TLSA records can be used"
    return msgspec.structs.replace(security, failure="tlsa-invalid", reason=why)


def _by_policy(policy: sts.Policy, found: sts.Discovery, domain: str, host: str) -> Security:
    told = tlsrpt.Policy(
        policy_type="sts",
        policy_string=policy.lines,
        policy_domain=domain,
        mx_host=policy.mx,
    )
    kind: Kind = "sts" if policy.mode == "enforce" else "testing"
    demand, refusal = Demand("must", host, is_checked=True), None
    failure, reason = found.failure, found.reason
    if not sts.matches(policy, host):
        failure = "validation-failure"
        reason = f"The MTA-STS policy of {domain} does not allow the host {host}"
        if policy.mode == "enforce":
            refusal = local_reply(451, "4.7.5", reason)
        else:
            demand = Demand("may", host)
    return Security(kind, demand, told, refusal=refusal, failure=failure, reason=reason)
