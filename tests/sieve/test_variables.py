import pytest

from postroom.sieve.limits import MAX_VARIABLE
from postroom.sieve.variables import modified
from tests.sieve.desk import holds, outcome, value


@pytest.mark.parametrize(
    ("modifiers", "text", "expected"),
    [
        ("", "juMBlEd lETteRS", "juMBlEd lETteRS"),
        (":length", "juMBlEd lETteRS", "15"),
        (":lower", "juMBlEd lETteRS", "jumbled letters"),
        (":upper", "juMBlEd lETteRS", "JUMBLED LETTERS"),
        (":lowerfirst", "JuMBlEd lETteRS", "juMBlEd lETteRS"),
        (":upperfirst :lower", "juMBlEd lETteRS", "Jumbled letters"),
        (":lower :upperfirst", "ÄB", "Äb"),
        (":quotewildcard", "Rock*?\\\\", "Rock\\*\\?\\\\"),
        (":quotewildcard :length", "*", "2"),
        (":length", "äöü", "3"),
    ],
)
def test_modifiers(modifiers: str, text: str, expected: str) -> None:
    assert value(f'set {modifiers} "a" "{text}";', "[${a}]") == f"[{expected}]"


def test_encoding_for_an_address() -> None:
    assert modified("a b&ä~", {"encodeurl": 1}) == "a%20b%26%C3%A4~"
    assert modified(".x", {"quoteregex": 1}) == "\\.x"


@pytest.mark.parametrize("letter", ["*", "ä", "\\"])
def test_escapes_are_never_cut_in_two(letter: str) -> None:
    for padding in range(7):
        text = "x" * padding + letter * MAX_VARIABLE
        quoted = modified(text, {"quotewildcard": 1})
        assert len(quoted) <= MAX_VARIABLE
        assert (len(quoted) - len(quoted.rstrip("\\"))) % 2 == 0
        encoded = modified(text, {"encodeurl": 1})
        assert len(encoded) <= MAX_VARIABLE
        assert encoded.count("%") * 2 <= len(encoded.rsplit("%", maxsplit=1)[-1]) + len(encoded)
        assert "%" not in encoded[-2:]


def test_quoting_is_paid_for() -> None:
    stars = "*" * 8000
    for modifier in ("quotewildcard", "encodeurl"):
        more = f'set :{modifier} "b" "{stars}";' * 20
        require = 'require ["variables", "enotify"];'
        assert outcome(require + more).steps > 20 * 8000 // 16


def test_variables() -> None:
    assert value('set "A" "x"; set "b" "${a}y";', "[${B}${none}]") == "[xy]"
    assert value('set "a" "${a}"; set "a" "$";', "${a}{a}") == "${a}"
    assert value("", "[${1}]") == "[]"


def test_match_variables_are_those_of_the_last_match() -> None:
    before = (
        'if header :matches "subject" "* from *" { }'
        'if header :matches "subject" "x*" { }'
        'if header :contains "subject" "a" { }'
    )
    assert value(before, "${1}|${2}|${3}|${0}") == "Grüße|Alice||Grüße from Alice"
    inner = 'if anyof (true, header :matches "from" "*") { }'
    assert value(before + inner, "${2}") == "Alice"


def test_strings() -> None:
    before = 'set "a" "b"; set "e" "";'
    needed = "variables relational"
    assert holds('string "${a}" ["a", "B"]', require=needed, before=before)
    assert holds('string :matches ["x", "abc"] "${e}?B*"', require=needed, before=before)
    assert holds('string :count "eq" ["${a}", "${e}", "x"] "2"', require=needed, before=before)
    assert holds('string "${none}" ""', require=needed)


def test_values_are_cut() -> None:
    before = 'set "a" "xxxxxxxxxx";' + 'set "a" "${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}";' * 5
    assert value(before, "${a}") == "x" * MAX_VARIABLE


def test_too_many_names_are_a_problem() -> None:
    script = 'require "variables";' + "".join(f'set "v{number}" "";' for number in range(300))
    with pytest.raises(ValueError, match="more than 256 variables"):
        outcome(script)
