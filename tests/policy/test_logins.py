import pytest

from postroom.policy import logins as module
from postroom.policy.logins import DAY_MS, LATEST_MS, SOONEST_MS, Attempt, Counted, Logins
from tests.fakes import START

NEAR_MIDNIGHT = START // DAY_MS * DAY_MS + DAY_MS - 1000


def enter(logins: Logins, now: int, address: str = "192.0.2.1", mechanism: str = "PLAIN") -> None:
    logins.entered(7, 70, now, door="imap", address=address, mechanism=mechanism)


def counts(logins: Logins) -> list[int]:
    return [one.times for one in logins.changed.values()]


def write(logins: Logins, now: int) -> None:
    logins.written(dict(logins.changed), now)


def test_what_is_alike_is_counted_together() -> None:
    logins = Logins()
    enter(logins, START)
    enter(logins, START + 5)
    enter(logins, START + 6, "192.0.2.2")
    logins.failed("Ann@X.test", START, door="imap", address="192.0.2.1", mechanism="PLAIN")
    logins.failed("ann@x.test", START + 9, door="imap", address="192.0.2.1", mechanism="PLAIN")
    assert list(logins.changed.values()) == [
        Counted(START, START + 5, 2),
        Counted(START + 6, START + 6, 1),
        Counted(START, START + 9, 2),
    ]
    assert [one.login for one in logins.changed] == ["", "", "ann@x.test"]


@pytest.mark.parametrize(
    ("mechanism", "means"),
    [
        ("PLAIN", "password"),
        ("SCRAM-SHA-256", "password"),
        ("PASSWORD", "password"),
        ("", "password"),
        ("TOTP", "code"),
        ("CODE", "code"),
        ("PASSKEY", "passkey"),
        ("OIDC", "oidc"),
        ("OAUTH", "token"),
        ("EXTERNAL", "certificate"),
    ],
)
def test_mechanisms_in_plain_words(mechanism: str, means: str) -> None:
    assert module.means_of(mechanism) == means


def test_the_longer_it_goes_on_the_more_seldom_it_is_written() -> None:
    logins, now = Logins(), START // DAY_MS * DAY_MS
    writes = told = 0
    for minute in range(24 * 60):
        at = now + minute * 60_000
        enter(logins, at)
        if logins.changed:
            writes += 1
            told += sum(counts(logins))
            write(logins, at)
    assert 24 <= writes < 36
    logins.sweep(now + DAY_MS - 1, everything=True)
    assert told + sum(counts(logins)) == 24 * 60


def test_nothing_is_lost_or_counted_twice() -> None:
    logins, told = Logins(), 0
    for number in range(500):
        enter(logins, START + number * 7_000)
        if number % 3 == 0:
            taken = dict(logins.changed)
            enter(logins, START + number * 7_000 + 1)
            told += sum(one.times for one in taken.values())
            logins.written(taken, START + number * 7_000 + 2)
    logins.sweep(START + 500 * 7_000, everything=True)
    assert told + sum(counts(logins)) == 500 + 167


def test_one_write_that_fails_is_tried_again_with_what_came_since() -> None:
    logins = Logins()
    enter(logins, START)
    taken = dict(logins.changed)
    enter(logins, START + 1)
    assert counts(logins) == [2]
    logins.written(taken, START + 2)
    assert list(logins.changed.values()) == [Counted(START, START + 1, 1)]


def test_a_count_that_waits_is_due_in_time() -> None:
    logins = Logins()
    enter(logins, START)
    write(logins, START)
    enter(logins, START + 1)
    logins.sweep(START + SOONEST_MS - 1)
    assert not logins.changed
    logins.sweep(START + SOONEST_MS)
    assert list(logins.changed.values()) == [Counted(START + 1, START + 1, 1)]
    write(logins, START + 5 * LATEST_MS)
    enter(logins, START + 5 * LATEST_MS + 1)
    logins.sweep(START + 6 * LATEST_MS - 1)
    assert not logins.changed
    logins.sweep(START + 6 * LATEST_MS)
    assert counts(logins) == [1]


def test_a_new_day_begins_anew_and_the_old_one_is_forgotten() -> None:
    logins = Logins()
    enter(logins, NEAR_MIDNIGHT)
    write(logins, NEAR_MIDNIGHT)
    enter(logins, NEAR_MIDNIGHT + 1)
    enter(logins, NEAR_MIDNIGHT + 1000)
    logins.sweep(NEAR_MIDNIGHT + 1001)
    assert [(one.day, counted.times) for one, counted in logins.changed.items()] == [
        (NEAR_MIDNIGHT // DAY_MS + 1, 1),
        (NEAR_MIDNIGHT // DAY_MS, 1),
    ]
    write(logins, NEAR_MIDNIGHT + 1002)
    logins.sweep(NEAR_MIDNIGHT + 1003)
    assert len(logins._open) == 1


def test_memory_is_bounded_and_counts_outlive_being_put_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_OPEN", 3)
    logins = Logins()
    enter(logins, START, "192.0.2.0")
    write(logins, START)
    enter(logins, START + 1, "192.0.2.0")
    for number in range(1, 4):
        enter(logins, START + 2, f"192.0.2.{number}")
    assert len(logins._open) == 3
    assert counts(logins) == [1, 1, 1]  # the oldest change went
    enter(logins, START + 3, "192.0.2.1")  # put out, and not written yet
    assert sorted(counts(logins)) == [1, 1, 2]
    logins.failed("x" * 5_000, START, door="smtp", address="192.0.2.9", mechanism="PLAIN")
    assert max(len(one.login) for one in logins.changed) == module.MAX_LOGIN


def test_where_no_history_is_kept_nothing_is_counted() -> None:
    logins = Logins(is_kept=False)
    enter(logins, START)
    logins.failed("ann@x.test", START, door="imap", address="192.0.2.1", mechanism="PLAIN")
    logins.sweep(START, everything=True)
    assert not logins.changed


def test_half_a_login_is_none() -> None:
    logins = Logins()
    logins.entered(
        7, 70, START, door="web", address="192.0.2.1", mechanism="PLAIN", outcome="half"
    )  # fmt: skip
    assert list(logins.changed) == [
        Attempt(START // DAY_MS, 7, "", "half", "web", "192.0.2.1", "password", 70)
    ]
