"""One author, or none: the tricks with From."""

import pytest

from postroom.mailauth.author import Anonymous, NoAuthor, author_domain


@pytest.mark.parametrize(
    ("field", "domain"),
    [
        (b"From: alice@Example.ORG", "example.org"),
        (b"from : Alice <alice@b\xc3\xbccher.example>", "xn--bcher-kva.example"),
        (b'From: "ceo@bank.test" <eve@evil.test>', "evil.test"),
        (b"From: (bank.test) eve@evil.test (comment)", "evil.test"),
        (b"FROM:\r\n <eve@evil.test>", "evil.test"),
        (b"From: team: eve@evil.test;", "evil.test"),
    ],
)
def test_the_author(field: bytes, domain: str) -> None:
    assert author_domain(b"To: x\r\n" + field + b"\r\n\r\n").ascii == domain


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"", "no From"),
        (b"X-From: a@b.test", "no From"),
        (b"From: a@b.test\r\nfrom: a@b.test", "several From"),
        (b"From: a@b.test, c@d.test", "several addresses"),
        (b"From: <a@e.test>:<b@v.test>", "several addresses"),
        (b"From: a@e.test b@v.test", "several addresses"),
        (b"From: undisclosed:;", "no addresses"),
        (b"From:", "no addresses"),
        (b"From: Alice", "no valid domain"),
        (b"From: a@b@c.test", "no valid domain"),
        (b"From: a@[192.0.2.1]", "no domain"),
        (b"From: =?utf-8?q?a=40bank=2Etest?=", "no valid domain"),
        (b"From: a@\xff.test", "no valid domain"),
        (b"From: " + b"a" * 20_000 + b"@b.test", "too long"),
    ],
)
def test_no_author(head: bytes, reason: str) -> None:
    with pytest.raises(NoAuthor, match=reason):
        author_domain(head + b"\r\n\r\n")


def test_who_names_nobody_is_told_from_who_hides() -> None:
    for head in (b"Subject: x", b"", b"X-From: a@b.test"):
        with pytest.raises(Anonymous):
            author_domain(head + b"\r\n\r\n")
    for name in (b"Sender", b"Resent-From", b"resent-sender"):
        with pytest.raises(NoAuthor) as caught:
            author_domain(name + b": boss@bank.test\r\n\r\n")
        assert not isinstance(caught.value, Anonymous)
