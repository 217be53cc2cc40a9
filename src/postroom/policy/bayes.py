"""The judgement of tokens: how much more a message looks like spam than like ham.

Two opinions are added. The first is learned from mistakes: a logistic regression over the tokens
of a message, each weighing by its rarity, the message as a whole by one. A lesson moves the
``lean`` of all its tokens by how far the opinion was from the truth; a ham taken for spam
counts more than a spam taken for ham. The second is Robinson's: each token has a probability
of spam, from the shares of spam and of ham it stood in and pulled towards one half as long as
it is rare; Fisher's method tells how unlikely so many high, or low, ones would be by chance.
Tokens of a single lesson are mostly all of the same one, so few of them are heard. It knows what
is typical from the first lessons on and can name it; the first knows what is decisive.

Whoever teaches a thousand spams and then a thousand hams must not have taught, last of all,
that everything is ham: lessons of one kind in a row move only so far (``MAX_TILT``).

What an account has learned by itself complements what all have: a lesson of its own counts
for three to ten of others. Without enough lessons of both kinds there is no opinion at all,
and with few of them a faint one. Pure arithmetic; nothing here is read or kept.

Robinson, "A statistical approach to the spam problem" (2003); Goodman and Yih, "Online
discriminative spam filter training" (CEAS 2006).
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec

MIN_LESSONS: Final = 40  # of each kind; with fewer there is no opinion
FULL_LESSONS: Final = 400  # of each kind; up to here it grows to its full weight
OWN_WEIGHT: Final = (3, 10)  # of a lesson of one's own beside others: at least, at most
STEP: Final = 10_000  # a lean of so much is one
MAX_TILT: Final = 5_000  # steps of lessons of one kind in a row
POINTS: Final = 3.5  # what a unit of both opinions weighs

_PRIOR: Final = 0.1  # how many lessons one half counts for
_CLEAR: Final = 0.1  # distance from one half; nearer ones say nothing
_MOST: Final = 150  # of the clearest tokens are heard
_ONCE: Final = 5  # of each side's tokens that only one lesson had
_TYPICAL: Final = 0.2  # weight of the second opinion beside the first
_RATE: Final = 12.0  # how fast a lesson moves the leans
_RATE_OF_HAM: Final = 3.0  # as much more
_SURE: Final = 0.02  # nearer to the truth there is nothing to learn
_MOST_ODDS: Final = 30.0  # beyond it nobody can tell
_UNSEEN: Final = (0, 0, 0)

_Weighed = tuple[float, tuple[int, float, int, int]]
Counts = tuple[int, int, int]  # spam, ham, lean


class Knowledge(msgspec.Struct, frozen=True):
    """Lessons of each kind, and what they say of the tokens in question.

    ``tilt``: steps that the latest lessons of one kind in a row have made, spam above 0.
    """

    spam: int = 0
    ham: int = 0
    counts: Mapping[int, Counts] = msgspec.field(default_factory=dict)
    tilt: int = 0

    @property
    def is_enough(self) -> bool:
        """Whether an opinion can be had from it."""
        return min(self.spam, self.ham) >= MIN_LESSONS


class Clue(msgspec.Struct, frozen=True):
    """A token that counted: its probability of spam and the lessons it was in."""

    token: int
    probability: float
    spam: int
    ham: int


class Opinion(msgspec.Struct, frozen=True):
    """``score`` is in points: above 0 like spam. ``clues``: the clearest first."""

    score: float
    clues: Sequence[Clue]


NO_OPINION: Final = Opinion(0.0, ())


def together(everybody: Knowledge, own: Knowledge) -> Knowledge:
    """What an account goes by: its own knowledge weighs more than that of all."""
    if not own.spam + own.ham:
        return everybody
    lessons = own.spam + own.ham
    least, most = OWN_WEIGHT
    weight = max(least, min(most, (everybody.spam + everybody.ham) // lessons))
    counts = dict(everybody.counts)
    for token, (spam, ham, lean) in own.counts.items():
        of_all = counts.get(token, (0, 0, 0))
        counts[token] = of_all[0] + weight * spam, of_all[1] + weight * ham, of_all[2] + lean
    return Knowledge(
        everybody.spam + weight * own.spam,
        everybody.ham + weight * own.ham,
        counts,
        everybody.tilt + own.tilt,
    )


def judge(tokens: Collection[int], known: Knowledge) -> Opinion:
    """How spam-like a message of these tokens is."""
    if not known.is_enough:
        return NO_OPINION
    odds, _ = _pull(tokens, known)
    typical, heard = _typical(tokens, known)
    certainty = min(1.0, min(known.spam, known.ham) / FULL_LESSONS) ** 0.5
    return Opinion(POINTS * certainty * (odds + typical), heard)


def steps(tokens: Collection[int], known: Knowledge, *, is_spam: bool) -> int:
    """By how much a lesson moves the lean of its tokens: above 0 towards spam.

    The message is judged as if its own counts were there already: only what they do not
    settle has to be leant against.
    """
    if not known.is_enough:
        return 0
    counted = _counted(tokens, known, is_spam=is_spam)
    odds, length = _pull(tokens, counted)
    odds += _typical(tokens, counted)[0]
    is_wrong = int(is_spam) - 1.0 / (1.0 + math.exp(-max(-_MOST_ODDS, min(_MOST_ODDS, odds))))
    if abs(is_wrong) < _SURE or not length:
        return 0
    rate = _RATE * (1.0 if is_spam else _RATE_OF_HAM)
    room = MAX_TILT - abs(tilted(known.tilt, 0, is_spam=is_spam))
    size = min(room, round(STEP * rate * abs(is_wrong) / length))
    return size if is_spam else -size


def tilted(tilt: int, moved: int, *, is_spam: bool) -> int:
    """The tilt after a lesson that has ``moved`` so much: another kind begins anew."""
    is_same = tilt > 0 if is_spam else tilt < 0
    return (tilt if is_same else 0) + moved


def _counted(tokens: Collection[int], known: Knowledge, *, is_spam: bool) -> Knowledge:
    """With a message more, whose lean is still to come."""
    is_ham = not is_spam
    get = known.counts.get
    counts = {}
    for token in tokens:
        spam, ham, lean = get(token, _UNSEEN)
        counts[token] = spam + is_spam, ham + is_ham, lean
    return Knowledge(known.spam + is_spam, known.ham + is_ham, counts)


def _pull(tokens: Collection[int], known: Knowledge) -> tuple[float, float]:
    """The first opinion, as a logarithm of odds, and the length of the message."""
    lessons = known.spam + known.ham + 1
    get, log = known.counts.get, math.log
    pull = squares = 0.0
    for token in tokens:
        spam, ham, lean = get(token, _UNSEEN)
        seen = spam + ham
        if 0 < seen < lessons:
            rarity = log(lessons / seen)
            rarity *= rarity
            squares += rarity
            pull += rarity * lean
    length = math.sqrt(squares)
    return (pull / (STEP * length) if length else 0.0), length


def _typical(tokens: Collection[int], known: Knowledge) -> tuple[float, list[Clue]]:
    """The second opinion, and the tokens that it goes by, the clearest first."""
    found: list[_Weighed] = []
    once: tuple[list[_Weighed], list[_Weighed]] = ([], [])
    get, spam_lessons, ham_lessons = known.counts.get, known.spam, known.ham
    for token in tokens:
        spam, ham, _ = get(token, _UNSEEN)
        seen = spam + ham
        if not seen:
            continue
        share = spam / spam_lessons
        odds = share / (share + ham / ham_lessons)
        probability = (_PRIOR * 0.5 + seen * odds) / (_PRIOR + seen)
        distance = -abs(probability - 0.5)
        if distance <= -_CLEAR:
            kept = found if seen > 1 else once[spam]
            kept.append((distance, (token, probability, spam, ham)))
    found += once[0][:_ONCE] + once[1][:_ONCE]
    found.sort()
    clues = [Clue(*clue) for _, clue in found[:_MOST]]
    return _TYPICAL * _fisher([clue.probability for clue in clues]), clues


def _fisher(probabilities: Sequence[float]) -> float:
    """In standard deviations, how much more the evidence is for spam than for ham."""
    if not probabilities:
        return 0.0
    for_spam = -2.0 * sum(math.log(1.0 - one) for one in probabilities)
    for_ham = -2.0 * sum(map(math.log, probabilities))
    return _deviation(for_spam, len(probabilities)) - _deviation(for_ham, len(probabilities))


def _deviation(chi_square: float, count: int) -> float:
    """Wilson and Hilferty's normal approximation, for 2 * ``count`` degrees of freedom."""
    spread = 1.0 / (9.0 * count)
    return float((chi_square / (2.0 * count)) ** (1 / 3) - (1.0 - spread)) / math.sqrt(spread)
