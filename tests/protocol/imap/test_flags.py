"""Flags."""

import pytest

from postroom.protocol.imap.flags import read_flag_list, read_flags, write_flags
from postroom.protocol.imap.tokens import BadSyntax, Reader


def test_reads() -> None:
    assert read_flag_list(Reader(b"()")) == (0, frozenset())
    assert read_flag_list(Reader(b"(\\seen \\DELETED $Junk x)")) == (9, frozenset(["$Junk", "x"]))
    assert read_flags(Reader(b"\\Answered \\Flagged \\Draft")) == (22, frozenset())


@pytest.mark.parametrize(
    "text",
    [b"(\\Recent)", b"(\\Foo)", b"(\\)", b"( a)", b"(a ", b"(a]b)", b"(" + b"x" * 101 + b")",
     b"(" + b" ".join(b"k%d" % n for n in range(101)) + b")"],
)  # fmt: skip
def test_refuses(text: bytes) -> None:
    with pytest.raises(BadSyntax):
        read_flag_list(Reader(text))


def test_writes() -> None:
    assert write_flags(0, "") == b"()"
    assert write_flags(1 | 8, "$Junk a", recent=True) == b"(\\Deleted \\Seen \\Recent $Junk a)"
    assert read_flag_list(Reader(write_flags(31, "b a"))) == (31, frozenset("ab"))
