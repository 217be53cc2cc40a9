"""How a connection to a host of a domain must be encrypted, and what is told of it.

The first that says something counts (RFC 7672 §2, RFC 8461 §2):

1. a rule of the postmaster for the domain (``postroom tls``);
2. DANE, when a validating resolver on this machine vouches for the MX, the addresses and
   the TLSA records; a failed lookup of those is no licence to go on without (RFC 7672 §2.1);
3. MTA-STS: in mode enforce the host must be named by the policy and prove its name;
4. otherwise TLS where it is offered, whatever the certificate (RFC 7435), and if that fails,
   in clear, as everybody's mail has always gone.

A message with REQUIRETLS needs a proven host by 1 to 3, and a demand that is not given up: a
policy in mode testing is none (RFC 8689 §4.2.1).
"""

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
from postroom.net.dns import Resolver
from postroom.net.dns_records import InvalidName, LookupFailed
from postroom.protocol.smtp.client_replies import ServerReply, local_reply

Kind = Literal["rule", "dane", "sts", "testing", "any"]

NO_PROOF: Final = local_reply(
    550, "5.7.10", "The message requires proven TLS, and the domain publishes no way to prove it"
)


class Security(msgspec.Struct, frozen=True):
    """What applies to one host. ``refusal``: it must not be used at all, and why.

    ``tlsa``: the certificate must match one of these. ``policy`` is for reports;
    ``is_strict``: a failure of TLS is a failure of the delivery.
    """

    kind: Kind
    demand: Demand
    policy: tlsrpt.Policy
    tlsa: tuple[Tlsa, ...] = ()
    refusal: ServerReply | None = None
    failure: ResultType | None = None

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

    async def security(self, domain: str, exchangers: Exchangers, host: Host) -> Security:
        """What applies to mail for ``domain`` at ``host``. Raises LookupFailed for TLSA."""
        none = tlsrpt.Policy(policy_type="no-policy-found", policy_domain=domain)
        rule = await self._rules.for_domain(domain)
        if rule is not None:
            return Security("rule", _demand_of(rule, host.name), none)
        if exchangers.is_authenticated and host.is_authenticated:
            found = await self._dane(domain, host)
            if found is not None:
                return found
        policy = await self._sts(domain)
        if policy is not None and policy.mode != "none":
            return _by_policy(policy, domain, host.name)
        return Security("any", Demand("may", host.name), none)

    async def _dane(self, domain: str, host: Host) -> Security | None:
        try:
            answer = await self._resolver.lookup(dane.base_name(host.name), "TLSA")
        except InvalidName:  # the host's name is too long for any record below it
            return None
        if not answer.is_authenticated or not answer.records:
            return None
        records = dane.usable([Tlsa(*one) for one in answer.records])
        policy = tlsrpt.Policy(
            policy_type="tlsa",
            policy_string=tuple(map(str, records)),
            policy_domain=domain,
            mx_host=(host.name,),
        )
        return Security("dane", Demand("must", host.name), policy, records)

    async def _sts(self, domain: str) -> sts.Policy | None:
        try:
            return await self._policies.policy(Domain.parse(domain))
        except AddressError:
            return None


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


def _by_policy(policy: sts.Policy, domain: str, host: str) -> Security:
    told = tlsrpt.Policy(
        policy_type="sts",
        policy_string=policy.lines,
        policy_domain=domain,
        mx_host=policy.mx,
    )
    is_named = sts.matches(policy, host)
    if policy.mode == "enforce":
        refusal = None
        if not is_named:
            refusal = local_reply(
                451, "4.7.5", f"The MTA-STS policy of {domain} does not allow the host {host}"
            )
        demand = Demand("must", host, is_checked=True)
        failure: ResultType | None = None if is_named else "validation-failure"
        return Security("sts", demand, told, refusal=refusal, failure=failure)
    if not is_named:
        return Security("testing", Demand("may", host), told, failure="validation-failure")
    return Security("testing", Demand("must", host, is_checked=True), told)
