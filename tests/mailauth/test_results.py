"""Authentication-Results: what is written can be read again, and nothing breaks out of it."""

from hypothesis import given, strategies as st

from postroom.mailauth.results import MAX_READ, Result, read, write
from postroom.message import headers

FULL = (
    Result(method="iprev", outcome="pass", properties=(("policy.iprev", "192.0.2.1"),)),
    Result(
        method="spf",
        outcome="fail",
        comment="-all",
        reason='it says "no"',
        properties=(("smtp.mailfrom", "ann@a.example"), ("smtp.none", "")),
    ),
    Result(
        method="dkim",
        outcome="pass",
        properties=(("header.d", "a.example"), ("header.s", "s1"), ("header.b", "ab/+c=")),
    ),
)


def test_a_field_as_it_stands() -> None:
    assert write("mx.local.test", [one.words() for one in FULL]) == (
        b"Authentication-Results: mx.local.test;\r\n"
        b"\tiprev=pass policy.iprev=192.0.2.1;\r\n"
        b'\tspf=fail (-all) reason="it says \\"no\\"" smtp.mailfrom=ann@a.example;\r\n'
        b'\tdkim=pass header.d=a.example header.s=s1 header.b="ab/+c="\r\n'
    )


def test_nothing_was_checked() -> None:
    assert write("mx.local.test", ()) == b"Authentication-Results: mx.local.test; none\r\n"


def test_what_is_written_can_be_read() -> None:
    found = read(write("mx.local.test", [one.words() for one in FULL]).partition(b":")[2])
    assert [(one.method, one.outcome) for one in found] == [
        ("iprev", "pass"),
        ("spf", "fail"),
        ("dkim", "pass"),
    ]
    assert found[1].value("smtp.mailfrom") == "ann@a.example"
    assert found[2].value("header.b") == "ab/+c="
    assert found[2].value("header.x") == ""


def test_results_as_others_write_them() -> None:
    value = (
        b" i=1; lists.example (a; comment); DKIM/1 = Pass (ok; really) header . d=a.example ;"
        b'\r\n\tdmarc=pass (p=REJECT) header.from="b.example"; nonsense; spf='
    )
    found = read(value)
    # The first part is the instance, which looks like a result to one who does not know ARC.
    assert [str(one) for one in found if one.method != "i"] == [
        "dkim=pass header.d=a.example",
        "dmarc=pass header.from=b.example",
    ]


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=300))
def test_hostile_values_stay_inside(value: str, comment: str, reason: str) -> None:
    hostile = Result(
        method="spf",
        outcome="fail",
        comment=comment,
        reason=reason,
        properties=(("smtp.helo", value),),
    )
    none = Result(method="dkim", outcome="none")
    octets = write("mx.local.test", [hostile.words(), none.words()])
    head = octets + b"Subject: x\r\n\r\n"
    assert [field.name for field in headers.fields(head)] == [
        b"authentication-results",
        b"subject",
    ]
    assert head.isascii()
    found = read(octets.partition(b":")[2])
    assert [(one.method, one.outcome) for one in found] == [("spf", "fail"), ("dkim", "none")]


@given(st.binary(max_size=500))
def test_reading_never_fails(octets: bytes) -> None:
    read(octets)


def test_a_thousand_results_are_not_all_read() -> None:
    assert len(read(b"x;" + b"dkim=pass;" * 1000)) == MAX_READ
    assert read(b'"' * 100_000) == []
    assert read(b"(" * 100_000) == []
