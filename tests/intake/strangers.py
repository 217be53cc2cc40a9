"""A desk behind a gate, and strangers who come to it from a public address."""

from collections.abc import Awaitable, Callable

import msgspec

from postroom.config.connections import Connections, Dnsbl, Rates
from postroom.intake.conversation import Conversation
from postroom.intake.gate import Gate, Memory
from postroom.policy.bans import Bans
from postroom.policy.blocklists import Blocklist
from postroom.policy.connection import Connection
from postroom.policy.greylist import Greylist
from postroom.policy.rates import Counters
from tests.intake.desk import Desk, mail, rcpt, said
from tests.policy.zone import Zone

ADDRESS = "93.184.216.34"
IN_LIST = "34.216.184.93.bl.test"
REVERSE = "34.216.184.93.in-addr.arpa"
ZEN = Dnsbl(zone="bl.test", score=3, link="https://bl.test/{}")
REFUSING = msgspec.structs.replace(ZEN, refuse=True)
DBL = Dnsbl(zone="dbl.test", lists="names", score=2)
GOOD = Dnsbl(zone="wl.test", score=-4)
LISTED = {(IN_LIST, "A"): ("127.0.0.2",)}
NAMED = {
    (REVERSE, "PTR"): ("mx.client.example",),
    ("mx.client.example", "A"): (ADDRESS,),
}


class Town:
    """A desk behind a gate."""

    def __init__(self, here: Desk, zone: Zone) -> None:
        self.here = here
        self.zone = zone
        self.bans = Bans()
        self.greylist = Greylist(300_000)
        self.set()

    def set(self, *lists: Dnsbl, rates: Rates | None = None, **settings: object) -> None:
        """Settings from here on."""
        connections = Connections(**settings)  # type: ignore[arg-type]
        self.gate = Gate(
            connections,
            hostname="mx.local.test",
            names=self.zone,
            blocklists=[Blocklist(one) for one in lists],
            memory=Memory(self.here.db, Counters(rates or Rates()), self.bans, self.greylist),
            clock=self.here.clock,
        )
        self.here.change(gate=self.gate, stages=(Connection(connections.junk_score),))

    async def visitor(self, address: str = ADDRESS, **peer: object) -> Conversation:
        """Somebody who has said EHLO."""
        one = self.here.open(address=address, **peer)  # type: ignore[arg-type]
        await one.greet("mx.client.example", esmtp=True)
        return one

    async def asked(self, recipient: str = "bob@local.test", address: str = ADDRESS) -> str:
        """The answer to RCPT of a new visitor."""
        one = await self.visitor(address)
        try:
            answer = await one.mail(mail())
            if answer.is_positive:
                answer = await one.rcpt(rcpt(recipient))
            return said(answer)
        finally:
            await one.close()


Story = Callable[[Town], Awaitable[None]]
Tell = Callable[[Story], None]
