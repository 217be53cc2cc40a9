"""Records as text and back: what goes out comes back."""

from typing import Final

import pytest
from hypothesis import given, strategies as st

from postroom.net.dns_records import Kind, Mx, Record, Srv, Tlsa
from postroom.net.zones import presentation

EXAMPLES: Final[list[tuple[Kind, Record, str]]] = [
    ("A", "192.0.2.1", "192.0.2.1"),
    ("AAAA", "2001:db8::1", "2001:db8::1"),
    ("CNAME", "mx.demo.test", "mx.demo.test."),
    ("MX", Mx(10, "mx.demo.test"), "10 mx.demo.test."),
    ("MX", Mx(0, ""), "0 ."),
    ("SRV", Srv(0, 1, 993, "mx.demo.test"), "0 1 993 mx.demo.test."),
    ("SRV", Srv(0, 0, 0, ""), "0 0 0 ."),
    ("TLSA", Tlsa(3, 1, 0, b"\x01\xff"), "3 1 0 01ff"),
    ("CAA", '0 issue "ca.test"', '0 issue "ca.test"'),
    ("TXT", b'v=spf1 "x" \\ ~all', '"v=spf1 \\"x\\" \\\\ ~all"'),
    ("TXT", b"a" * 300, f'"{"a" * 255}" "{"a" * 45}"'),
    ("TXT", b"", '""'),
]


@pytest.mark.parametrize(("kind", "record", "text"), EXAMPLES)
def test_records_are_written_and_read(kind: Kind, record: Record, text: str) -> None:
    assert presentation.write(kind, record) == text
    assert presentation.read(kind, text) == record


@given(st.binary(max_size=700))
def test_any_text_survives(octets: bytes) -> None:
    assert presentation.read("TXT", presentation.write("TXT", octets)) == octets


def test_names_are_absolute_with_and_without_a_dot_and_in_lower_case() -> None:
    assert presentation.read("MX", "10 MX.demo.test") == Mx(10, "mx.demo.test")
    assert presentation.read("CNAME", "MX.demo.test.") == "mx.demo.test"


@pytest.mark.parametrize(
    ("kind", "text"), [("A", "x"), ("MX", "mx"), ("TLSA", "3 1 1 0"), ("A", "")]
)
def test_what_is_no_record_is_refused(kind: Kind, text: str) -> None:
    with pytest.raises(ValueError, match=f"is no {kind} record"):
        presentation.read(kind, text)
    with pytest.raises(ValueError, match="is no A record"):
        presentation.rdata("A", "nonsense")
