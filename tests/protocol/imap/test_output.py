"""Output: the order of pieces, and their octets."""

from postroom.protocol.imap.output import Output


def test_pieces_come_in_their_order_and_once() -> None:
    output = Output()
    assert output.take() == b""
    output.append(b"one ")
    output.extend([b"two ", b"three"])
    output.append(b"")
    assert output.size == len(b"one two three")
    assert output.take() == b"one two three"
    assert output.size == 0
    assert output.take() == b""


def test_pieces_may_come_from_a_generator() -> None:
    output = Output()
    output.extend(piece for piece in (b"a", b"bc"))
    assert output.size == 3
    assert output.take() == b"abc"
