from postroom.sieve.heads import Head, clean


def test_fields_by_name() -> None:
    head = Head(b"A: one\r\n two \r\na : =?utf-8?q?=C3=A4?=\r\nB:\r\nno field\r\n\r\nA: body")
    assert head.values("a") == [b"one two", b"=?utf-8?q?=C3=A4?="]
    assert head.texts("A") == ["one two", "ä"]
    assert head.texts("b") == [""]
    assert head.texts("c") == []


def test_half_a_surrogate_pair_is_no_text() -> None:
    assert clean("a\ud800") == "a?"
    assert clean("ä") == "ä"
    assert Head(b"S: =?utf-7?q?+2AA-?=\r\n").texts("s")[0].encode()
