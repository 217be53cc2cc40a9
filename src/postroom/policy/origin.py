"""Where a message comes from: every check of its origin, together, and what they found.

    origin = Origin(asking, client)
    origin.begin()                             # iprev and SPF need no content
    seals = Seals(head, now=..)                # fed with the body while it comes
    findings = await origin.finish(head, seals, trusted_sealers=..)

Checks that do not need each other run at the same time, and the names that later ones will
ask for are looked up ahead of them.

RFC 7208 §2.3 and §2.4 (HELO and MAIL FROM), RFC 6376, RFC 8617, RFC 9989 §4.
"""

import ipaddress
from collections.abc import Awaitable, Collection
from typing import Final, TypeVar

import msgspec

from postroom.address import AddressError, Domain
from postroom.mailauth import arc, dkim_verify, dmarc, iprev, results
from postroom.mailauth.arc import Chain
from postroom.mailauth.author import Anonymous, NoAuthor, author_domain
from postroom.mailauth.dkim_verify import Result as DkimResult
from postroom.mailauth.dmarc import Result as DmarcResult
from postroom.mailauth.iprev import Result as IprevResult
from postroom.mailauth.lookups import Check, Lookup
from postroom.mailauth.results import Result
from postroom.mailauth.spf import Result as SpfResult, check_host
from postroom.policy.asking import Asked, Asking, overheard
from postroom.policy.facts import Authentication

T = TypeVar("T")

_LIGHT: Final = 4  # signatures and seals that are verified on the event loop


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """Who sends. ``sender`` is MAIL FROM, "" for the null path; ``receiver`` our own name.

    ``address`` is that of the connection; "": it tells nothing, as behind a server of ours.
    """

    address: str
    helo: str
    sender: str
    receiver: str

    @property
    def sender_domain(self) -> str:
        """Whose policy MAIL FROM is checked by; of the null path that of HELO (§2.4)."""
        domain = self.sender.rpartition("@")[2] if self.sender else self.helo
        return domain.lower().removesuffix(".")


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What each check found; None for one that was not done. ``fault``: why no DMARC."""

    client: Client
    iprev: IprevResult | None = None
    spf: SpfResult | None = None
    helo: SpfResult | None = None
    dkim: tuple[DkimResult, ...] = ()
    arc: Chain = Chain(outcome="none")
    dmarc: DmarcResult | None = None
    is_undecided: bool = False
    sealer: str = ""
    fault: str = ""
    is_anonymous: bool = False

    def authentication(self) -> Authentication:
        """The digest that stages judge by."""
        found = self.dmarc
        return Authentication(
            iprev="none" if self.iprev is None else self.iprev.outcome,
            name="" if self.iprev is None else self.iprev.name,
            spf="none" if self.spf is None else self.spf.outcome,
            spf_domain=self.client.sender_domain,
            explanation="" if self.spf is None else self.spf.explanation,
            dkim=_passed(self.dkim),
            dmarc="none" if found is None else self._outcome(found),
            author="" if found is None else found.author,
            policy="none" if found is None else found.policy,
            arc=self.arc.outcome,
            sealer=self.sealer,
            fault=self.fault,
            is_anonymous=self.is_anonymous,
        )

    def results(self) -> list[Result]:
        """For Authentication-Results (RFC 8601 §2.7) and for people."""
        client = self.client
        told: list[Result] = []
        if self.iprev is not None:
            told.append(
                Result(
                    method="iprev",
                    outcome=self.iprev.outcome,
                    comment=self.iprev.name,
                    reason=self.iprev.problem,
                    properties=(("policy.iprev", client.address),),
                )
            )
        if self.spf is not None and client.sender:
            told.append(_spf_result(self.spf, "smtp.mailfrom", client.sender))
        if self.helo is not None:
            told.append(_spf_result(self.helo, "smtp.helo", client.helo))
        told += [_dkim_result(one) for one in self.dkim] or [Result(method="dkim", outcome="none")]
        if self.arc.outcome != "none":
            comment = "sealed by " + ", ".join(self.arc.sealers) if self.arc.sealers else ""
            told.append(
                Result(
                    method="arc",
                    outcome=self.arc.outcome,
                    comment=comment,
                    reason=self.arc.problem,
                )
            )
        if self.dmarc is not None:
            told.append(self._dmarc_result(self.dmarc))
        elif self.fault:
            told.append(Result(method="dmarc", outcome="permerror", reason=self.fault))
        return told

    def _outcome(self, found: DmarcResult) -> str:
        return "temperror" if self.is_undecided else found.outcome

    def _dmarc_result(self, found: DmarcResult) -> Result:
        reason = found.problem
        if self.is_undecided:
            reason = "a name that decides it can't be looked up"
        elif self.sealer and found.outcome != "pass":
            reason = f"it passed at {self.sealer}, which is trusted (ARC)"
        record = found.record
        return Result(
            method="dmarc",
            outcome=self._outcome(found),
            comment=f"p={record.policy} of {found.source}" if record is not None else "",
            reason=reason,
            properties=(
                ("header.from", found.author),
                ("policy.dmarc", "" if record is None else found.policy),
            ),
        )


class Seals:
    """The signatures of a message, DKIM's and ARC's, while its body comes."""

    def __init__(self, head: bytes, *, now: int) -> None:
        """``head`` is the header block as received; ``now`` in seconds since 1970."""
        self.dkim = dkim_verify.Verifier(head, now=now)
        self.arc = arc.Verifier(head)

    def feed(self, block: bytes) -> None:
        """The next octets of the body."""
        self.dkim.feed(block)
        self.arc.feed(block)


class Origin:
    """The checks of one message."""

    def __init__(
        self,
        asking: Asking,
        client: Client,
        *,
        now: int,
        heard: dict[str, list[Asked]] | None = None,
    ) -> None:
        """``now`` in seconds since 1970. Into ``heard`` go the questions of each check."""
        self._asking = asking
        self._client = client
        self._now = now
        self._heard = heard
        self._iprev: Awaitable[IprevResult] | None = None
        self._spf: Awaitable[SpfResult] | None = None
        self._helo: Awaitable[SpfResult] | None = None

    def begin(self) -> None:
        """Start what needs no content."""
        client = self._client
        if not client.address:
            return
        ip = ipaddress.ip_address(client.address.partition("%")[0])
        helo = client.helo.lower().removesuffix(".")
        self._iprev = self._begin("iprev", iprev.check(ip))
        self._helo = self._begin("helo", self._spf_check(ip, helo, ""))
        if client.sender:
            self._spf = self._begin("spf", self._spf_check(ip, client.sender_domain, client.sender))

    async def finish(
        self, head: bytes, seals: Seals, *, trusted_sealers: Collection[str] = ()
    ) -> Findings:
        """Do the rest, and wait for all. Nothing raises but for a mistake of ours."""
        asking = self._asking
        author, fault = "", None
        try:
            author = author_domain(head).ascii
        except NoAuthor as error:
            fault = error
        is_heavy = len(seals.dkim.key_names) + len(seals.arc.key_names) > _LIGHT
        for name in seals.dkim.key_names:
            asking.begin_lookup(Lookup(name, "TXT"))
        if author:
            asking.begin_lookup(Lookup(f"_dmarc.{author}", "TXT"))
        dkim_under_way = self._begin("dkim", seals.dkim.check(), is_heavy=is_heavy)
        chain = await self._begin("arc", seals.arc.check(), is_heavy=is_heavy)
        signatures = await dkim_under_way
        helo = None if self._helo is None else await self._helo
        sent = helo if self._spf is None else await self._spf
        found = Findings(
            client=self._client,
            iprev=None if self._iprev is None else await self._iprev,
            spf=sent,
            helo=helo,
            dkim=signatures,
            arc=chain,
        )
        if not self._client.address:
            return found
        if fault is not None:
            is_anonymous = isinstance(fault, Anonymous)
            return msgspec.structs.replace(found, fault=str(fault), is_anonymous=is_anonymous)
        judged = await self._begin("dmarc", self._dmarc_check(author, found, ("pass",)))
        is_undecided = False
        if judged.outcome == "fail" and _is_unsure(found):
            other = await asking.run(self._dmarc_check(author, found, ("pass", "temperror")))
            is_undecided = other.outcome != "fail"
        return msgspec.structs.replace(
            found,
            dmarc=judged,
            is_undecided=is_undecided,
            sealer=_sealer(chain, author, trusted_sealers),
        )

    def _begin(self, name: str, check: Check[T], *, is_heavy: bool = False) -> Awaitable[T]:
        if self._heard is not None:
            check = overheard(check, self._heard.setdefault(name, []))
        return self._asking.begin(check, is_heavy=is_heavy)

    def _spf_check(
        self, ip: ipaddress.IPv4Address | ipaddress.IPv6Address, domain: str, sender: str
    ) -> Check[SpfResult]:
        return check_host(
            ip,
            domain,
            sender,
            helo=self._client.helo,
            receiver=self._client.receiver,
            time=self._now,
        )

    def _dmarc_check(
        self, author: str, found: Findings, outcomes: Collection[str]
    ) -> Check[DmarcResult]:
        domain = self._client.sender_domain
        is_good = found.spf is not None and found.spf.outcome in outcomes
        return dmarc.check(
            author,
            spf=domain if is_good else None,
            dkim=[one.domain for one in found.dkim if one.outcome in outcomes],
        )


def _is_unsure(found: Findings) -> bool:
    is_unsure = found.spf is not None and found.spf.outcome == "temperror"
    return is_unsure or any(one.outcome == "temperror" for one in found.dkim)


def _passed(signatures: Collection[DkimResult]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.domain for one in signatures if one.outcome == "pass"))


def _sealer(chain: Chain, author: str, trusted: Collection[str]) -> str:
    """Who saw DMARC pass, if everybody since then is trusted (threat A13)."""
    for domain, value in reversed(list(zip(chain.sealers, chain.results, strict=True))):
        if domain not in trusted:
            return ""
        for one in results.read(value):
            has_passed = one.method == "dmarc" and one.outcome == "pass"
            if has_passed and _same_domain(one.value("header.from"), author):
                return domain
    return ""


def _same_domain(text: str, author: str) -> bool:
    try:
        return Domain.parse(text.rpartition("@")[2]).ascii == author
    except AddressError:
        return False


def _spf_result(found: SpfResult, name: str, value: str) -> Result:
    return Result(
        method="spf",
        outcome=found.outcome,
        comment=found.term,
        reason=found.problem,
        properties=((name, value),),
    )


def _dkim_result(found: DkimResult) -> Result:
    return Result(
        method="dkim",
        outcome=found.outcome,
        comment=_key(found),
        reason=found.problem,
        properties=(
            ("header.d", found.domain),
            ("header.s", found.selector),
            ("header.a", found.algorithm),
            ("header.b", found.b),
        ),
    )


def _key(found: DkimResult) -> str:
    if not found.bits:
        return ""
    return f"{found.bits} bits" + (", test mode" if found.is_test else "")
