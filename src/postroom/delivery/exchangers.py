"""Where a domain takes its mail: the hosts of its MX records, and their addresses.

Hosts of equal preference come in an order of chance. A null MX, a domain that does not
exist and one that leads nowhere are refused for good (``Nowhere``); whatever could not be
looked up is a ``LookupFailed``, and tried again. When we are among the hosts ourselves, only
those before us count, and when none are, the message would come back: 5.4.6. Addresses on
this machine, in private networks and of nobody are left out unless they were allowed.

RFC 5321 §5.1, RFC 7505 (null MX), RFC 3463 X.1.2, X.1.10, X.4.4, X.4.6.
"""

from collections.abc import Callable, Sequence
from typing import Final, Literal

import msgspec

from postroom.net.addresses import Network, is_inside, is_public
from postroom.net.dns import Resolver
from postroom.net.dns_records import InvalidName, LookupFailed, Mx
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
    ``canonical`` is the domain at the end of its aliases. ``is_implicit``: there is no MX.
    """

    hosts: tuple[str, ...]
    canonical: str
    is_authenticated: bool = False
    is_implicit: bool = False


class Host(msgspec.Struct, frozen=True):
    """A host and its addresses; ``is_authenticated`` as above."""

    name: str
    addresses: tuple[str, ...]
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
        self._hostname = hostname
        self._shuffle = shuffle
        self._allowed = tuple(allow_private)

    async def exchangers(self, domain: str) -> Exchangers:
        """The hosts of a domain. Raises Nowhere, LookupFailed."""
        if domain.startswith("["):
            return Exchangers((domain,), domain, is_implicit=True)
        try:
            answer = await self._resolver.lookup(domain, "MX")
        except InvalidName as error:
            raise Nowhere("5.1.2", f"{domain} is no name of a domain") from error
        if not answer.exists:
            raise Nowhere("5.1.2", f"The domain {domain} does not exist")
        if not answer.records:
            return Exchangers((domain,), answer.canonical, is_implicit=True)
        if all(not one.host for one in answer.records):
            raise Nowhere("5.1.10", f"The domain {domain} takes no mail (null MX)")
        hosts = self._in_order(answer.records)
        if not hosts:
            raise Nowhere(
                "5.4.6", f"Mail for {domain} loops back to this server, which does not serve it"
            )
        return Exchangers(hosts[:MOST_HOSTS], answer.canonical, answer.is_authenticated)

    async def host(self, name: str) -> Host:
        """The addresses of a host, IPv6 and IPv4. Raises Nowhere, LookupFailed."""
        if name.startswith("["):
            found = [name[1:-1].removeprefix("IPv6:")]
            is_authenticated = False
        else:
            found, is_authenticated = await self._addresses(name)
        allowed = [one for one in found if is_public(one) or is_inside(one, self._allowed)]
        if not allowed:
            raise Nowhere(
                "5.4.4",
                f"{name} has only addresses that mail is not sent to: {', '.join(found[:3])}"
                if found
                else f"The host {name} has no address",
            )
        return Host(name, tuple(allowed), is_authenticated)

    async def _addresses(self, name: str) -> tuple[list[str], bool]:
        found: list[str] = []
        flags: list[bool] = []
        failure: LookupFailed | None = None
        for kind in _FAMILIES:
            try:
                answer = await self._resolver.lookup(name, kind)
            except LookupFailed as error:
                failure = error
            except InvalidName as error:
                raise Nowhere("5.4.4", f"{name!r} is no name of a host") from error
            else:
                found += answer.records
                flags.append(answer.is_authenticated)
        if not found and failure is not None:
            raise failure
        return found, bool(flags) and failure is None and all(flags)

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
