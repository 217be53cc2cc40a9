"""The tree of a search."""

from postroom.protocol.imap.search import (
    ANSWERED,
    DELETED,
    DRAFT,
    FLAGGED,
    SEEN,
    All,
    And,
    Flag,
    Modseq,
    Not,
    Numbers,
    Or,
    leaves,
    names_modseq,
    names_numbers,
)


def test_the_bits_are_those_of_the_store() -> None:
    assert [SEEN, ANSWERED, FLAGGED, DELETED, DRAFT] == [1, 2, 4, 8, 16]


def test_keys_are_values() -> None:
    assert And((Flag(SEEN), Not(Flag(DELETED)))) == And((Flag(SEEN), Not(Flag(DELETED))))
    assert len({Flag(SEEN), Flag(SEEN), Flag(SEEN, is_set=False)}) == 2


def test_modseq_is_found_in_any_depth() -> None:
    assert names_modseq(And((All(), Or(Not(Modseq(3)), All()))))
    assert not names_modseq(And((All(), Or(Not(All()), All()))))


def test_message_numbers_are_found_in_any_depth() -> None:
    assert names_numbers(And((All(), Not(Numbers(((1, 2),), by_uid=False)))))
    assert not names_numbers(And((All(), Not(Numbers(((1, 2),), by_uid=True)))))


def test_leaves_are_all_keys_without_others_inside() -> None:
    tree = And((Flag(SEEN), Or(Not(Flag(DRAFT)), And((Modseq(3), All())))))
    assert set(leaves(tree)) == {Flag(SEEN), Flag(DRAFT), Modseq(3), All()}
    assert list(leaves(All())) == [All()]
