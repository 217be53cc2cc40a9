from postroom.sieve.parser import parse


def test_what_has_a_block_differs_from_what_has_none() -> None:
    with_block, without = parse(b"a { } b;")
    assert with_block.block == ()
    assert without.block is None
