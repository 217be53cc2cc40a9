"""Records: chosen among texts, read as a whole."""

import pytest

from postroom.mailauth.spf_record import MAX_RECORD, BadRecord, choose, parse


def test_the_one_record_is_chosen() -> None:
    assert choose([b"google=x", b"V=SPF1 -all", b"v=spf10 a"]) == b"V=SPF1 -all"
    assert choose([b"v=spf1"]) == b"v=spf1"
    assert choose([b"v=spf1-all", b""]) is None
    with pytest.raises(BadRecord):
        choose([b"v=spf1 a", b"v=spf1 mx"])


def test_what_is_read() -> None:
    record = parse(
        b"v=spf1  a/24//64 ~mx:b.test -ip4:192.0.2.1/8 x-y.z=%{d} exp=e.test redirect=r.test "
    )
    kinds = [(one.kind, one.qualifier) for one in record.directives]
    assert kinds == [("a", "pass"), ("mx", "softfail"), ("ip4", "fail")]
    assert (record.directives[0].prefix4, record.directives[0].prefix6) == (24, 64)
    assert str(record.directives[2].network) == "192.0.0.0/8"
    assert record.redirect == ("r.test",)
    assert record.explanation == ("e.test",)


@pytest.mark.parametrize(
    "record",
    [
        b"v=spf1 \xff",
        b"v=spf1 all:x.test",
        b"v=spf1 all/8",
        b"v=spf1 include",
        b"v=spf1 include:",
        b"v=spf1 exists",
        b"v=spf1 a:",
        b"v=spf1 a/33",
        b"v=spf1 a//129",
        b"v=spf1 a/08",
        b"v=spf1 a/",
        b"v=spf1 mx/24/64",
        b"v=spf1 ip4",
        b"v=spf1 ip4:192.0.2",
        b"v=spf1 ip4:192.0.2.1//8",
        b"v=spf1 ip4:192.0.2.1/33",
        b"v=spf1 ip6:192.0.2.1",
        b"v=spf1 ip6:::1/129",
        b"v=spf1 ip6:fe80::1%1",
        b"v=spf1 redirect=a.test redirect=b.test",
        b"v=spf1 exp=a.test exp=a.test",
        b"v=spf1 redirect=",
        b"v=spf1 nothing",
        b"v=spf1 =x",
        b"v=spf1 x=%z",
    ],
)
def test_one_bad_term_spoils_the_record(record: bytes) -> None:
    with pytest.raises(BadRecord):
        parse(record)


def test_a_record_without_end_is_not_read() -> None:
    term = b" ip4:192.0.2.1"
    fitting = b"v=spf1" + term * ((MAX_RECORD - 6) // len(term))
    assert len(parse(fitting).directives) > 500
    with pytest.raises(BadRecord, match="longer than"):
        parse(fitting + term)
