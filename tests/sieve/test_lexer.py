import pytest
from hypothesis import given, strategies as st

from postroom.sieve.lexer import MAX_NUMBER, Token, tokens
from postroom.sieve.limits import MAX_SCRIPT
from postroom.sieve.problems import Place, ScriptError


def read(text: str | bytes) -> list[Token]:
    return list(tokens(text if isinstance(text, bytes) else text.encode()))


def strings(text: str) -> list[str]:
    return [token.text for token in read(text) if token.kind == "string"]


def problem(text: str | bytes) -> str:
    with pytest.raises(ScriptError) as caught:
        read(text)
    (found,) = caught.value.problems
    return str(found)


def test_words_know_no_case_and_have_places() -> None:
    assert read("KEEP ;\r\n  :Over 2K") == [
        Token("identifier", "keep", Place(1, 1)),
        Token("mark", ";", Place(1, 6)),
        Token("tag", "over", Place(2, 3)),
        Token("number", "2K", Place(2, 9), 2048),
        Token("end", "", Place(2, 11)),
    ]


def test_comments_are_blanks() -> None:
    found = read('# one ; { " \nstop/* two\n # */;/**/')
    assert [(token.text, token.place.line) for token in found] == [("stop", 2), (";", 3), ("", 3)]


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("007", 7), ("1k", 1024), ("3M", 3 << 20), ("1G", 1 << 30), ("4294967296", 1 << 32)],
)
def test_numbers(text: str, number: int) -> None:
    assert read(text)[0].number == number


def test_numbers_that_are_none() -> None:
    assert "too large" in problem(str(MAX_NUMBER + 1))
    assert "too large" in problem("9999999999999G")
    assert "too large" in problem("9" * 5000)
    assert "a number must be digits" in problem("10kb")
    assert "a number must be digits" in problem("5x")


def test_quoted_strings() -> None:
    assert strings(r'"a\"b\\c\d"') == ['a"b\\cd']
    assert strings('"two\nlines\r\n"') == ["two\r\nlines\r\n"]
    assert strings('"# no /* comment"') == ["# no /* comment"]
    assert problem('stop;\n "open') == (
        "line 2, column 2: the string that begins here is never closed"
    )


def test_texts() -> None:
    assert strings("text: # said\none\n..two\n.three\n\n.\n;") == ["one\r\n.two\r\n.three\r\n\r\n"]
    assert strings("TEXT:\r\n.\r\n") == [""]
    assert strings("text:  \nlast\n.") == ["last\r\n"]
    assert "line with a single dot" in problem("text:\nopen\n..\n")
    assert read("text :x")[0].kind == "identifier"


def test_columns_count_characters() -> None:
    assert read('"äöü" stop')[1].place == Place(1, 7)


def test_octets_that_are_no_script() -> None:
    assert problem(b"keep;\n# \xff") == "line 2, column 3: the script is not valid UTF-8 here"
    assert problem(b'keep;\n"\0"') == "line 2, column 2: a NUL character stands here"
    assert "larger than 256 KiB" in problem(b" " * (MAX_SCRIPT + 1))
    assert "'!' is not expected" in problem("keep !;")
    assert "never closed" in problem("/* open")


def test_a_byte_order_mark_is_passed_over() -> None:
    assert read(b"\xef\xbb\xbfkeep;")[0] == Token("identifier", "keep", Place(1, 1))


def test_it_is_linear() -> None:
    """A quadratic reader would take hours."""
    for text in ("a " * 100_000, '"' + "\\" * 200_000, "/*" * 100_000, "text:\n" + ".a\n" * 80_000):
        try:
            read(text)
        except ScriptError:
            pass


@given(st.one_of(st.binary(max_size=100), st.text('text:\r\n."\\ab;#/*', max_size=60)))
def test_nothing_else_is_raised(text: bytes | str) -> None:
    try:
        found = read(text)
    except ScriptError as error:
        assert error.problems
    else:
        assert found[-1].kind == "end"
