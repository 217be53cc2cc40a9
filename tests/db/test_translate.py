"""Our SQL in psycopg's parameter style."""

import pytest
from hypothesis import given, strategies

from postroom.db.translate import translate


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("SELECT :a, :a_b2", "SELECT %(a)s, %(a_b2)s"),
        ("VALUES (?, ?)", "VALUES (%s, %s)"),
        ("SELECT 7 % :b", "SELECT 7 %% %(b)s"),
        ("SELECT ':a ? %'", "SELECT ':a ? %%'"),
        ("SELECT 'it''s :a', :a", "SELECT 'it''s :a', %(a)s"),
        ('SELECT "a:b?%" FROM t', 'SELECT "a:b?%%" FROM t'),
        ("SELECT 1 -- :a ?\n, :b", "SELECT 1 -- :a ?\n, %(b)s"),
        ("SELECT /* :a\n? % */ :b", "SELECT /* :a\n? %% */ %(b)s"),
        ("SELECT instr(a, :b), instructor", "SELECT strpos(a, %(b)s), instructor"),
        ("SELECT 'instr(', \"instr\"", "SELECT 'instr(', \"instr\""),
        ("SELECT a::text", "SELECT a::text"),
        ("SELECT x[1:2]", "SELECT x[1:2]"),
    ],
)
def test_parameters(ours: str, theirs: str) -> None:
    assert translate(ours) == theirs.encode()


@given(strategies.text(alphabet="a %?:'\"", max_size=20))
def test_a_literal_stays_a_literal(text: str) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    assert translate(f"SELECT {quoted}, :p").decode() == (
        f"SELECT {quoted.replace('%', '%%')}, %(p)s"
    )
