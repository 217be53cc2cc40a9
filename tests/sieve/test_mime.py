import pytest

from tests.message.letters import NESTED
from tests.sieve.desk import holds, outcome, value

LETTER = b"""\
Subject: x
Content-Type: multipart/mixed; boundary=A; charset=outer

--A
Content-Type: text/plain; charset=utf-8
X-Part: one

a
--A
Content-Type: application/pdf; name*=utf-8''%C3%A4.pdf
Content-Disposition: attachment; filename="a.pdf"
X-Part: two

b
--A--
"""


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('header :mime "content-type" "multipart/mixed; boundary=A; charset=outer"', True),
        ('header :mime :contenttype "content-type" "multipart/mixed"', True),
        ('header :mime :type "content-type" "multipart"', True),
        ('header :mime :subtype "content-type" "mixed"', True),
        ('header :mime :param "boundary" "content-type" "a"', True),
        ('header :mime :param ["x", "CHARSET"] "content-type" "outer"', True),
        ('header :mime "x-part" "one"', False),
        ('header :mime :anychild "x-part" "one"', True),
        ('header :mime :anychild :contenttype "content-type" "application/pdf"', True),
        ('header :mime :anychild :param "filename" "content-disposition" "a.pdf"', True),
        ('header :mime :anychild :param "name" "content-type" "ä.pdf"', True),
        ('header :mime :anychild :type "content-disposition" "attachment"', True),
        ('header :mime :anychild :contenttype "content-disposition" "attachment"', True),
        ('header :mime :anychild :subtype "content-disposition" "attachment"', False),
        ('header :mime :anychild :type "x-part" "one"', False),
        ('header :mime :anychild :type "x-part" ""', True),
        ('exists :mime :anychild ["x-part", "subject"]', True),
        ('exists :mime "x-part"', False),
        ('header :anychild :mime :count "eq" "content-type" "3"', True),
    ],
)
def test_fields_of_parts(test: str, expected: bool) -> None:
    assert holds(test, LETTER, require="mime relational") is expected


def test_a_loop_goes_through_all_parts_and_stops_at_break() -> None:
    loop = """foreverypart {
        if header :mime :matches "x-part" "*" { set "all" "${all}<${1}>"; }
        if header "subject" "x" { set "n" "${n}."; }
        %s
    }"""
    needed = "mime foreverypart"
    assert value(loop % "", "${all}${n}", LETTER, require=needed) == "<one><two>..."
    stops = 'if header :mime "x-part" "one" { break; }'
    assert value(loop % stops, "${all}${n}", LETTER, require=needed) == "<one>.."


def test_loops_inside_loops() -> None:
    """The inner one goes through what is inside the part of the outer one."""
    loops = """foreverypart :name "outer" {
        set "n" "${n}(";
        foreverypart { set "n" "${n}."; %s }
        set "n" "${n})";
    }"""
    needed = "mime foreverypart"
    assert value(loops % "", "${n}", LETTER, require=needed) == "(..)()()"
    assert value(loops % "break;", "${n}", LETTER, require=needed) == "(.)()()"
    assert value(loops % 'break :name "outer";', "${n}", LETTER, require=needed) == "(."


def test_messages_inside_are_parts_too() -> None:
    loop = """foreverypart {
        if header :mime :matches "subject" "*" { set "all" "${all}[${1}]"; }
    }"""
    found = value(loop, "${all}", NESTED, require="mime foreverypart")
    assert found == "[outer][three][four two]"


def test_parameters_are_paid_for() -> None:
    content_type = b"Content-Type: text/plain" + b"; a=b" * 90
    test = 'if header :mime :param ["x", "y"] "content-type" "z" { }' * 10
    assert outcome('require "mime";' + test, content_type + b"\r\n\r\n").steps > 200


def test_extracted_texts_are_paid_for() -> None:
    octets = b"Subject: x\r\n\r\n" + b"*" * 8000
    script = 'require ["variables", "foreverypart", "extracttext"]; foreverypart {'
    script += 'extracttext :quotewildcard "a";' * 10 + "}"
    assert outcome(script, octets).steps > 10 * 8000 // 16


def test_loops_are_paid_for() -> None:
    parts = b"--A\r\n\r\n\r\n" * 900
    octets = b"Content-Type: multipart/mixed; boundary=A\r\n\r\n" + parts + b"--A--\r\n"
    test = 'if header :mime :anychild :contains "x" ["a", "b"] { stop; }'
    script = 'require ["mime", "foreverypart"];' + "foreverypart {" + test * 300 + "}"
    found = outcome(script, octets)
    assert found.error
    assert "takes too long" in found.error
