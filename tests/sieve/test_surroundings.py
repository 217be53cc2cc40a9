import pytest

from postroom.sieve.letter import Environment
from tests.sieve.desk import NOW, holds, letter

HERE = Environment(now=NOW, items={"domain": "example.com", "name": "Postroom", "phase": "during"})


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('environment "domain" "EXAMPLE.com"', True),
        ('environment :matches "NAME" "post*"', True),
        ('environment :contains "remote-ip" ""', False),
        ('environment "x" ""', False),
    ],
)
def test_environment(test: str, expected: bool) -> None:
    assert holds(test, require="environment", environment=HERE) is expected


@pytest.mark.parametrize(
    ("percent", "test", "expected"),
    [
        (None, 'spamtest :value "eq" :comparator "i;ascii-numeric" "0"', True),
        (None, 'spamtest :count "eq" "0"', True),
        (None, 'spamtest :percent :value "eq" "0"', True),
        (0, 'spamtest "1"', True),
        (0, 'spamtest :count "eq" "1"', True),
        (0, 'spamtest :percent "0"', True),
        (50, 'spamtest :value "ge" :comparator "i;ascii-numeric" "5"', True),
        (50, 'spamtest :percent :value "gt" :comparator "i;ascii-numeric" "50"', False),
        (99, 'spamtest "9"', True),
        (100, 'spamtest "10"', True),
        (100, 'spamtest :percent "100"', True),
    ],
)
def test_spam(percent: int | None, test: str, expected: bool) -> None:
    needed = "spamtestplus relational comparator-i;ascii-numeric"
    assert holds(test, letter(spam=percent), require=needed) is expected


@pytest.mark.parametrize(
    ("virus", "test", "expected"),
    [
        (None, 'virustest "0"', True),
        (1, 'virustest "1"', True),
        (5, 'virustest :value "ge" :comparator "i;ascii-numeric" "4"', True),
        (None, 'virustest :count "gt" "0"', False),
    ],
)
def test_viruses(virus: int | None, test: str, expected: bool) -> None:
    needed = "virustest relational comparator-i;ascii-numeric"
    assert holds(test, letter(virus=virus), require=needed) is expected
