"""The spam filter: teach it, see what it knows, ask it about a message, let it forget."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

import msgspec

from postroom.admin.office import Office
from postroom.admin.recording import recorded
from postroom.db.database import Tx
from postroom.errors import Invalid
from postroom.message import dates, headers
from postroom.message.scan import scan
from postroom.policy import bayes, knowledge, lessons, teacher
from postroom.policy.facts import Facts
from postroom.policy.knowledge import EVERYBODY, NOTHING, Lesson
from postroom.policy.memory import Memory
from postroom.policy.spam import LEVELS, OFF, SpamFilter
from postroom.policy.tokens import MAX_SAMPLE

_CHUNK: Final = 16  # lessons of a transaction


class Trained(msgspec.Struct, frozen=True):
    """How many messages were read of each kind, and how many were news. "" is everybody."""

    address: str
    spam: int
    ham: int
    learned: int


class Status(msgspec.Struct, frozen=True):
    """What a scope has learned; ``needed`` lessons of each kind make an opinion."""

    address: str
    enabled: bool
    spam: int
    ham: int
    needed: int
    tokens: int
    waiting: int
    level: str


class ClueView(msgspec.Struct, frozen=True):
    """A token that counted: how likely it means spam, in how many messages it was."""

    words: str
    probability: float
    spam: int
    ham: int


class SignView(msgspec.Struct, frozen=True):
    """What one sign weighs."""

    words: str
    points: float


class Judged(msgspec.Struct, frozen=True):
    """What the filter says of a message, and why."""

    junk: bool
    score: float
    threshold: float
    learned: float
    clues: list[ClueView]
    signs: list[SignView]


@recorded("spam.train", "address")
async def train(
    office: Office,
    address: str,
    *,
    spam: Iterable[bytes] = (),
    ham: Iterable[bytes] = (),
    ham_for_spam: float = 1.0,
) -> Trained:
    """Learn messages, for an account or ("") for everybody.

    Both kinds in turn, so many hams for each spam: they are learned best when they end together.
    """
    scope = await _scope(office, address)
    together = office.config.spam.learn_together
    made = _in_turn(
        (_lesson(letter, is_spam=True) for letter in spam),
        (_lesson(letter, is_spam=False) for letter in ham),
        ham_for_spam,
    )
    read = {True: 0, False: 0}
    learned = 0
    while chunk := await asyncio.to_thread(lambda: list(islice(made, _CHUNK))):

        def work(tx: Tx, chunk: Sequence[Lesson] = chunk) -> int:
            now = office.now()
            news = [teacher.learn(tx, scope, one, now, together=together) for one in chunk]
            return sum(news)

        for one in chunk:
            read[one.is_spam] += 1
        learned += await office.db.write(work, bulk=True)
    await teacher.tend(office.db, {EVERYBODY, scope})
    return Trained(address, read[True], read[False], learned)


async def status(office: Office, address: str = "") -> Status:
    """What an account, or everybody, has learned."""
    scope = await _scope(office, address)

    def read(tx: Tx) -> Status:
        found = knowledge.totals(tx, [scope]).get(scope, NOTHING)
        return Status(
            address=address,
            enabled=office.config.spam.enabled,
            spam=found.spam,
            ham=found.ham,
            needed=bayes.MIN_LESSONS,
            tokens=knowledge.size(tx, scope),
            waiting=lessons.count(tx, [scope] if scope else []),
            level=found.level or "normal",
        )

    return await office.db.read(read)


@recorded("spam.forget", "address")
async def forget(office: Office, address: str = "") -> int:
    """Forget what an account, or everybody, has learned; how many lessons."""
    scope = await _scope(office, address)
    return await teacher.forget(office.db, scope)


@recorded("spam.level", "address", "level")
async def set_level(office: Office, address: str, level: str) -> Status:
    """How strict the filter is with mail for an account, one of ``levels``."""
    if level not in levels():
        raise Invalid(f"{level!r} is no level of the spam filter; there are {', '.join(levels())}")
    scope = await _scope(office, address)
    chosen = "" if level == "normal" else level
    await office.db.write(lambda tx: knowledge.set_level(tx, scope, chosen))
    return await status(office, address)


def levels() -> list[str]:
    """What can be chosen."""
    return [OFF, *LEVELS]


async def judge(office: Office, letter: bytes, address: str = "") -> Judged:
    """What the filter says of a message, as if it came now, by what stands in it alone."""
    scope = await _scope(office, address)
    stage = SpamFilter(Memory(office.db, office.clock), office.config.spam.junk_at)
    found = await stage.explain(await asyncio.to_thread(_facts, letter, scope, office.now()))
    return Judged(
        junk=found.is_junk,
        score=found.score,
        threshold=found.threshold,
        learned=round(found.opinion.score, 1),
        clues=[
            ClueView(words, round(clue.probability, 3), clue.spam, clue.ham)
            for clue, words in found.clues
        ],
        signs=[SignView(sign.words, sign.points) for sign in found.signs],
    )


def _facts(letter: bytes, scope: int, now: int) -> Facts:
    head, body = headers.split(letter)
    date = dates.read(headers.value(head, b"date") or b"")
    return Facts(
        session="",
        address="",
        helo="",
        tls="",
        sender="",
        recipients=(),
        accounts=(scope,) if scope else (),
        head=head,
        part=scan(letter),
        sample=body[:MAX_SAMPLE],
        is_whole=len(body) <= MAX_SAMPLE,
        size=len(letter),
        now=now if date is None else min(date.ms, now),
    )


async def _scope(office: Office, address: str) -> int:
    if not address:
        return EVERYBODY
    return (await office.account(address)).id


def _in_turn(
    spam: Iterator[Lesson], ham: Iterator[Lesson], ham_for_spam: float
) -> Iterator[Lesson]:
    due = 0.0
    for one in spam:
        yield one
        due += ham_for_spam
        while due >= 1.0:
            due -= 1.0
            yield from islice(ham, 1)
    yield from ham


def _lesson(letter: bytes, *, is_spam: bool) -> Lesson:
    head, body = headers.split(letter)
    return teacher.lesson(head, body, is_spam=is_spam)
