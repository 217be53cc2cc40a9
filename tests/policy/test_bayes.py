"""The judgement of tokens."""

import math
import random

import pytest
from hypothesis import given, strategies as st

from postroom.policy import bayes
from postroom.policy.bayes import (
    MAX_TILT,
    MIN_LESSONS,
    NO_OPINION,
    STEP,
    Counts,
    Knowledge,
)

SPAMMY, HAMMY, BOTH, NEW = range(4)
COUNTS: dict[int, Counts] = {SPAMMY: (100, 0, STEP), HAMMY: (0, 100, -STEP), BOTH: (300, 300, 0)}
KNOWN = Knowledge(400, 400, COUNTS)


def test_spam_is_above_nothing_and_ham_below() -> None:
    assert bayes.judge([SPAMMY], KNOWN).score > 1
    assert bayes.judge([HAMMY], KNOWN).score < -1
    assert bayes.judge([BOTH], KNOWN).score == 0
    assert bayes.judge([NEW], KNOWN).score == 0
    assert bayes.judge([], KNOWN).score == 0
    assert abs(bayes.judge([SPAMMY, HAMMY], KNOWN).score) < 1e-9


def test_clues_are_the_clearest_first() -> None:
    counts = {**COUNTS, 9: (200, 50, 0)}
    found = bayes.judge([9, BOTH, NEW, SPAMMY], Knowledge(400, 400, counts)).clues
    assert [clue.token for clue in found] == [SPAMMY, 9]
    assert found[0].probability > found[1].probability > 0.5
    assert (found[1].spam, found[1].ham) == (200, 50)


@pytest.mark.parametrize(("spam", "ham"), [(0, 0), (MIN_LESSONS - 1, 5_000), (5_000, 0)])
def test_too_little_is_no_opinion(spam: int, ham: int) -> None:
    assert bayes.judge([SPAMMY], Knowledge(spam, ham, COUNTS)) is NO_OPINION


def test_few_lessons_are_a_faint_opinion() -> None:
    scores = [
        bayes.judge([1, 2, 3], Knowledge(n, n, dict.fromkeys((1, 2, 3), (n // 2, 0, 0)))).score
        for n in (40, 100, 400)
    ]
    assert 0 < scores[0] < scores[1] < scores[2]


def test_unequal_numbers_of_lessons_do_not_tilt() -> None:
    counts = {1: (100, 1_000, 0)}  # a tenth of the spam, a tenth of the ham
    assert bayes.judge([1], Knowledge(1_000, 10_000, counts)).score == 0


def test_a_rare_token_says_less() -> None:
    rare = bayes.judge([1], Knowledge(400, 400, {1: (1, 0, 0)})).score
    assert 0 < rare < bayes.judge([1], Knowledge(400, 400, {1: (50, 0, 0)})).score


def test_what_one_has_learned_oneself_weighs_more() -> None:
    everybody = Knowledge(1_000, 1_000, {1: (5, 0, 200)})
    own = Knowledge(0, 20, {1: (0, 20, -200)})
    assert bayes.judge([1], everybody).score > 0
    assert bayes.judge([1], bayes.together(everybody, own)).score < 0
    assert bayes.together(everybody, Knowledge()) is everybody
    alone = bayes.together(Knowledge(), Knowledge(40, 60, {1: (0, 20, -2)}))
    assert alone == Knowledge(120, 180, {1: (0, 60, -2)})


def leaning(lean: int, count: int = 20) -> Knowledge:
    return Knowledge(400, 400, dict.fromkeys(range(count), (100, 100, lean)))


def test_only_mistakes_move_the_lean() -> None:
    tokens = range(20)
    assert bayes.steps(tokens, leaning(STEP), is_spam=True) == 0
    assert bayes.steps(tokens, leaning(-STEP), is_spam=False) == 0
    assert bayes.steps(tokens, leaning(STEP), is_spam=False) < 0
    assert bayes.steps(tokens, leaning(-STEP), is_spam=True) > 0
    assert bayes.steps(tokens, Knowledge(39, 400, {}), is_spam=True) == 0
    assert bayes.steps([], leaning(0), is_spam=True) == 0


def test_a_mistake_moves_as_far_as_it_is_one_and_a_ham_further() -> None:
    tokens = range(500)
    unclear = bayes.steps(tokens, leaning(0, 500), is_spam=True)
    wrong = bayes.steps(tokens, leaning(-STEP // 100, 500), is_spam=True)
    assert 0 < unclear < wrong
    assert bayes.steps(tokens, leaning(0, 500), is_spam=False) == pytest.approx(
        max(-3 * unclear, -MAX_TILT), abs=2
    )


@pytest.mark.parametrize("is_spam", [True, False])
def test_lessons_of_one_kind_in_a_row_move_only_so_far(is_spam: bool) -> None:
    sign = 1 if is_spam else -1
    for tilt, most in ((MAX_TILT, 0), (MAX_TILT - 10, 10), (-MAX_TILT, MAX_TILT)):
        known = Knowledge(400, 400, {1: (100, 100, -sign * STEP)}, sign * tilt)
        moved = sign * bayes.steps([1], known, is_spam=is_spam)
        assert 0 <= moved <= most
        assert (moved == 0) is (most == 0)


def test_a_lesson_of_the_other_kind_begins_anew() -> None:
    assert bayes.tilted(50, 7, is_spam=True) == 57
    assert bayes.tilted(50, 0, is_spam=False) == 0
    assert bayes.tilted(50, -7, is_spam=False) == -7
    assert bayes.tilted(-50, -7, is_spam=False) == -57
    assert bayes.tilted(-50, 7, is_spam=True) == 7


def test_a_rare_token_leans_harder() -> None:
    tokens = [1, 2]
    common = Knowledge(400, 400, {1: (400, 400, STEP), 2: (4, 4, -STEP)})
    assert bayes.judge(tokens, common).score < 0
    alone = Knowledge(400, 400, {1: (800, 800, STEP)})
    assert bayes.judge([1], alone).score == 0  # what every message has decides nothing


def test_tokens_of_one_lesson_alone_are_hardly_heard() -> None:
    counts = dict.fromkeys(range(100), (1, 0, 0))
    few = bayes.judge(range(5), Knowledge(400, 400, counts))
    many = bayes.judge(range(100), Knowledge(400, 400, counts))
    assert len(many.clues) == len(few.clues) == 5
    assert many.score == few.score


@pytest.mark.parametrize("order", ["mixed", "spam first", "ham first"])
def test_it_learns_to_tell_two_kinds_apart(order: str) -> None:
    chance = random.Random(1)
    counts: dict[int, Counts] = {}

    def letter(spam: bool) -> list[int]:
        own = range(60) if spam else range(60, 120)
        return sorted({*chance.sample(own, 8), *chance.sample(range(120, 300), 20)})

    kinds = [n % 2 == 0 for n in range(800)]
    if order != "mixed":
        kinds.sort(reverse=order == "spam first")
    known, tilt = Knowledge(), 0
    for spam in kinds:
        found = letter(spam)
        moved = bayes.steps(found, known, is_spam=spam)
        tilt = bayes.tilted(tilt, moved, is_spam=spam)
        for token in found:
            s, h, lean = counts.get(token, (0, 0, 0))
            counts[token] = s + spam, h + (not spam), lean + moved
        known = Knowledge(known.spam + spam, known.ham + (not spam), counts, tilt)
    assert abs(tilt) <= MAX_TILT
    assert all(bayes.judge(letter(spam=True), known).score > 2 for _ in range(100))
    assert all(bayes.judge(letter(spam=False), known).score < -2 for _ in range(100))


@given(
    st.dictionaries(
        st.integers(0, 50),
        st.tuples(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(-(10**9), 10**9)),
    ),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
)
def test_whatever_the_counts_there_is_a_finite_score(
    counts: dict[int, Counts], spam: int, ham: int
) -> None:
    score = bayes.judge(range(60), Knowledge(spam, ham, counts)).score
    assert math.isfinite(score)
