"""Text inside XML is read back as it was."""

from xml.etree import ElementTree as ET

from hypothesis import given, strategies as st

from postroom.message.xmltext import escaped


@given(st.text(st.characters(min_codepoint=0x20, codec="utf-8")))
def test_what_was_escaped_is_read_back(text: str) -> None:
    text = "".join(one for one in text if one not in "\x85\u2028\ufffe\uffff" and ord(one) != 0x7F)
    assert ET.fromstring(f"<a>{escaped(text)}</a>").text == (text or None)


def test_a_text_that_looks_escaped_is_not_taken_for_it() -> None:
    assert escaped("a & b &amp; <c> ]]>") == "a &amp; b &amp;amp; &lt;c&gt; ]]&gt;"
