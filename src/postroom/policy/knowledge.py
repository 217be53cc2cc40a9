"""What the filter has learned, as rows: tokens with their counts, and the lessons.

A scope is an account, or 0 for what all have learned together. A lesson is one message,
known by its digest: learned again as the same it changes nothing, learned as the other it
is unlearned first. When a scope grows beyond its bounds all its counts are halved and what
falls to nothing is dropped: the filter forgets what it has not seen for long.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from postroom.db.database import Engine, Tx, number
from postroom.policy import bayes
from postroom.policy.bayes import Counts, Knowledge

EVERYBODY: Final = 0
MAX_TOKENS: Final[Mapping[bool, int]] = {True: 1_000_000, False: 100_000}  # True: of everybody
MAX_LESSONS: Final[Mapping[bool, int]] = {True: 100_000, False: 10_000}
DROPPED: Final = 5_000  # tokens of a transaction
SLICES: Final = 256  # a scope is halved in so many transactions

_SLICE: Final = (1 << 63) // SLICES
_TOKENS: Final[Mapping[Engine, str]] = {
    "sqlite": "(SELECT value FROM json_each(:tokens))",
    "postgres": "(SELECT unnest(CAST(:tokens AS BIGINT[])))",
}


class Lesson(msgspec.Struct, frozen=True):
    """A message and what it is."""

    digest: bytes
    tokens: tuple[int, ...]
    is_spam: bool


class Totals(msgspec.Struct, frozen=True):
    """Lessons of a scope. ``version`` grows with each of them; ``halving`` -1: it is not.

    ``level`` is what an account has chosen, "" for nothing; ``tilt``: see ``bayes.Knowledge``.
    """

    spam: int = 0
    ham: int = 0
    version: int = 0
    halving: int = -1
    level: str = ""
    tilt: int = 0

    @property
    def lessons(self) -> int:
        """How many messages were learned, spam and ham."""
        return self.spam + self.ham

    def of(self, known: Mapping[int, Counts]) -> Knowledge:
        """With what is known of some tokens."""
        return Knowledge(self.spam, self.ham, known, self.tilt)


NOTHING: Final = Totals()


def totals(tx: Tx, scopes: Sequence[int]) -> dict[int, Totals]:
    """Those of each scope that has learned anything."""
    listed = ",".join(map(str, scopes))
    rows = tx.all(
        "SELECT account_id, spam, ham, version, halving, level, tilt FROM spam_knowledge"
        f" WHERE account_id IN ({listed})"
    )
    return {scope: Totals(*row) for scope, *row in rows}


def counts(tx: Tx, scopes: Sequence[int], tokens: Iterable[int]) -> dict[int, dict[int, Counts]]:
    """Of each scope what it knows of these tokens."""
    found: dict[int, dict[int, Counts]] = {scope: {} for scope in scopes}
    rows = tx.all(
        "SELECT account_id, token, spam, ham, lean FROM spam_token"
        f" WHERE account_id IN ({','.join(map(str, scopes))}) AND token IN {_TOKENS[tx.engine]}",
        tokens=_listed(tx.engine, tokens),
    )
    for scope, token, spam, ham, lean in rows:
        found[scope][token] = spam, ham, lean
    return found


def learn(tx: Tx, scope: int, lesson: Lesson, now: int) -> bool:
    """Learn a message; False when it was known as that already."""
    before = _known(tx, scope, lesson.digest)
    if before is not None:
        if bool(before[0]) is lesson.is_spam:
            return False
        _unlearn(tx, scope, lesson, *before)
    learned = totals(tx, [scope]).get(scope, NOTHING)
    known = learned.of(counts(tx, [scope], lesson.tokens)[scope])
    moved = bayes.steps(lesson.tokens, known, is_spam=lesson.is_spam)
    tilt = bayes.tilted(learned.tilt, moved, is_spam=lesson.is_spam)
    _add(tx, scope, lesson, moved, tilt)
    tx.execute(
        "INSERT INTO spam_lesson (account_id, digest, spam, steps, learned)"
        " VALUES (:scope, :digest, :spam, :steps, :now)",
        scope=scope,
        digest=lesson.digest,
        spam=int(lesson.is_spam),
        steps=moved,
        now=now,
    )
    return True


def is_full(tx: Tx, scope: int) -> bool:
    """Whether a scope is beyond its bounds, or on the way back."""
    found = totals(tx, [scope]).get(scope, NOTHING)
    of_all = scope == EVERYBODY
    if found.halving >= 0 or found.lessons > MAX_LESSONS[of_all]:
        return True
    row = tx.one("SELECT count(*) FROM spam_token WHERE account_id = :scope", scope=scope)
    return row is not None and row[0] > MAX_TOKENS[of_all]


def halve(tx: Tx, scope: int) -> bool:
    """Halve the next slice of a scope; False once all is done. A crash loses no place."""
    found = totals(tx, [scope]).get(scope)
    if found is None:
        return False
    at = max(0, found.halving)
    start, end = at * _SLICE, (at + 1) * _SLICE - 1
    where = "account_id = :scope AND token BETWEEN :start AND :end"
    tx.execute(
        f"UPDATE spam_token SET spam = spam / 2, ham = ham / 2, lean = lean / 2 WHERE {where}",
        scope=scope,
        start=start,
        end=end,
    )
    tx.execute(
        f"DELETE FROM spam_token WHERE {where} AND spam = 0 AND ham = 0 AND lean = 0",
        scope=scope,
        start=start,
        end=end,
    )
    if at + 1 < SLICES:
        tx.execute(
            "UPDATE spam_knowledge SET halving = :next WHERE account_id = :scope",
            next=at + 1,
            scope=scope,
        )
        return True
    tx.execute(
        "UPDATE spam_knowledge SET halving = -1, spam = spam / 2, ham = ham / 2,"
        " tilt = tilt / 2, version = version + 1 WHERE account_id = :scope",
        scope=scope,
    )
    _forget_old_lessons(tx, scope)
    return False


def drop_tokens(tx: Tx, scope: int) -> int:
    """Drop some tokens of a scope that is to be forgotten; 0 once there are none."""
    return tx.execute(
        "DELETE FROM spam_token WHERE account_id = :scope AND token IN (SELECT token"
        " FROM spam_token WHERE account_id = :scope ORDER BY token LIMIT :chunk)",
        scope=scope,
        chunk=DROPPED,
    )


def forget(tx: Tx, scope: int) -> int:
    """Forget all that a scope has learned, and what waits to be; how many lessons it was."""
    tx.execute("DELETE FROM spam_token WHERE account_id = :scope", scope=scope)
    tx.execute("DELETE FROM spam_waiting WHERE account_id = :scope", scope=scope)
    lessons = tx.execute("DELETE FROM spam_lesson WHERE account_id = :scope", scope=scope)
    tx.execute(
        "UPDATE spam_knowledge SET spam = 0, ham = 0, tilt = 0, halving = -1, version = version + 1"
        " WHERE account_id = :scope",
        scope=scope,
    )
    return lessons


def set_level(tx: Tx, account_id: int, level: str) -> None:
    """What an account has chosen; "" is what all have."""
    tx.execute(
        "INSERT INTO spam_knowledge (account_id, spam, ham, version, halving, level)"
        " VALUES (:account, 0, 0, 1, -1, :level) ON CONFLICT (account_id) DO UPDATE SET"
        " level = excluded.level, version = spam_knowledge.version + 1",
        account=account_id,
        level=level,
    )


def size(tx: Tx, scope: int) -> int:
    """How many tokens a scope knows."""
    return number(tx, "SELECT count(*) FROM spam_token WHERE account_id = :scope", scope=scope)


def _known(tx: Tx, scope: int, digest: bytes) -> tuple[int, int] | None:
    """As what a message was learned, and the steps that it made."""
    row = tx.one(
        "SELECT spam, steps FROM spam_lesson WHERE account_id = :scope AND digest = :digest",
        scope=scope,
        digest=digest,
    )
    return None if row is None else (row[0], row[1])


def _unlearn(tx: Tx, scope: int, lesson: Lesson, was_spam: int, moved: int) -> None:
    """What has faded meanwhile is not there to be taken back: nothing falls below 0."""
    spam, ham = was_spam, 1 - was_spam
    tokens = sorted(lesson.tokens)
    tx.execute(
        f"UPDATE spam_knowledge SET spam = {_less('spam', ':less_spam')},"
        f" ham = {_less('ham', ':less_ham')},"
        " version = version + 1 WHERE account_id = :scope",
        less_spam=spam,
        less_ham=ham,
        scope=scope,
    )
    tx.many(
        f"UPDATE spam_token SET spam = {_less('spam', str(spam))}, ham = {_less('ham', str(ham))},"
        " lean = lean - ? WHERE account_id = ? AND token = ?",
        [(moved, scope, token) for token in tokens],
    )
    tx.many(
        "DELETE FROM spam_token WHERE account_id = ? AND token = ? AND spam = 0 AND ham = 0",
        [(scope, token) for token in tokens],
    )
    tx.execute(
        "DELETE FROM spam_lesson WHERE account_id = :scope AND digest = :digest",
        scope=scope,
        digest=lesson.digest,
    )


def _less(column: str, taken: str) -> str:
    return f"CASE WHEN {column} > {taken} THEN {column} - {taken} ELSE 0 END"


def _add(tx: Tx, scope: int, lesson: Lesson, moved: int, tilt: int) -> None:
    """In the order of the tokens: two who learn at the same time wait, but not for each other."""
    spam, ham = int(lesson.is_spam), int(not lesson.is_spam)
    tx.execute(
        "INSERT INTO spam_knowledge (account_id, spam, ham, version, halving, level, tilt)"
        " VALUES (:scope, :spam, :ham, 1, -1, '', :tilt) ON CONFLICT (account_id) DO UPDATE SET"
        " spam = spam_knowledge.spam + excluded.spam, ham = spam_knowledge.ham + excluded.ham,"
        " tilt = excluded.tilt, version = spam_knowledge.version + 1",
        scope=scope,
        spam=spam,
        ham=ham,
        tilt=tilt,
    )
    tx.many(
        "INSERT INTO spam_token (account_id, token, spam, ham, lean) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (account_id, token) DO UPDATE SET spam = spam_token.spam + excluded.spam,"
        " ham = spam_token.ham + excluded.ham, lean = spam_token.lean + excluded.lean",
        [(scope, token, spam, ham, moved) for token in sorted(lesson.tokens)],
    )


def _forget_old_lessons(tx: Tx, scope: int) -> None:
    """The older half: their counts have faded."""
    row = tx.one("SELECT count(*) FROM spam_lesson WHERE account_id = :scope", scope=scope)
    half = (row[0] if row else 0) // 2
    if half:
        tx.execute(
            "DELETE FROM spam_lesson WHERE account_id = :scope AND digest IN (SELECT digest"
            " FROM spam_lesson WHERE account_id = :scope ORDER BY learned, digest LIMIT :half)",
            scope=scope,
            half=half,
        )


def _listed(engine: Engine, tokens: Iterable[int]) -> object:
    return f"[{','.join(map(str, tokens))}]" if engine == "sqlite" else list(tokens)
