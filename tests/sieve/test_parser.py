import pytest
from hypothesis import given, strategies as st

from postroom.sieve.limits import MAX_NESTING
from postroom.sieve.parser import parse
from postroom.sieve.problems import Place, ScriptError
from postroom.sieve.tree import Node, Number, Strings, Tag


def problem(text: str) -> str:
    with pytest.raises(ScriptError) as caught:
        parse(text.encode())
    (found,) = caught.value.problems
    return str(found)


def test_commands_with_arguments() -> None:
    (found,) = parse(b'do :tag 5 "a" ["b", "c"];')
    assert found == Node(
        "do",
        Place(1, 1),
        (
            Tag("tag", Place(1, 4)),
            Number(5, Place(1, 9)),
            Strings(("a",), (Place(1, 11),), False, Place(1, 11)),
            Strings(("b", "c"), (Place(1, 16), Place(1, 21)), True, Place(1, 15)),
        ),
    )


def test_tests_and_blocks() -> None:
    (found,) = parse(b"if anyof (not true, false) { stop; if a { } }")
    (anyof,) = found.tests
    assert anyof.has_test_list
    assert [test.name for test in anyof.tests] == ["not", "false"]
    assert anyof.tests[0].tests[0].name == "true"
    assert not found.has_test_list
    assert found.block
    assert [command.name for command in found.block] == ["stop", "if"]
    assert found.block[1].block == ()


def test_an_empty_script() -> None:
    assert parse(b"") == parse(b" # nothing\r\n") == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("keep", "line 1, column 5: keep must end with ; or a block before the end of the script"),
        ("keep;\nkeep }", "line 2, column 6: keep must end with ;"),
        ("}", "line 1, column 1: this } closes nothing"),
        ("if true {", "line 1, column 9: the block of if is never closed"),
        (";", "line 1, column 1: a command is expected here, not ;"),
        ('"a";', "a command is expected here, not a string"),
        ("if anyof ();", "line 1, column 11: a test is expected here, not )"),
        ("if anyof (true; false)", "line 1, column 15: the list of tests needs , or ) here"),
        ("do [];", "line 1, column 5: a string is expected in the list, not ]"),
        ('do ["a",];', "line 1, column 9: a string is expected in the list, not ]"),
        ('do ["a" "b"];', "line 1, column 9: the list of strings needs , or ] here"),
        ('do ["a"', "the list of strings needs , or ] here, not the end of the script"),
        ("do [:a];", "a string is expected in the list, not :a"),
    ],
)
def test_what_is_no_sieve_is_told(text: str, expected: str) -> None:
    assert expected in problem(text)


def test_nesting_is_bounded() -> None:
    deep = MAX_NESTING
    assert parse(b"if true {" * deep + b"}" * deep)
    assert "nested more than 32" in problem("if true {" * (deep + 1))
    assert "blocks are nested more than 32" in problem("a {" * (deep + 1))
    assert parse(b"if " + b"not " * (deep - 1) + b"true {}")
    assert "tests are nested more than 32" in problem("if " + "not " * deep + "true {}")
    assert "nested" in problem("{" * 100_000) or "a command" in problem("{" * 100_000)
    assert "nested" in problem("a(" * 100_000 + "a")


@given(st.lists(st.sampled_from(["a", ":t", '"s"', "1", "[", "]", "(", ")", "{", "}", ",", ";"])))
def test_nothing_else_is_raised(words: list[str]) -> None:
    try:
        parse(" ".join(words).encode())
    except ScriptError as error:
        assert error.problems
