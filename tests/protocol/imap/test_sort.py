"""Names of sort keys and algorithms."""

from postroom.protocol.imap.sort import Algorithm, Criterion, SortKey


def test_names_are_those_of_the_protocol() -> None:
    for kind in (SortKey, Algorithm):
        assert all(one.value == one.name.encode() for one in kind)
    assert Criterion(SortKey.DATE) != Criterion(SortKey.DATE, is_reverse=True)
