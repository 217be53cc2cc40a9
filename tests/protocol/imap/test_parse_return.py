"""RETURN."""

import pytest

from postroom.protocol.imap.esearch import Partial, Returns
from postroom.protocol.imap.fetch import Attribute
from postroom.protocol.imap.parse_return import read_returns
from postroom.protocol.imap.tokens import BadSyntax, Reader


@pytest.mark.parametrize(
    ("text", "returns"),
    [
        (b"RETURN () ALL", Returns(everything=True)),
        (b"return (min) ALL", Returns(minimum=True)),
        (b"RETURN (MAX MIN) ALL", Returns(minimum=True, maximum=True)),
        (b"RETURN (SAVE) ALL", Returns(save=True)),
        (b"RETURN (COUNT COUNT ALL) ALL", Returns(everything=True, count=True)),
        (b"RETURN (CONTEXT) ALL", Returns(everything=True)),
        (b"RETURN (CONTEXT UPDATE) ALL", Returns(update=True)),
        (b"RETURN (UPDATE (FLAGS) MIN) ALL",
         Returns(minimum=True, update=True, items=(Attribute.FLAGS,))),
        (b"RETURN (PARTIAL 1:500 COUNT) ALL", Returns(count=True, partial=Partial(1, 500))),
        (b"RETURN (PARTIAL 500:400) ALL", Returns(partial=Partial(500, 400))),
        (b"RETURN (PARTIAL -1:-4294967295) ALL", Returns(partial=Partial(-1, -4294967295))),
    ],
)  # fmt: skip
def test_reads(text: bytes, returns: Returns) -> None:
    reader = Reader(text)
    assert read_returns(reader) == returns
    assert reader.data[reader.at :] == b"ALL"


def test_there_is_none() -> None:
    reader = Reader(b"RETURNED ALL")
    assert read_returns(reader) is None
    assert reader.at == 0


@pytest.mark.parametrize(
    "text",
    [
        b"RETURN ",
        b"RETURN MIN ALL",
        b"RETURN (MIN",
        b"RETURN (MIN)",
        b"RETURN (MIN)ALL",
        b"RETURN (MIN  MAX) ALL",
        b"RETURN ( MIN) ALL",
        b"RETURN (MIN ) ALL",
        b"RETURN (MINMAX) ALL",
        b"RETURN (RELEVANCY) ALL",  # FUZZY is not offered
        b"RETURN ((MIN)) ALL",
        b"RETURN (PARTIAL) ALL",
        b"RETURN (PARTIAL 1) ALL",
        b"RETURN (PARTIAL 1:) ALL",
        b"RETURN (PARTIAL 0:1) ALL",
        b"RETURN (PARTIAL 1:*) ALL",
        b"RETURN (PARTIAL 1:-1) ALL",
        b"RETURN (PARTIAL -1:1) ALL",
        b"RETURN (PARTIAL 1:4294967296) ALL",
        b"RETURN (PARTIAL 1:2,5) ALL",
        b"RETURN (PARTIAL 1:2 ALL) ALL",
        b"RETURN (ALL PARTIAL 1:2) ALL",
        b"RETURN (PARTIAL 1:2 PARTIAL 1:2) ALL",
        b"RETURN (UPDATE UPDATE) ALL",
        b"RETURN (UPDATE (NONSENSE)) ALL",
        b"RETURN (UPDATE()) ALL",
    ],
)
def test_refuses(text: bytes) -> None:
    with pytest.raises(BadSyntax):
        read_returns(Reader(text))
