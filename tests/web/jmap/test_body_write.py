"""Bodies from EmailBodyParts: the trees that come of them, what is refused, texts read back."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from postroom.message.content import decoded
from postroom.message.part import Part
from postroom.message.scan import scan
from postroom.web.jmap.body_write import MAX_DEPTH, MAX_PARTS, Quoted, blob_ids, pieces, root
from postroom.web.jmap.errors import SetError

TEXT = [{"partId": "t", "type": "text/plain"}]
HTML = [{"partId": "h", "type": "text/html"}]
VALUES = {"t": {"value": "hello\n"}, "h": {"value": "<p>hello</p>\n"}}
FILE = {"blobId": "B1", "type": "application/pdf", "name": "a.pdf"}
IMAGE = {"blobId": "B2", "type": "image/png", "cid": "i@x", "disposition": "inline"}


def written(properties: dict[str, Any]) -> bytes:
    node = root(properties, set())
    numbers = iter(range(10_000))
    return b"".join(
        [
            b"[%b%b]" % (one.blob_id.encode(), b"!" if one.is_whole else b"")
            if isinstance(one, Quoted)
            else one
            for one in pieces(node, lambda: f"b{next(numbers)}")
        ]
    )


def shape(part: Part) -> Any:
    name = "/".join(part.content_type)
    return (name, *[shape(one) for one in part.children]) if part.children else name


def shape_of(properties: dict[str, Any]) -> Any:
    return shape(scan(b"Subject: x\r\n" + written(properties)))


def refused(properties: dict[str, Any]) -> SetError:
    with pytest.raises(SetError) as error:
        root(properties, set())
    return error.value


def test_the_tree_of_each_mixture() -> None:
    values = {"bodyValues": VALUES}
    alternative = ("multipart/alternative", "text/plain", "text/html")
    related = ("multipart/related", "text/html", "image/png")
    for properties, wanted in (
        ({}, "text/plain"),
        ({"textBody": TEXT}, "text/plain"),
        ({"htmlBody": HTML}, "text/html"),
        ({"textBody": TEXT, "htmlBody": HTML}, alternative),
        ({"attachments": [FILE]}, ("multipart/mixed", "application/pdf")),
        (
            {"textBody": TEXT, "htmlBody": HTML, "attachments": [FILE]},
            ("multipart/mixed", alternative, "application/pdf"),
        ),
        ({"htmlBody": HTML, "attachments": [IMAGE]}, related),
        (
            {"textBody": TEXT, "htmlBody": HTML, "attachments": [IMAGE, FILE]},
            (
                "multipart/mixed",
                ("multipart/alternative", "text/plain", related),
                "application/pdf",
            ),
        ),
        (
            {"textBody": TEXT, "attachments": [IMAGE]},
            ("multipart/mixed", "text/plain", "image/png"),
        ),
    ):
        assert shape_of({**values, **properties}) == wanted, properties


def test_a_structure_is_written_as_it_stands() -> None:
    inner = {"type": "multipart/digest", "subParts": [{"blobId": "B3", "type": "message/rfc822"}]}
    whole = {"type": "multipart/mixed", "subParts": [{"partId": "t"}, FILE, inner]}
    octets = written({"bodyStructure": whole, "bodyValues": VALUES})
    assert b"[B1]" in octets
    assert b"Content-Transfer-Encoding: 8bit\r\n\r\n[B3!]" in octets
    assert octets.count(b"Content-Transfer-Encoding: 8bit") == 3  # and of what is around it
    node = root({"bodyStructure": whole, "bodyValues": VALUES}, set())
    assert sorted(blob_ids(node)) == ["B1", "B3"]


def test_what_a_part_says_of_itself() -> None:
    part = {
        "partId": "t",
        "name": "größe.txt",
        "disposition": "INLINE",
        "cid": "c@x",
        "language": ["de", "en-GB"],
        "location": "https://x.test/a",
        "header:Content-Description:asText": "Größe",
    }
    octets = written({"bodyStructure": part, "bodyValues": VALUES})
    found = scan(octets)
    assert found.disposition is not None
    assert found.disposition[0] == "inline"
    assert b"filename*=utf-8''gr%C3%B6%C3%9Fe.txt" in octets
    assert (found.id, found.location) == (b"<c@x>", b"https://x.test/a")
    assert found.language == (b"de", b"en-GB")
    assert b"Content-Description: =?utf-8?B?" in octets
    named = {"partId": "t", "name": "a.txt"}
    assert b'text/plain; charset=us-ascii;\r\n name="a.txt"' in written(
        {"bodyStructure": named, "bodyValues": VALUES}
    )


@pytest.mark.parametrize(
    ("part", "path"),
    [
        ([], "bodyStructure"),
        ({}, "bodyStructure"),
        ({"partId": "t", "blobId": "B1"}, "bodyStructure"),
        ({"partId": "none"}, "bodyStructure/partId"),
        ({"partId": 7}, "bodyStructure/partId"),
        ({"blobId": 7}, "bodyStructure"),
        ({"partId": "t", "charset": "utf-8"}, "bodyStructure/charset"),
        ({"partId": "t", "size": 1}, "bodyStructure/size"),
        ({"partId": "t", "type": "image/png"}, "bodyStructure/type"),
        ({"partId": "t", "type": "nothing"}, "bodyStructure/type"),
        ({"partId": "t", "type": 'text/plain; x="'}, "bodyStructure/type"),
        ({"partId": "t", "headers": []}, "bodyStructure/headers"),
        ({"partId": "t", "other": 1}, "bodyStructure/other"),
        ({"partId": "t", "subParts": []}, "bodyStructure"),
        ({"type": "multipart/mixed", "partId": "t"}, "bodyStructure"),
        ({"type": "multipart/mixed", "subParts": []}, "bodyStructure/subParts"),
        ({"subParts": [{"partId": "none"}]}, "bodyStructure/subParts/0/partId"),
        ({"partId": "t", "disposition": "a b"}, "bodyStructure/disposition"),
        ({"partId": "t", "name": "a\r\nb"}, "bodyStructure/name"),
        ({"partId": "t", "name": 7}, "bodyStructure/name"),
        ({"partId": "t", "cid": "a b"}, "bodyStructure/cid"),
        ({"partId": "t", "cid": "<a@b>"}, "bodyStructure/cid"),
        ({"partId": "t", "location": "a\r\nb"}, "bodyStructure/location"),
        ({"partId": "t", "language": "de"}, "bodyStructure/language"),
        ({"partId": "t", "language": ["d e"]}, "bodyStructure/language"),
        ({"blobId": "B1", "charset": "a b"}, "bodyStructure/charset"),
        (
            {"partId": "t", "header:Content-Transfer-Encoding": " 7bit"},
            "header:Content-Transfer-Encoding",
        ),
        ({"partId": "t", "header:Content-Type": " text/plain"}, "header:Content-Type"),
        ({"partId": "t", "cid": "a@b", "header:Content-ID": " <c>"}, "header:Content-ID"),
    ],
)
def test_what_is_no_part_is_refused(part: object, path: str) -> None:
    error = refused({"bodyStructure": part, "bodyValues": VALUES})
    assert (error.kind, error.extra["properties"]) == ("invalidProperties", [path])


@pytest.mark.parametrize(
    "properties",
    [
        {"bodyStructure": {"partId": "t"}, "textBody": TEXT},
        {"textBody": []},
        {"textBody": TEXT * 2},
        {"textBody": {}},
        {"textBody": [{"partId": "t", "type": "text/html"}]},
        {"htmlBody": [{"partId": "t", "type": "text/plain"}]},
        {"attachments": 7},
        {"bodyValues": 7},
        {"bodyValues": {"t": {}}},
        {"bodyValues": {"t": {"value": 7}}},
        {"bodyValues": {"t": {"value": "\ud800"}}},
        {"bodyValues": {"t": {"value": "", "isTruncated": True}}},
        {"bodyValues": {"t": {"value": "", "isEncodingProblem": True}}},
        {"bodyValues": {"t": {"value": "", "other": 1}}},
    ],
)
def test_what_is_no_body_is_refused(properties: dict[str, Any]) -> None:
    assert refused({"bodyValues": VALUES, **properties}).kind == "invalidProperties"


def test_parts_are_bounded() -> None:
    deep: dict[str, Any] = {"partId": "t"}
    for _ in range(MAX_DEPTH + 1):
        deep = {"subParts": [deep]}
    assert refused({"bodyStructure": deep, "bodyValues": VALUES}).kind == "invalidProperties"
    wide = {"subParts": [{"partId": "t"}] * MAX_PARTS}
    assert refused({"bodyStructure": wide, "bodyValues": VALUES}).kind == "invalidProperties"


def test_a_boundary_stands_in_no_text() -> None:
    values = {"t": {"value": "--=_b0\n"}, "h": {"value": "=_b1"}}
    whole = {"textBody": TEXT, "htmlBody": HTML, "bodyValues": values}
    assert b'boundary="=_b2"' in written(whole)
    assert shape_of(whole) == ("multipart/alternative", "text/plain", "text/html")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=2000), st.booleans())
def test_text_is_read_back(text: str, is_alone: bool) -> None:
    value = {"t": {"value": text}, "h": {"value": "x"}}
    properties = {"textBody": TEXT, "bodyValues": value, **({} if is_alone else {"htmlBody": HTML})}
    octets = b"Subject: x\r\n" + written(properties)
    assert all(len(line) <= 998 for line in octets.split(b"\r\n"))
    tree = scan(octets)
    part = tree if is_alone else tree.children[0]
    found = decoded(part, octets[part.body_start : part.end])
    assert found.replace("\r\n", "\n") == text.replace("\r\n", "\n")
