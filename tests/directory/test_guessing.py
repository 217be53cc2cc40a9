import pytest

from postroom.address import Address
from postroom.directory.guessing import reason

ADDRESS = Address.parse("alice.brown@example.org")


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("password", "everybody"), ("Password123!", "everybody"), ("P@ssw0rd", "everybody"),
        ("letmein2024", "everybody"), ("Sommer2026", "everybody"), ("!!Welcome1", "everybody"),
        ("12345678", "row"), ("abcdefgh", "row"), ("QWERTZUIOP", "row"), ("lkjhgfdsa", "row"),
        ("0987654321", "row"), ("asdfghjklasdfghjkl", "row"),
        ("aaaaaaaaaa", "different"), ("abababab", "different"), ("11112222", "different"),
        ("alice.brown1", "alice.brown"), ("Example2026", "example"), ("1smithers!", "smithers"),
        ("mail99mx", "mail99mx"),
    ],
)  # fmt: skip
def test_what_is_guessed_first(password: str, words: str) -> None:
    assert words in reason(password, ADDRESS, "Anna Smithers", "mail99mx")


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery", "a-Good-one-1", "another-One-2", "Tr0ub4dor&3", "long enough",
        "mein hund heisst rex", "alice.brown likes tea", "passwordofthegarden", "x7k2m9q4", "日本語のパスワード",
        "q1w2e3r4t5y6u7",
    ],
)  # fmt: skip
def test_what_is_not(password: str) -> None:
    assert reason(password, ADDRESS, "Anna Smithers") == ""


def test_short_names_are_nowhere_looked_for() -> None:
    assert reason("xy-tramway", Address.parse("xy@z.org"), "Xy Li") == ""
