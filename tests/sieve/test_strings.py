import pytest

from postroom.sieve.limits import MAX_CAPTURES
from postroom.sieve.script import Reference, Template
from postroom.sieve.strings import BadString, encoded_characters, template, variable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$${hex:40}", "$@"),
        ("${hex: 40 41 }", "@A"),
        ("${HEX:4}", "\x04"),
        ("${hex:c3 a4}", "ä"),
        ("${unicode:40 1F600}", "@😀"),
        ("${Unicode: 000041}", "A"),
        ("${hex:400}", "${hex:400}"),
        ("${hex:}", "${hex:}"),
        ("${hex:40", "${hex:40"),
        ("${hex:4 0 g}", "${hex:4 0 g}"),
        ("${unicode:x}", "${unicode:x}"),
        ("${ hex:40}", "${ hex:40}"),
        ("${${hex:40}}", "${@}"),
    ],
)
def test_encoded_characters(text: str, expected: str) -> None:
    assert encoded_characters(text) == expected


@pytest.mark.parametrize("text", ["${hex:ff}", "${unicode:D800}", "${unicode:110000}"])
def test_characters_that_are_none(text: str) -> None:
    with pytest.raises(BadString):
        encoded_characters(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", "a"),
        ("${a b}", "${a b}"),
        ("${}", "${}"),
        ("${a", "${a"),
        ("${9a}", "${9a}"),
        ("${a-b}", "${a-b}"),
        ("$${A}$", Template(("$", Reference("a"), "$"))),
        ("${01}", Template((Reference(index=1),))),
        ("${0}x${b}", Template((Reference(index=0), "x", Reference("b")))),
        ("${global.X_1}", Template((Reference("x_1", namespace="global"),))),
    ],
)
def test_references(text: str, expected: str | Template) -> None:
    assert template(text, {"include"}) == expected


@pytest.mark.parametrize(
    "text",
    ["${a.b}", "${a.b.c}", "${a.1}", "${global.a.b}", f"${{{MAX_CAPTURES + 1}}}", "${99999}"],
)
def test_references_to_what_there_is_not(text: str) -> None:
    with pytest.raises(BadString):
        template(text, {"include"})


def test_global_belongs_to_include() -> None:
    with pytest.raises(BadString, match="namespace 'global'"):
        template("${global.a}", set())


def test_names_that_can_be_set() -> None:
    assert variable("Abc_1", set()) == Reference("abc_1")
    assert variable("global.x", {"include"}) == Reference("x", namespace="global")
    for name in ("", "1", "a.b", "a-b", "global.1", "a."):
        with pytest.raises(BadString):
            variable(name, {"include"})
