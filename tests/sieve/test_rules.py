from pathlib import Path

from postroom.sieve.rules import COMMANDS, EXTENSIONS, TESTS


def test_spare_arguments_are_fewer_than_all() -> None:
    for rule in (*COMMANDS.values(), *TESTS.values()):
        assert not rule.spare or rule.spare < len(rule.arguments)


def test_extensions_are_sorted() -> None:
    assert list(EXTENSIONS) == sorted(EXTENSIONS)


def test_the_page_names_every_extension() -> None:
    page = Path(__file__).parents[2].joinpath("docs", "sieve.md").read_text()
    assert [name for name in EXTENSIONS if f"`{name}`" not in page] == []
