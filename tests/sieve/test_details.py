import pytest

from postroom.sieve.details import FLAG, address
from postroom.sieve.problems import RunError
from tests.sieve.desk import problems


def test_addresses_are_made_canonical() -> None:
    assert address(" Alice@EXAMPLE.org ") == "Alice@example.org"
    with pytest.raises(RunError, match="'a b' is no address"):
        address("a b")


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
