"""The items of a FETCH."""

from postroom.protocol.imap.fetch import HEADER, TEXT, WHOLE, Attribute, Octets, Section


def test_items_are_values() -> None:
    assert Octets(WHOLE, b"BODY[]") == Octets(Section(), b"BODY[]")
    assert len({Octets(HEADER, b"x"), Octets(TEXT, b"x"), Attribute.UID}) == 3


def test_attributes_are_named_as_on_the_wire() -> None:
    assert Attribute(b"RFC822.SIZE") is Attribute.SIZE
