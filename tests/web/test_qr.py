from xml.etree import ElementTree as ET

from postroom.web import qr


def test_a_picture_is_whole_named_and_black_on_white() -> None:
    picture = qr.svg("https://mx.demo.test/?a=1&b=<2>", "A <picture>")
    root = ET.fromstring(picture)
    assert root.tag.endswith("svg")
    assert "A <picture>" in [one.text for one in root.iter()]
    assert "#fff" in picture
    assert "#000" in picture
    assert picture != qr.svg("https://mx.demo.test/?a=1&b=<3>", "A <picture>")


def test_a_long_text_still_fits() -> None:
    assert qr.svg("x" * 2_000, "long")
