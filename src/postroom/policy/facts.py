"""What is known of a message once it has come whole: what every stage judges by."""

from collections.abc import AsyncIterator, Callable

import msgspec

from postroom.message.part import Part
from postroom.policy.suspicion import NONE, Suspicion


class Authentication(msgspec.Struct, frozen=True, kw_only=True):
    """What the checks of its origin found, as result words of RFC 8601 §2.7.

    ``name`` is the reverse name of the peer that leads back to its address, "" without one.
    ``dkim`` are the domains whose signatures are good. ``author`` is the domain of the one
    From address, "" when there is not exactly one; ``policy`` what DMARC wants done with it,
    before anything local was weighed: "none", "quarantine" or "reject". ``explanation`` is what
    ``spf_domain`` itself says of a fail, "" for nothing. ``dmarc`` is
    "temperror" also when it would fail, but a name that could not be looked up may tell
    otherwise. ``sealer`` is a trusted sealer whose ARC chain stands in for DMARC, "" without
    one. ``fault`` says why there is no one author, "" when there is or nobody looked;
    ``is_anonymous``: because the message names nobody.
    """

    iprev: str = "none"
    name: str = ""
    spf: str = "none"
    spf_domain: str = ""
    explanation: str = ""
    dkim: tuple[str, ...] = ()
    dmarc: str = "none"
    author: str = ""
    policy: str = "none"
    arc: str = "none"
    sealer: str = ""
    fault: str = ""
    is_anonymous: bool = False

    def proves(self, domain: str) -> bool:
        """Whether a message is from this domain, and not only says so (RFC 9989 §4.4).

        DMARC does, or SPF or DKIM for that very domain or one above it, which may vouch for it.
        """
        if not domain:
            return False
        if self.author == domain and (self.dmarc == "pass" or self.sealer):
            return True
        good = [*self.dkim, self.spf_domain] if self.spf == "pass" else self.dkim
        return any(domain == one or domain.endswith(f".{one}") for one in good if one)


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """A message and how it came.

    ``sender`` is "" for the null reverse-path. ``accounts`` are the ids of those here who get
    it, in the order of ``recipients``' accounts, each once. ``head`` is the header block as it
    came, ``part`` the MIME tree over head and body, ``sample`` the first octets of the body
    (all of a small one: ``is_whole``). A stage that needs all of a large one reads ``octets``,
    which ``body`` is for: the pieces of the body, there only while the message is judged.
    ``now`` is in UTC milliseconds. ``suspicion`` is what the connection tells.
    """

    session: str
    address: str
    helo: str
    tls: str
    sender: str
    recipients: tuple[str, ...]
    accounts: tuple[int, ...]
    head: bytes
    part: Part
    sample: bytes
    is_whole: bool
    size: int
    now: int
    authentication: Authentication = Authentication()
    suspicion: Suspicion = NONE
    body: Callable[[], AsyncIterator[bytes]] | None = None

    async def octets(self) -> AsyncIterator[bytes]:
        """The whole message in pieces of at most 1 MiB: ``size`` octets. Raises MailError."""
        yield self.head
        if self.is_whole or self.body is None:
            yield self.sample
            return
        async for piece in self.body():
            yield piece
