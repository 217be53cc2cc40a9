"""SPF: whether a client may send in the name of a domain (RFC 7208).

``check_host`` is a generator that asks for DNS answers (``lookups``). Its limits are those of
the RFC: ten terms that ask, two of them in vain, ten names of an MX or PTR. A failed lookup
is a temperror, what can't be understood a permerror; nothing raises.
"""

import ipaddress
import re
from collections.abc import Generator
from typing import Final, Literal, TypeVar

import msgspec

from postroom.mailauth.lookups import Answer, Check, Lookup, LookupFailed, Question, texts
from postroom.mailauth.spf_macro import (
    BadMacro,
    Facts,
    IpAddress,
    MacroString,
    expand,
    expand_domain,
    needs_name,
    read,
)
from postroom.mailauth.spf_record import BadRecord, Directive, Record, choose, parse

Outcome = Literal["none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"]
T = TypeVar("T")
Asking = Generator[Question, Answer, T]

MAX_TERMS: Final = 10  # RFC 7208 §4.6.4
MAX_VOID: Final = 2
MAX_NAMES: Final = 10
MAX_EXPLANATION: Final = 500  # characters

_NAME: Final = re.compile(r"(?!\[)[^.]{1,63}(?:\.[^.]{1,63})++")


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. ``domain`` is the one that was asked, ``term`` what matched.

    ``explanation`` is the domain's own text about a fail; ``problem`` says why for the log.
    """

    outcome: Outcome
    domain: str
    term: str = ""
    explanation: str = ""
    problem: str = ""


class _Permanent(Exception):
    """The evaluation ends as permerror."""


class _Temporary(Exception):
    """The evaluation ends as temperror."""


class _Budget:
    """What one whole evaluation may still ask, includes and redirects together."""

    __slots__ = ("terms", "void")

    def __init__(self) -> None:
        self.terms = MAX_TERMS
        self.void = MAX_VOID

    def take_term(self) -> None:
        self.terms -= 1
        if self.terms < 0:
            raise _Permanent(f"more than {MAX_TERMS} terms ask the DNS")

    def note(self, answer: Answer) -> None:
        if not answer:
            self.void -= 1
            if self.void < 0:
                raise _Permanent(f"more than {MAX_VOID} lookups were in vain")


def check_host(
    ip: IpAddress, domain: str, sender: str, *, helo: str, receiver: str, time: int
) -> Check[Result]:
    """Evaluate the policy of ``domain`` for a client.

    ``sender`` is the address that is claimed, with an empty or no local part it is that of a
    postmaster (§4.3); ``domain`` is its domain, or the name of HELO. ``receiver`` is our own
    name and ``time`` the seconds since 1970, for explanations.
    """
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    local, at, sender_domain = sender.rpartition("@")
    facts = Facts(
        ip=ip,
        local=local or "postmaster",
        sender_domain=sender_domain if at else (sender or domain),
        helo=helo,
        domain=domain,
        receiver=receiver,
        time=time,
    )
    evaluation = _Evaluation(_Budget())
    result = yield from evaluation.run(facts)
    return result


class _Evaluation:
    """One call of check_host; includes are evaluations with the same budget."""

    __slots__ = ("_budget", "_explanation")

    def __init__(self, budget: _Budget) -> None:
        self._budget = budget
        self._explanation: tuple[MacroString, Facts] | None = None

    def run(self, facts: Facts) -> Asking[Result]:
        """The result, with the explanation of a fail."""
        try:
            result = yield from self._evaluate(facts)
            if result.outcome == "fail" and self._explanation is not None:
                text = yield from self._explain(*self._explanation)
                return msgspec.structs.replace(result, explanation=text)
        except _Permanent as error:
            return Result(outcome="permerror", domain=facts.domain, problem=str(error))
        except _Temporary as error:
            return Result(outcome="temperror", domain=facts.domain, problem=str(error))
        return result

    def _evaluate(self, facts: Facts) -> Asking[Result]:
        while True:
            domain = facts.domain.removesuffix(".")
            if not _is_name(domain):
                return Result(outcome="none", domain=domain, problem="this is no domain name")
            record = yield from self._record(domain)
            if record is None:
                return Result(outcome="none", domain=domain)
            for directive in record.directives:
                if (yield from self._matches(directive, facts)):
                    if record.explanation is not None:
                        self._explanation = record.explanation, facts
                    return Result(outcome=directive.qualifier, domain=domain, term=directive.text)
            if record.redirect is None:
                return Result(outcome="neutral", domain=domain)
            self._budget.take_term()
            target = yield from self._target(record.redirect, facts)
            facts = msgspec.structs.replace(facts, domain=target)
            result = yield from self._evaluate(facts)
            if result.outcome == "none":
                raise _Permanent(f"{target!r}, to which it redirects, has no policy")
            return result

    def _record(self, domain: str) -> Asking[Record | None]:
        try:
            found = choose((yield from texts(domain)))
            return None if found is None else parse(found)
        except LookupFailed as error:
            raise _Temporary(f"{domain} can't be looked up: {error}") from error
        except BadRecord as error:
            raise _Permanent(f"{domain}: {error}") from error

    def _matches(self, directive: Directive, facts: Facts) -> Asking[bool]:
        match directive.kind:
            case "all":
                return True
            case "ip4" | "ip6":
                return directive.network is not None and facts.ip in directive.network
            case "include":
                return (yield from self._include(directive, facts))
            case "a":
                self._budget.take_term()
                target = yield from self._target(directive.domain, facts)
                return (yield from self._has_address(target, directive, facts, is_term=True))
            case "mx":
                return (yield from self._mx(directive, facts))
            case "ptr":
                self._budget.take_term()
                target = yield from self._target(directive.domain, facts)
                names = yield from self._validated(facts.ip)
                return any(_is_within(name, target) for name in names)
            case "exists":
                self._budget.take_term()
                target = yield from self._target(directive.domain, facts)
                answer = yield from self._ask(target, "A")
                self._budget.note(answer)
                return bool(answer)

    def _include(self, directive: Directive, facts: Facts) -> Asking[bool]:
        self._budget.take_term()
        target = yield from self._target(directive.domain, facts)
        inner = _Evaluation(self._budget)
        result = yield from inner._evaluate(msgspec.structs.replace(facts, domain=target))
        if result.outcome == "none":
            raise _Permanent(f"{target!r}, which is included, has no policy")
        return result.outcome == "pass"

    def _mx(self, directive: Directive, facts: Facts) -> Asking[bool]:
        self._budget.take_term()
        target = yield from self._target(directive.domain, facts)
        answer = yield from self._ask(target, "MX")
        self._budget.note(answer)
        hosts = [record[1] for record in answer if isinstance(record, tuple) and len(record) == 2]
        if len(hosts) > MAX_NAMES:
            raise _Permanent(f"{target} has more than {MAX_NAMES} MX")
        for host in hosts:
            if (yield from self._has_address(host, directive, facts, is_term=False)):
                return True
        return False

    def _has_address(
        self, name: str, directive: Directive, facts: Facts, *, is_term: bool
    ) -> Asking[bool]:
        is_4 = facts.ip.version == 4
        answer = yield from self._ask(name, "A" if is_4 else "AAAA")
        if is_term:
            self._budget.note(answer)
        prefix = directive.prefix4 if is_4 else directive.prefix6
        if prefix == facts.ip.max_prefixlen and str(facts.ip) in answer:
            return True
        return any(
            facts.ip in ipaddress.ip_network(f"{address}/{prefix}", strict=False)
            for address in answer
            if isinstance(address, str)
        )

    def _validated(self, ip: IpAddress) -> Asking[list[str]]:
        """The names of the client that lead back to it (§5.5); errors are names less."""
        try:
            answer = yield Lookup(ip.reverse_pointer, "PTR")
        except LookupFailed:
            return []
        found: list[str] = []
        for name in [str(record) for record in answer][:MAX_NAMES]:
            if not _is_name(name.removesuffix(".")):
                continue
            try:
                addresses = yield Lookup(name.removesuffix("."), "A" if ip.version == 4 else "AAAA")
            except LookupFailed:
                continue
            if any(isinstance(a, str) and ipaddress.ip_address(a) == ip for a in addresses):
                found.append(name.removesuffix("."))
        return found

    def _target(self, string: MacroString | None, facts: Facts) -> Asking[str]:
        """The domain that a term is about."""
        if string is None:
            return facts.domain.removesuffix(".")
        if needs_name(string):
            facts = yield from self._named(facts)
        return expand_domain(string, facts)

    def _named(self, facts: Facts) -> Asking[Facts]:
        """With the validated name: the domain itself, one below it, or any (§7.3)."""
        names = yield from self._validated(facts.ip)
        domain = facts.domain.lower()
        best = sorted(
            names, key=lambda name: (name.lower() != domain, not _is_within(name, domain))
        )
        return msgspec.structs.replace(facts, name=best[0]) if best else facts

    def _explain(self, string: MacroString, facts: Facts) -> Asking[str]:
        """The explanation string, "" where there is none that can be used (§6.2)."""
        target = yield from self._target(string, facts)
        if not _is_name(target):
            return ""
        try:
            found = yield from texts(target)
            if len(found) != 1:
                return ""
            pieces = read(found[0].decode("ascii"), is_domain=False, is_explanation=True)
        except (LookupFailed, UnicodeDecodeError, BadMacro):
            return ""
        if needs_name(pieces):
            facts = yield from self._named(facts)
        return expand(pieces, facts)[:MAX_EXPLANATION]

    def _ask(self, name: str, kind: Literal["A", "AAAA", "MX"]) -> Asking[Answer]:
        """Records of a name; one that can't exist has none."""
        name = name.removesuffix(".")
        if not _is_name(name):
            return ()
        try:
            return (yield Lookup(name, kind))
        except LookupFailed as error:
            raise _Temporary(f"{name} {kind} can't be looked up: {error}") from error


def _is_name(name: str) -> bool:
    """Something of several labels that the DNS can be asked for (§4.3)."""
    return len(name) <= 253 and _NAME.fullmatch(name) is not None


def _is_within(name: str, domain: str) -> bool:
    name, domain = name.lower(), domain.lower()
    return name == domain or name.endswith("." + domain)
