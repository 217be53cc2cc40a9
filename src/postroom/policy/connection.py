"""The stage ``connection``: what speaks against who brings a message, as a verdict on it."""

from typing import Final

from postroom.policy.facts import Facts
from postroom.policy.verdict import Verdict

STAGE: Final = "connection"


class Connection:
    """The stage: a verdict from the suspicion that the facts hold."""

    def __init__(self, junk_score: int) -> None:
        """``junk_score``: from so much on a message is junk, 0: never."""
        self._junk_score = junk_score

    async def judge(self, facts: Facts) -> Verdict:
        """Junk when there is much to be suspicious of; the score in any case."""
        suspicion = facts.suspicion
        if not suspicion.marks:
            return Verdict(stage=STAGE)
        score = suspicion.score
        return Verdict(
            stage=STAGE,
            action="junk" if 0 < self._junk_score <= score else "pass",
            reason="; ".join(suspicion.reasons),
            score=float(score),
        )
