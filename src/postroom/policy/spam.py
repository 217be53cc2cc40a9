"""The spam filter: what was learned, what senders are worth and a few rules, in points.

Everybody gets the same judgement, but for accounts that have learned something themselves or
have chosen another level: their verdicts are personal. From ``junk_at`` points on a message
is junk; nothing is ever refused. Every verdict says why.
"""

import asyncio
from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from postroom.policy import bayes, rules
from postroom.policy.bayes import NO_OPINION, Clue, Knowledge, Opinion
from postroom.policy.facts import Facts
from postroom.policy.memory import Known, Memory
from postroom.policy.reputation import FIRST, KNOWN, Reputation, Standing
from postroom.policy.rules import Sign
from postroom.policy.tokens import Tokens, tokens
from postroom.policy.verdict import Verdict
from postroom.policy.words import plain

STAGE: Final = "spam"
LEVELS: Final = {"lenient": 3.0, "normal": 0.0, "strict": -2.0}
"""What an account's level adds to the threshold; "off" is the other one."""
OFF: Final = "off"
SUSPICIOUS: Final = 2.0  # points of what was learned, for a first contact
MAX_TOLD: Final = 5  # clues in a reason

_AT_ONCE: Final = 32 * 1024  # octets of a sample that are read on the loop


class Judgement(msgspec.Struct, frozen=True):
    """How a message is judged for one account, or for those without knowledge of their own."""

    opinion: Opinion
    signs: Sequence[Sign]
    threshold: float
    names: dict[int, str]

    @property
    def score(self) -> float:
        """Points of everything together."""
        return round(self.opinion.score + sum([sign.points for sign in self.signs]), 1)

    @property
    def is_junk(self) -> bool:
        """Whether it is filed in Junk."""
        return self.score >= self.threshold

    @property
    def clues(self) -> list[tuple[Clue, str]]:
        """The tokens that counted, in plain words, the clearest first."""
        return [(clue, plain(self.names[clue.token])) for clue in self.opinion.clues]

    @property
    def reason(self) -> str:
        """In plain words; "" when there is nothing to say."""
        if not self.signs and not self.opinion.clues:
            return ""
        pieces = [f"{self.score:.1f} points, junk from {self.threshold:.1f}"]
        if self.opinion.clues:
            side = self.opinion.score >= 0
            told = [words for clue, words in self.clues if (clue.probability > 0.5) is side][
                :MAX_TOLD
            ]
            looks = "spam" if side else "wanted mail"
            pieces.append(f"{self.opinion.score:+.1f} it looks like {looks}: {', '.join(told)}")
        pieces += [f"{sign.points:+.1f} {sign.words}" for sign in self.signs]
        return "; ".join(pieces)


class SpamFilter:
    """The stage. Made once."""

    def __init__(
        self, memory: Memory, junk_at: float, reputation: Reputation | None = None
    ) -> None:
        """``junk_at``: the points from which a message is junk."""
        self._memory = memory
        self._reputation = reputation
        self._junk_at = junk_at
        self._learns = True

    def unlearning(self) -> "SpamFilter":
        """The same, of whose judgements the reputation of senders learns nothing."""
        one = SpamFilter(self._memory, self._junk_at, self._reputation)
        one._learns = False
        return one

    async def judge(self, facts: Facts) -> Verdict:
        """Junk or not, for everybody and for those who differ."""
        read = await _read(facts)
        known = await self._memory.recall(list(read.names), facts.accounts)
        common = self._judgement(read, known.everybody, list(rules.signs(facts, read)))
        friends: Collection[int] = ()
        if self._reputation is not None:
            standing = await self._reputation.of(facts, read)
            common, friends = _weighed(common, standing), standing.friends
            if self._learns:
                self._reputation.note(facts, read, is_spam=common.is_junk)
        personal = {
            account: _verdict(self._personal(read, known, account, common, friends))
            for account in facts.accounts
            if account in known.own or account in known.levels or account in friends
        }
        verdict = _verdict(common)
        for account in personal:
            if known.levels.get(account) == OFF:
                personal[account] = Verdict(stage=STAGE)
        field = f"X-Spam-Score: {common.score:.1f}\r\n".encode() if verdict.reason else b""
        return msgspec.structs.replace(verdict, personal=personal, fields=(field,) if field else ())

    async def explain(self, facts: Facts) -> Judgement:
        """How it is judged for the first of its accounts, or for everybody."""
        read = await _read(facts)
        known = await self._memory.recall(list(read.names), facts.accounts)
        common = self._judgement(read, known.everybody, list(rules.signs(facts, read)))
        if not facts.accounts:
            return common
        return self._personal(read, known, facts.accounts[0], common)

    def _personal(
        self,
        read: Tokens,
        known: Known,
        account: int,
        common: Judgement,
        friends: Collection[int] = (),
    ) -> Judgement:
        signs = [*common.signs, KNOWN] if account in friends else common.signs
        threshold = self._junk_at + LEVELS.get(known.levels.get(account, ""), 0.0)
        own = known.own.get(account)
        opinion = common.opinion
        if own is not None:
            opinion = bayes.judge(read.names, bayes.together(known.everybody, own))
        return msgspec.structs.replace(common, opinion=opinion, signs=signs, threshold=threshold)

    def _judgement(self, read: Tokens, known: Knowledge, signs: Sequence[Sign]) -> Judgement:
        opinion = bayes.judge(read.names, known) if known.is_enough else NO_OPINION
        return Judgement(opinion, signs, self._junk_at, read.names)


def _weighed(judged: Judgement, standing: Standing) -> Judgement:
    """With what is known of who brings it."""
    signs = [*judged.signs, *standing.signs]
    if standing.is_first and judged.opinion.score >= SUSPICIOUS:
        signs.append(FIRST)
    return msgspec.structs.replace(judged, signs=signs)


def _verdict(judged: Judgement) -> Verdict:
    return Verdict(
        stage=STAGE,
        action="junk" if judged.is_junk else "pass",
        reason=judged.reason,
        score=judged.score,
    )


async def _read(facts: Facts) -> Tokens:
    if len(facts.sample) > _AT_ONCE:
        return await asyncio.to_thread(tokens, facts.head, facts.part, facts.sample)
    return tokens(facts.head, facts.part, facts.sample)
