import json
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, strategies as st

from postroom.web import autodiscover
from tests.web.test_autoconfig import SETTINGS

REQUEST = (
    '<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="http://schemas.microsoft.com/'
    'exchange/autodiscover/outlook/requestschema/2006"><Request><EMailAddress>{}</EMailAddress>'
    "<AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/"
    "responseschema/2006a</AcceptableResponseSchema></Request></Autodiscover>"
)
NAMES = {"a": "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"}


@pytest.mark.parametrize(
    ("body", "address"),
    [
        (REQUEST.format("alice@example.org"), "alice@example.org"),
        (REQUEST.format(" o&apos;hara@example.org\n"), "o'hara@example.org"),
        (REQUEST.replace("EMailAddress", "x:EMAILADDRESS").format("a@b.test"), "a@b.test"),
        (REQUEST.format(""), ""),
        (REQUEST.format("<b>a@b.test</b>"), ""),
        ("", ""),
        ("<EMailAddress>" + "a" * 1000 + "@b.test</EMailAddress>", ""),
        (" " * autodiscover.MAX_REQUEST + REQUEST.format("a@b.test"), ""),
        ('<!DOCTYPE x [<!ENTITY a "b">]><EMailAddress>&a;@b.test</EMailAddress>', "&a;@b.test"),
    ],
)
def test_the_address_is_found_and_nothing_is_expanded(body: str, address: str) -> None:
    assert autodiscover.asked_for(body.encode()) == address


@pytest.mark.parametrize(
    ("body", "is_understood"),
    [
        (REQUEST, True),
        (REQUEST.replace("outlook/responseschema/2006a", "OUTLOOK/ResponseSchema/2006A\n"), True),
        (REQUEST.replace("outlook/responseschema/2006a", "mobilesync/responseschema/2006"), False),
        ("<EMailAddress>a@b.test</EMailAddress>", True),
    ],
)
def test_who_understands_our_answer(body: str, is_understood: bool) -> None:
    assert autodiscover.is_understood(body.encode()) is is_understood


@given(st.binary(max_size=400))
def test_nothing_that_is_posted_fails(body: bytes) -> None:
    assert isinstance(autodiscover.asked_for(body), str)


def test_the_preferred_door_of_each_protocol_is_told() -> None:
    root = ET.fromstring(autodiscover.settings_document(SETTINGS, "a&b@example.org"))
    told = [
        [one.findtext(f"a:{name}", "", NAMES) for name in ("Type", "Server", "Port", "SSL")]
        for one in root.iterfind(".//a:Protocol", NAMES)
    ]
    assert told == [
        ["IMAP", "mail.example.org", "993", "on"],
        ["POP3", "mail.example.org", "995", "on"],
        ["SMTP", "mail.example.org", "465", "on"],
    ]
    assert {one.text for one in root.iterfind(".//a:LoginName", NAMES)} == {"a&b@example.org"}


def test_version_two_points_to_version_one_and_refuses_others() -> None:
    found = autodiscover.where("https://mail.example.org", "autodiscoverv1")
    assert found is not None
    assert json.loads(found) == {
        "Protocol": "AutodiscoverV1",
        "Url": "https://mail.example.org/autodiscover/autodiscover.xml",
    }
    assert autodiscover.where("https://mail.example.org", "ActiveSync") is None
    error = json.loads(autodiscover.no_such_protocol("<script>" * 20))
    assert error["ErrorCode"] == "InvalidProtocol"
    assert len(error["ErrorMessage"]) < 120
    missing = json.loads(autodiscover.no_such_protocol(""))
    assert missing["ErrorCode"] == "MandatoryParameterMissing"


def test_an_error_is_a_document_too() -> None:
    root = ET.fromstring(autodiscover.error_document("01:02:03", autodiscover.INVALID))
    assert [one.text for one in root.iter() if one.tag.endswith("ErrorCode")] == ["600"]
