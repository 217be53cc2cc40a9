import pytest

from postroom.sieve.details import FLAG, address
from postroom.sieve.problems import RunError
from tests.sieve.desk import problems


def test_addresses_are_made_canonical() -> None:
    assert address(" Alice@EXAMPLE.org ") == "Alice@example.org"
    with pytest.raises(RunError, match="'a b' is no address"):
        address("a b")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Bob <b@E.example>", "b@e.example"),
        ('"Last, First" <b@e.example>', "b@e.example"),
        ("<b@e.example> ", "b@e.example"),
        ('Bob <"b c"@e.example>', '"b c"@e.example'),
        ("Jörg <jörg@bücher.example>", "jörg@xn--bcher-kva.example"),
    ],
)
def test_an_address_behind_a_name(text: str, wanted: str) -> None:
    assert address(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        *("<>", "Bob <>", "Bob <nobody>", "Bob b@e.example", "<@r.example:b@e.example>"),
        *("Group: b@e.example;", "Group: <b@e.example>", "a@e.example, Bob <b@e.example>"),
        *("a@e.example <b@e.example> c@e.example", "a@e.example <b@e.example>, <c@e.example>"),
    ],
)
def test_no_address(text: str) -> None:
    with pytest.raises(RunError, match="is no address"):
        address(text)


@pytest.mark.parametrize("flag", ["\\Seen", "$Junk", "a", "NonJunk", "work.todo", "[x"])
def test_flags(flag: str) -> None:
    assert FLAG.fullmatch(flag)


@pytest.mark.parametrize("flag", ["", "\\", "a(b", "ä", "a]", "%", "*", '"', "a\\b", "x" * 200])
def test_no_flags(flag: str) -> None:
    assert not FLAG.fullmatch(flag)


def test_what_has_variables_is_not_known_yet() -> None:
    assert not problems(
        'require ["variables", "regex", "envelope", "imap4flags", "fileinto"];\n'
        'if header :regex "${h}" "${r}(" { redirect "${to}"; addflag "${f}("; fileinto "${m}"; }\n'
        'if envelope "${p}" "" { } if address "${a}" "" { }'
    )
