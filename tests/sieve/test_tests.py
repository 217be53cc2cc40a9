import pytest

from postroom.sieve.rules import TESTS
from tests.sieve.desk import holds


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("true", True),
        ("false", False),
        ("not false", True),
        ("not not true", True),
        ("allof (true, true)", True),
        ("allof (true, false, true)", False),
        ("anyof (false, true)", True),
        ("anyof (false, false)", False),
        ("anyof (allof (false), not anyof (false))", True),
    ],
)
def test_logic(test: str, expected: bool) -> None:
    assert holds(test) is expected


def test_the_table_knows_which_tests_there_are() -> None:
    assert {"true", "header", "anyof"} <= TESTS.keys()
