"""Where a domain takes its mail: the hosts of its MX records, and their addresses.

Hosts of equal preference come in an order of chance. A null MX, a domain that does not
exist and one that leads nowhere are refused for good (``Nowhere``); whatever could not be
looked up is a ``LookupFailed``, and tried again. When we are among the hosts ourselves, only
those before us count, and when none are, the message would come back: 5.4.6. Addresses on
this machine, in private networks and of nobody are left out unless they were allowed.

What is authenticated stays so when another answer is not, or fails: DANE then applies, and
the lookup of its records decides. Otherwise who can suppress one answer could switch it off.

RFC 5321 §5.1, RFC 7505 (null MX), RFC 7672 §2.2, RFC 3463 X.1.2, X.1.10, X.4.4, X.4.6.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Literal

import msgspec

from postroom.net.addresses import Network, is_inside, is_public
from postroom.net.dns import Resolver
from postroom.net.dns_records import Answer, InvalidName, LookupFailed, Mx
from postroom.protocol.smtp.client_replies import ServerReply, local_reply

MOST_HOSTS: Final = 10  # tried for one message; a hostile zone may name hundreds
_FAMILIES: Final[tuple[Literal["AAAA", "A"], ...]] = ("AAAA", "A")

Shuffle = Callable[[list[str]], None]


class Nowhere(Exception):
    """Nothing can be delivered there, now or later; ``reply`` says why."""

    def __init__(self, status: str, text: str) -> None:
        self.reply: ServerReply = local_reply(550, status, text)
        super().__init__(text)


class Exchangers(msgspec.Struct, frozen=True):
    """The hosts of a domain, the best first.

    ``is_authenticated``: a validating resolver on this machine vouches for the list.
    ``canonical`` is the domain at the end of its aliases.
    """

    hosts: tuple[str, ...]
    canonical: str
    is_authenticated: bool = False


class Host(msgspec.Struct, frozen=True):
    """A host and its addresses; ``is_authenticated`` and ``canonical`` as above."""

    name: str
    addresses: tuple[str, ...]
    canonical: str
    is_authenticated: bool = False


class Lookup:
    """Asks the resolver; ``shuffle`` orders hosts of equal preference in place."""

    def __init__(
        self,
        resolver: Resolver,
        hostname: str,
        *,
        shuffle: Shuffle,
        allow_private: Sequence[Network] = (),
    ) -> None:
        self._resolver = resolver
        self._hostname = hostname.lower().removesuffix(".")
        self._shuffle = shuffle
        self._allowed = tuple(allow_private)

    async def exchangers(self, domain: str) -> Exchangers:
        """The hosts of a domain. Raises Nowhere, LookupFailed."""
        if domain.startswith("["):
            return Exchangers((domain,), domain)
        try:
            answer = await self._resolver.lookup(domain, "MX")
        except InvalidName as error:
            raise Nowhere("5.1.2", f"{domain} is no name of a domain") from error
        if not answer.exists:
            raise Nowhere("5.1.2", f"The domain {domain} does not exist")
        if not answer.records:
            if self._hostname in {domain, answer.canonical}:
                raise _loop(domain)
            return Exchangers((domain,), answer.canonical, answer.is_authenticated)
        if all(not one.host for one in answer.records):
            raise Nowhere("5.1.10", f"The domain {domain} takes no mail (null MX)")
        hosts = self._in_order(answer.records)
        if not hosts:
            raise _loop(domain)
        return Exchangers(hosts[:MOST_HOSTS], answer.canonical, answer.is_authenticated)

    async def host(self, name: str) -> Host:
        """The addresses of a host, IPv6 and IPv4. Raises Nowhere, LookupFailed."""
        literal = _address_of(name)
        if literal is not None:
            answers = [Answer((literal,), is_authenticated=False, ttl=0, canonical=name)]
            failures: list[LookupFailed] = []
        else:
            answers, failures = await self._answers(name)
        found = [address for answer in answers for address in answer.records]
        allowed = [one for one in found if is_public(one) or is_inside(one, self._allowed)]
        if not allowed and failures:  # the other family may have a good one
            raise failures[0]
        if not allowed:
            raise Nowhere(
                "5.4.4",
                f"{name} has only addresses that mail is not sent to: {', '.join(found[:3])}"
                if found
                else f"The host {name} has no address",
            )
        best = next((one for one in answers if one.is_authenticated), answers[0])
        return Host(name, tuple(allowed), best.canonical, best.is_authenticated)

    async def _answers(self, name: str) -> tuple[list[Answer[str]], list[LookupFailed]]:
        """Of both families, asked for at the same time."""
        asked = [self._resolver.lookup(name, family) for family in _FAMILIES]
        answers: list[Answer[str]] = []
        failures: list[LookupFailed] = []
        for one in await asyncio.gather(*asked, return_exceptions=True):
            if isinstance(one, InvalidName):
                raise Nowhere("5.4.4", f"{name!r} is no name of a host") from one
            if isinstance(one, LookupFailed):
                failures.append(one)
            elif isinstance(one, BaseException):
                raise one
            else:
                answers.append(one)
        return answers, failures

    def _in_order(self, records: Sequence[Mx]) -> tuple[str, ...]:
        """RFC 5321 §5.1: by preference, by chance within one, without us and what is behind."""
        ours = [one.preference for one in records if one.host == self._hostname]
        limit = min(ours, default=1 << 16)
        by_preference: dict[int, list[str]] = {}
        for one in records:
            if one.host and one.preference < limit:
                by_preference.setdefault(one.preference, []).append(one.host)
        ordered: list[str] = []
        for preference in sorted(by_preference):
            equals = sorted(set(by_preference[preference]))
            self._shuffle(equals)
            ordered += equals
        return tuple(dict.fromkeys(ordered))


def _address_of(host: str) -> str | None:
    """The address in a literal such as ``[192.0.2.1]`` (RFC 5321 §4.1.3); None for a name."""
    if not host.startswith("["):
        return None
    inside = host.removeprefix("[").removesuffix("]")
    return inside[5:] if inside[:5].lower() == "ipv6:" else inside


def _loop(domain: str) -> Nowhere:
    return Nowhere("5.4.6", f"Mail for {domain} loops back to this server, which does not serve it")
