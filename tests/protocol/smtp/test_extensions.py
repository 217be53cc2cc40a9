import pytest
from hypothesis import given, strategies as st

from postroom.protocol.smtp.extensions import MAX_SIZE, Extensions, parse_extensions
from postroom.protocol.smtp.settings import Settings
from postroom.protocol.smtp.standing import Standing


def test_everything() -> None:
    lines = (
        "mx.test Hello c.test",
        "PIPELINING",
        "SIZE 1000",
        "8bitmime",
        "SMTPUTF8",
        "CHUNKING",
        "DSN",
        "STARTTLS",
        "REQUIRETLS",
        "EnhancedStatusCodes",
        "AUTH PLAIN login SCRAM-SHA-256",
        "LIMITS MAILMAX=10 RCPTMAX=20 RCPTDOMAINMAX=1",
        "HELP",
    )
    assert parse_extensions(lines) == Extensions(
        name="mx.test",
        pipelining=True,
        size=1000,
        eightbitmime=True,
        smtputf8=True,
        chunking=True,
        dsn=True,
        starttls=True,
        requiretls=True,
        auth=frozenset({"PLAIN", "LOGIN", "SCRAM-SHA-256"}),
        mailmax=10,
        rcptmax=20,
        rcptdomainmax=1,
    )


@pytest.mark.parametrize("lines", [(), ("",), ("   ",), ("mx.test",)])
def test_nothing(lines: tuple[str, ...]) -> None:
    name = "mx.test" if lines == ("mx.test",) else ""
    assert parse_extensions(lines) == Extensions(name=name)


def test_the_first_line_offers_nothing() -> None:
    assert not parse_extensions(("PIPELINING",)).pipelining


@pytest.mark.parametrize(
    ("line", "size"),
    [
        ("SIZE", 0),
        ("SIZE 0", 0),
        ("SIZE 35882577", 35_882_577),
        ("SIZE -1", 0),
        ("SIZE ten", 0),
        ("SIZE ٣", 0),
        ("SIZE 10 20", 10),
        ("SIZE " + "9" * 20, MAX_SIZE),
        ("SIZE " + "9" * 21, 0),
        ("SIZES 5", None),
        ("X SIZE 5", None),
    ],
)
def test_sizes(line: str, size: int | None) -> None:
    assert parse_extensions(("mx", line)).size == size


@pytest.mark.parametrize(
    ("lines", "mechanisms"),
    [
        (("AUTH=PLAIN",), {"PLAIN"}),
        (("AUTH=PLAIN LOGIN",), {"PLAIN", "LOGIN"}),
        (("AUTH PLAIN", "AUTH=LOGIN"), {"PLAIN", "LOGIN"}),
        (("AUTH",), set()),
        (("AUTH=",), set()),
        (("AUTH bad/name " + "X" * 21,), set()),
    ],
)
def test_mechanisms(lines: tuple[str, ...], mechanisms: set[str]) -> None:
    assert parse_extensions(("mx", *lines)).auth == mechanisms


@pytest.mark.parametrize(
    ("words", "rcptmax"),
    [
        ("RCPTMAX=1", 1),
        ("RCPTMAX=999999", 999_999),
        ("RCPTMAX=1000000", None),
        ("RCPTMAX=0", None),
        ("RCPTMAX=01", None),
        ("RCPTMAX=", None),
        ("RCPTMAX", None),
        ("RCPTMAX=x", None),
        ("RCPTMAX=x RCPTMAX=5", 5),
        ("FUTURE=7 RCPTMAX=5", 5),
    ],
)
def test_limits(words: str, rcptmax: int | None) -> None:
    assert parse_extensions(("mx", f"LIMITS {words}")).rcptmax == rcptmax


def test_the_first_of_two_lines_counts() -> None:
    assert parse_extensions(("mx", "SIZE 5", "SIZE 9")).size == 5


def test_our_own_server() -> None:
    settings = Settings(hostname="mx.test", max_message=500, auth="plain", offers_tls=True)
    standing = Standing(settings, has_tls=False, is_trusted=False)
    standing.is_esmtp = True
    found = parse_extensions(("mx.test", *standing.extensions()))
    assert found.pipelining
    assert found.chunking
    assert found.eightbitmime
    assert found.smtputf8
    assert found.dsn
    assert found.starttls
    assert found.size == 500
    assert "SCRAM-SHA-256" in found.auth


@given(st.lists(st.text(), max_size=8))
def test_anything_can_be_read(lines: list[str]) -> None:
    assert isinstance(parse_extensions(lines), Extensions)


WORDS = st.lists(
    st.sampled_from(["SIZE", "AUTH", "AUTH=", "LIMITS", "=", " ", "1", "RCPTMAX=", "PLAIN", "ß"])
).map("".join)


@given(st.lists(WORDS, max_size=6))
def test_what_looks_like_extensions_can_be_read(lines: list[str]) -> None:
    found = parse_extensions(lines)
    assert found.size is None or 0 <= found.size <= MAX_SIZE
    assert found.rcptmax is None or 0 < found.rcptmax < 1_000_000
