"""Links, as those who want to deceive write them."""

import pytest
from hypothesis import given, strategies as st

from postroom.policy import links
from postroom.policy.links import Link


def marks(url: str, text: str = "") -> list[str]:
    link = links.parse(url)
    assert link is not None
    return links.marks(link, text)


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("http://Example.COM/a?b", "example.com", "", "/a?b"),
        ("https://example.com:443", "example.com", "", ""),
        ("https://example.com:8443/x", "example.com", "8443", "/x"),
        ("www.example.com/x", "www.example.com", "", "/x"),
        ("http://bank.example@evil.example/", "evil.example", "", "/"),
        ("http://evil.example\\@bank.example/", "evil.example", "", "\\@bank.example/"),
        ("http://%65vil.example/", "evil.example", "", "/"),
        ("http://[2001:db8::1]:81/", "[2001:db8::1]:81", "", "/"),
        ("http://example.com.", "example.com", "", ""),
    ],
)
def test_where_a_link_leads(url: str, host: str, port: str, path: str) -> None:
    link = links.parse(url)
    assert link is not None
    assert (link.host, link.port, link.path) == (host, port, path)


@pytest.mark.parametrize("url", ["mailto:a@b.example", "javascript://x", "http://", "", "#top"])
def test_what_is_no_link_to_the_web(url: str) -> None:
    assert links.parse(url) is None


@pytest.mark.parametrize(
    ("url", "text", "found"),
    [
        ("http://192.0.2.1/", "", ["link:ip"]),
        ("http://3221225985/", "", ["link:ip"]),
        ("http://0xc0000201/", "", ["link:ip"]),
        ("http://[2001:db8::1]/", "", ["link:ip"]),
        ("http://intranet/", "", ["link:nodot"]),
        ("http://example.com:8080/", "", ["link:port"]),
        ("http://bank.example@evil.example/", "", ["link:user"]),
        ("http://%65vil.example/", "", ["link:escaped"]),
        ("https://bit.ly/x", "", ["link:shortener"]),
        ("https://xn--pypal-4ve.example/", "", ["link:idn"]),
        ("https://evil.example/", "www.bank.example/login", ["link:elsewhere"]),
        ("https://www.bank.example/", "https://bank.example", []),
        ("https://bank.example/", "Sign in here", []),
    ],
)
def test_what_is_odd_about_a_link(url: str, text: str, found: list[str]) -> None:
    assert marks(url, text) == found


@pytest.mark.parametrize(
    ("host", "site"),
    [
        ("mail.example.com", "example.com"),
        ("shop.example.co.uk", "example.co.uk"),
        ("example.com", "example.com"),
        ("a.b.c.d.example.de", "example.de"),
        ("localhost", "localhost"),
        ("", ""),
    ],
)
def test_the_site_of_a_host(host: str, site: str) -> None:
    assert links.site(host) == site


def test_links_in_plain_text() -> None:
    text = (
        "see http://a.example/x, HTTPS://b.example (www.c.example) me@www.d.example ftp://e.example"
    )
    hosts = {link.host for url in links.find(text) if (link := links.parse(url))}
    assert hosts == {"a.example", "b.example", "www.c.example"}


def test_a_link_is_named_by_where_it_leads() -> None:
    link = Link("mail7.example.com", "", "", has_user=False, is_escaped=False)
    assert links.names(link) == [
        "site:example.com", "host:mail7.example.com", "tld:com", "host-form:a0.a.a",
    ]  # fmt: skip
    link = Link("example.com", "", "/Go/remove.php?id=12", has_user=False, is_escaped=False)
    assert links.names(link)[3:] == [
        "path:go", "path:remove", "path:php", "path:id", "path-form:/a/a.a?a=0", "path-ends:php",
    ]  # fmt: skip


def test_a_long_path_is_cut() -> None:
    link = Link("example.com", "", "/word" * 300, has_user=False, is_escaped=False)
    assert len(links.names(link)) < 20
    assert max(map(len, links.names(link))) < 40


@given(st.text(max_size=300))
def test_nothing_raises(text: str) -> None:
    for url in [text, *links.find(text), *links.find(f"http://{text} www.{text}")]:
        link = links.parse(url)
        if link is not None:
            links.marks(link, text)
            links.names(link)


def test_many_colons_are_read_once() -> None:
    assert len(list(links.find("http://" * 100_000 + "www." * 100_000))) <= 100_000
