import pytest

from tests.sieve.desk import holds, letter

LETTER = (
    b"Received: one\r\nReceived: two\r\nReceived: three\r\n"
    b"From: Alice <alice+news@example.org>\r\n"
    b"To: undisclosed-recipients:;\r\nSubject:  padded \r\nX-Empty: \r\n\r\n"
)


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('header "subject" "GRÜßE from alice"', False),
        ('header "subject" "Grüße FROM alice"', True),
        ('header :comparator "i;octet" "subject" "Grüße FROM alice"', False),
        ('header ["x-none", "SUBJECT"] ["x", "Grüße from Alice"]', True),
        ('header :contains "x-empty" ""', True),
        ('header "x-empty" ""', True),
        ('header :contains "x-none" ""', False),
        ('header :matches "x-none" "*"', False),
        ('header :matches "subject" "*alice"', True),
        ('exists ["from", "to", "subject"]', True),
        ('exists ["from", "x-none"]', False),
        ('exists "x-empty"', True),
        ('address "from" "alice+news@EXAMPLE.org"', True),
        ('address :localpart "from" "ALICE+news"', True),
        ('address :domain ["from", "to"] "example.com"', True),
        ('address "to" "carol@example.com"', True),
        ('address :contains "from" "Example <"', False),
        ("size :over 10", True),
        ("size :under 10", False),
        ("size :over 1M", False),
    ],
)
def test_fields(test: str, expected: bool) -> None:
    assert holds(test) is expected


def test_size_is_neither_over_nor_under_itself() -> None:
    about = letter(b"a" * 100)
    assert not holds("size :over 100", about)
    assert not holds("size :under 100", about)
    assert holds("size :under 101", about)


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('envelope "from" "alice+news@example.org"', True),
        ('envelope :localpart :is ["FROM", "to"] "bob"', True),
        ('envelope :domain "to" "example.org"', False),
        ('envelope "auth" ""', False),
        ('envelope :detail "from" "news"', True),
        ('envelope :user "from" "alice"', True),
        ('envelope :detail :contains "to" ""', False),
    ],
)
def test_the_envelope(test: str, expected: bool) -> None:
    assert holds(test, require="envelope subaddress") is expected


def test_the_null_path() -> None:
    about = letter(sender="", auth="carol")
    assert holds('envelope "from" ""', about, require="envelope")
    assert holds('envelope :domain "from" ""', about, require="envelope")
    assert not holds('envelope :contains "from" "@"', about, require="envelope")
    assert holds('envelope "auth" "carol"', about, require="envelope")


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('header :index 1 "received" "one"', True),
        ('header :index 1 "received" "two"', False),
        ('header :index 1 :last "received" "three"', True),
        ('header :last :index 2 "received" "two"', True),
        ('header :last :index 3 "received" "one"', True),
        ('header :last :index 4 :contains "received" ""', False),
        ('header :index 4 :contains "received" ""', False),
        ('address :index 1 "from" "alice+news@example.org"', True),
        ('address :index 2 :contains "from" ""', False),
        ('header :count "eq" "received" "3"', True),
        ('header :count "ge" ["received", "from"] "4"', True),
        ('header :count "eq" "x-none" "0"', True),
        ('address :count "eq" "to" "0"', True),
        ('header :index 1 :count "eq" "received" "1"', True),
        ('header "subject" "padded"', True),
    ],
)
def test_index_and_count(test: str, expected: bool) -> None:
    assert holds(test, LETTER, require="index relational") is expected


def test_names_in_variables() -> None:
    before = 'set "name" "subject";'
    assert holds('header "${name}" "padded"', LETTER, require="variables", before=before)
    assert not holds('header "${none}:" "padded"', LETTER, require="variables")
