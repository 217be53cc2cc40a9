"""The judgement of tokens: how much more a message looks like spam than like ham.

Two opinions are added. The first is Robinson's: each token has a probability of spam, from
the shares of spam and of ham it stood in and pulled towards one half as long as it is rare;
Fisher's method tells how unlikely so many high, or low, ones would be by chance. Tokens of a
single lesson are mostly all of the same one, so few of them are heard. The second opinion is
learned from mistakes: a message that was not judged clearly enough moves the ``lean`` of all
its tokens a step towards spam or ham (a perceptron with a margin). The first knows what is
typical, the second what is decisive.

Whoever teaches a thousand spams and then a thousand hams must not have taught, last of all,
that everything is ham: steps towards both sides nearly balance at any time (``MAX_TILT``), and
from the lean of a token is taken what it has by being in many messages (``tilt``).

What an account has learned by itself complements what all have: a lesson of its own counts
for three to ten of others. Without enough lessons of both kinds there is no opinion at all,
and with few of them a faint one. Pure arithmetic; nothing here is read or kept.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

MIN_LESSONS: Final = 40  # of each kind; with fewer there is no opinion
FULL_LESSONS: Final = 400  # of each kind; up to here it grows to its full weight
OWN_WEIGHT: Final = (3, 10)  # of a lesson of one's own beside others: at least, at most
MARGIN: Final = 6.0  # of both opinions; below it there is something to learn
MAX_STEPS: Final = 2  # in one lesson
MAX_TILT: Final = 4  # more steps towards one side than to the other
POINTS: Final = 0.8  # what a unit of both opinions weighs

_PRIOR: Final = 0.1  # how many lessons one half counts for
_CLEAR: Final = 0.1  # distance from one half; nearer ones say nothing
_MOST: Final = 150  # of the clearest tokens are heard
_ONCE: Final = 5  # of each side's tokens that only one lesson had
_LEAN: Final = 0.6  # weight of the second opinion

Counts = tuple[int, int, int]  # spam, ham, lean


class Knowledge(msgspec.Struct, frozen=True):
    """Lessons of each kind, and what they say of the tokens in question.

    ``tilt``: how many more steps towards spam than towards ham they have made.
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


def judge(tokens: Iterable[int], known: Knowledge) -> Opinion:
    """How spam-like a message of these tokens is."""
    if not known.is_enough:
        return NO_OPINION
    raw, heard = _weighed(tokens, known)
    certainty = min(1.0, min(known.spam, known.ham) / FULL_LESSONS) ** 0.5
    return Opinion(POINTS * certainty * raw, heard)


def steps(tokens: Sequence[int], known: Knowledge, *, is_spam: bool) -> int:
    """By how much a lesson moves the lean of its tokens: above 0 towards spam."""
    if not known.is_enough:
        return 0
    sign = 1 if is_spam else -1
    raw = sign * _weighed(tokens, known)[0]
    count = 0
    while count < MAX_STEPS and raw < MARGIN and sign * known.tilt + count < MAX_TILT:
        count += 1
        raw += _LEAN * math.sqrt(len(tokens))
    return sign * count


def _weighed(tokens: Iterable[int], known: Knowledge) -> tuple[float, list[Clue]]:
    """Both opinions together, and the tokens of the first."""
    often: list[Clue] = []
    once: tuple[list[Clue], list[Clue]] = ([], [])
    leans, size = 0.0, 0
    common = known.tilt / (known.spam + known.ham)
    get, spam_lessons, ham_lessons = known.counts.get, known.spam, known.ham
    for token in tokens:
        size += 1
        found = get(token)
        if found is None:
            continue
        spam, ham, lean = found
        seen = spam + ham
        if seen > 1:
            leans += lean - common * seen
        elif not seen:
            continue
        share = spam / spam_lessons
        odds = share / (share + ham / ham_lessons)
        probability = (_PRIOR * 0.5 + seen * odds) / (_PRIOR + seen)
        if abs(probability - 0.5) < _CLEAR:
            continue
        clue = Clue(token, probability, spam, ham)
        if seen > 1:
            often.append(clue)
        else:
            once[spam].append(clue)
    clues = often + once[0][:_ONCE] + once[1][:_ONCE]
    clues.sort(key=lambda clue: (-abs(clue.probability - 0.5), clue.token))
    heard = clues[:_MOST]
    lean_of_all = _LEAN * leans / (math.sqrt(size) or 1.0)
    return _fisher([clue.probability for clue in heard]) + lean_of_all, heard


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
