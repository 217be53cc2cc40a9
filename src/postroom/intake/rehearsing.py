"""A conversation that keeps nothing: what would be said to a stranger, and why.

Everything is asked that is asked of a real session (directory, DNS, lists, scripts, filters);
nothing of it is committed, counted or learned. External milters are not asked.
"""

import copy
import dataclasses

from postroom.config.connections import Rates
from postroom.errors import MailError
from postroom.intake import plan
from postroom.intake.conversation import Conversation
from postroom.intake.gate import Gate, Memory
from postroom.intake.peer import Peer
from postroom.intake.services import Services
from postroom.policy.bans import Bans
from postroom.policy.greylist import Greylist
from postroom.policy.rates import Counters
from postroom.policy.spam import SpamFilter
from postroom.post.commit import Post
from postroom.post.letter import Letter
from postroom.post.notice import Budget
from postroom.store.filing import Filed


class Taken(MailError):
    """The message would have been ours; ``detail`` is what would have become of it."""

    code = 250
    status = "2.0.0"
    text = "Accepted in a rehearsal: nothing is kept"


class NoPost(Post):
    """Keeps no letter."""

    async def commit(self, letter: Letter) -> list[Filed]:
        """Throws it away and raises Taken."""
        await self.discard(*letter.blobs)
        told = [fact.detail for fact in letter.facts if fact.detail]
        raise Taken(detail="; ".join((*plan.reasons(letter), *told)))


def conversation(services: Services, post: NoPost, peer: Peer) -> Conversation:
    """One that leaves no trace but in the log. Every reply has its reasons."""
    rehearsed = Conversation(
        dataclasses.replace(
            services,
            post=post,
            kept=Budget(services.clock, 0),
            stages=[
                one.unlearning() if isinstance(one, SpamFilter) else one for one in services.stages
            ],
            milters=(),
            counts=None,
            collector=None,
            gate=None if services.gate is None else _apart(services.gate),
        ),
        peer,
    )
    rehearsed.explain()
    return rehearsed


def _apart(gate: Gate) -> Gate:
    """The gate with a memory of its own."""
    apart = copy.copy(gate)
    memory = gate.memory
    apart.memory = Memory(memory.db, Counters(Rates()), Bans(), Greylist(memory.greylist.wait))
    return apart
