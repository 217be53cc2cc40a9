from postroom.sieve.rules import COMMANDS, EXTENSIONS, TESTS


def test_spare_arguments_are_fewer_than_all() -> None:
    for rule in (*COMMANDS.values(), *TESTS.values()):
        assert not rule.spare or rule.spare < len(rule.arguments)


def test_extensions_are_sorted() -> None:
    assert list(EXTENSIONS) == sorted(EXTENSIONS)
