"""One canonical form before any decision (threats R2-R7); any text is read or refused."""

import unicodedata

import pytest
from hypothesis import given, strategies
from hypothesis.strategies import characters, text

from postroom.address import (
    MAX_LOCAL,
    MAX_PATH,
    Address,
    AddressError,
    Domain,
    split_subaddress,
)

ANY = text(characters(), max_size=100)  # surrogates too
ATEXT = "abcXYZ019!#$%&'*+/=?^_`{|}~-éß中𝄞\u0301\u0338"
LOCAL = strategies.one_of(
    text(ATEXT, min_size=1, max_size=15),
    text(ATEXT + ' .@\\"()<>[]:;,', min_size=1, max_size=12),
)
LABEL = strategies.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]+)?", fullmatch=True)
DOMAIN = strategies.one_of(
    strategies.lists(LABEL, min_size=1, max_size=4).map(".".join),
    strategies.lists(text("abcäöüéñ中文日本", min_size=1, max_size=8), min_size=1, max_size=3).map(
        ".".join
    ),
    strategies.from_regex(r"xn--[a-z0-9]{1,8}(-[a-z0-9]{1,4})?", fullmatch=True),
    strategies.ip_addresses(v=4).map("[{}]".format),
    strategies.ip_addresses(v=6).map("[IPv6:{}]".format),
)


def written(local: str) -> str:
    """The local part as a quoted string."""
    escaped = local.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


# Reading


@pytest.mark.parametrize(
    ("wire", "local", "domain"),
    [
        ("alice@example.org", "alice", "example.org"),
        ("Alice@EXAMPLE.Org", "Alice", "example.org"),
        ("alice+news@example.org", "alice+news", "example.org"),
        ("alice@example.org.", "alice", "example.org"),
        ("a.b.c@example.org", "a.b.c", "example.org"),
        ("!#$%&'*+-/=?^_`{|}~@example.org", "!#$%&'*+-/=?^_`{|}~", "example.org"),
        ('"alice"@example.org', "alice", "example.org"),
        ('"al\\ice"@example.org', "alice", "example.org"),
        ('"a b"@example.org', "a b", "example.org"),
        ('"a\\"b\\\\c"@example.org', 'a"b\\c', "example.org"),
        ('".a..b."@example.org', ".a..b.", "example.org"),
        ("jörg@bücher.example", "jörg", "xn--bcher-kva.example"),
        ("jo\u0308rg@BU\u0308CHER.example", "jörg", "xn--bcher-kva.example"),
        ("用户@例え。テスト", "用户", "xn--r8jz45g.xn--zckzah"),
        ("a@bücher.example。", "a", "xn--bcher-kva.example"),
        ("a@faß.example", "a", "xn--fa-hia.example"),
        ("a@XN--BCHER-KVA.example", "a", "xn--bcher-kva.example"),
        ("a@_dmarc.example.org", "a", "_dmarc.example.org"),
        ("a@localhost", "a", "localhost"),
        ("a@[192.0.2.1]", "a", "[192.0.2.1]"),
        ("a@[IPv6:2001:DB8:0::1]", "a", "[IPv6:2001:db8::1]"),
        ("a@[ipv6:::1]", "a", "[IPv6:::1]"),
        ("a@[IPv6:::ffff:192.0.2.1]", "a", "[192.0.2.1]"),
    ],
)
def test_read(wire: str, local: str, domain: str) -> None:
    address = Address.parse(wire)
    assert (address.local, address.domain.ascii) == (local, domain)
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    "wire",
    [
        "",
        "@",
        "alice",
        "alice@",
        "@example.org",
        '""@example.org',
        '"@example.org',
        '"alice@example.org',
        '"alice"example.org',
        '"alice"',
        '"alice" @example.org',
        '"alice"@',
        '"a"b"@example.org',
        '"a\\',
        "alice bob@example.org",
        " alice@example.org",
        "alice@example.org ",
        "alice@example.org\n",
        "alice\n@example.org",
        "alice\x00@example.org",
        '"alice\x00"@example.org',
        '"alice\r\n"@example.org',
        '"alice\x7f"@example.org',
        "<alice@example.org>",
        "alice@<example.org>",
        ".alice@example.org",
        "alice.@example.org",
        "al..ice@example.org",
        "alice(comment)@example.org",
        "a@b@example.org",
        "a,b@example.org",
        "a;b@example.org",
        "alice@exa mple.org",
        "alice@-example.org",
        "alice@example-.org",
        "alice@example..org",
        "alice@.example.org",
        "alice@.",
        "alice@..",
        "alice@example.org..",
        "alice@192.0.2.1",
        "alice@example.1",
        "alice@[192.0.2.1",
        "alice@192.0.2.1]",
        "alice@[192.0.2.256]",
        "alice@[192.0.2]",
        "alice@[192.0.2.01]",
        "alice@[]",
        "alice@[IPv6:]",
        "alice@[IPv6:fe80::1%eth0]",
        "alice@[IPv6:192.0.2.1]",
        "alice@[2001:db8::1]",
        "alice@[example.org]",
        "alice@[x400:c=us]",
        "alice@１２７.0.0.1",
        "alice@［127.0.0.1］",
        "al\u200bice@example.org",
        "al\u202eice@example.org",
        "al\u3000ice@example.org",
        "al\x85ice@example.org",
        "al\ud800ice@example.org",
        "alice@ex\u2028ample.org",
        "alice@exam℀ple.org",
        f"{'a' * (MAX_LOCAL + 1)}@example.org",
        f"{'é' * 33}@example.org",
        f"a@{'a' * 64}.org",
        f"a@{'a.' * 127}aa",
        f"a@{'ü.' * 127}aa",
        f"{'a' * 60}@{'.'.join(['b' * 60] * 4)}",
        "a" * 1_000_000,
        '"' * 1_000_000,
    ],
)
def test_refuse(wire: str) -> None:
    with pytest.raises(AddressError):
        Address.parse(wire)


def test_the_longest_parts_and_path() -> None:
    assert Address.parse("a" * MAX_LOCAL + "@example.org").local == "a" * MAX_LOCAL
    assert Address.parse("é" * 32 + "@example.org").local == "é" * 32
    domain = ".".join(["b" * 60] * 3)
    longest = f"{'a' * 64}@{domain}.cccccc"
    assert len(longest) == MAX_PATH - 2
    assert str(Address.parse(longest)) == longest
    with pytest.raises(AddressError, match="longer than 254"):
        Address.parse(longest + "c")


# Threats


def test_r2_a_percent_sign_means_nothing() -> None:
    address = Address.parse("v%other.test@local.test")
    assert (address.local, str(address.domain)) == ("v%other.test", "local.test")


def test_r3_a_source_route_is_no_mailbox() -> None:
    with pytest.raises(AddressError):
        Address.parse("@local.test,@b.test:v@other.test")


def test_r4_a_bang_path_means_nothing() -> None:
    address = Address.parse("other.test!v@local.test")
    assert (address.local, str(address.domain)) == ("other.test!v", "local.test")


@pytest.mark.parametrize("inner", ["v@other.test", "v%other.test", "@other.test:v", "v@[::1]"])
def test_r5_a_dequoted_local_part_is_never_read_again(inner: str) -> None:
    address = Address.parse(f'"{inner}"@local.test')
    assert (address.local, str(address.domain)) == (inner, "local.test")
    again = Address.parse(str(address))
    assert again == address
    assert again.domain == Domain("local.test")


def test_r5_quotes_that_are_not_needed_make_no_difference() -> None:
    assert Address.parse('"user"@local.test') == Address.parse("user@local.test")
    assert Address.parse('"\\u\\ser"@local.test') == Address.parse("user@local.test")
    assert str(Address.parse('"user"@local.test')) == "user@local.test"


@pytest.mark.parametrize("spelling", ["OTHER.test", "other.TEST.", "other.test", "ｏｔｈｅｒ.test"])
def test_r7_a_domain_has_one_form(spelling: str) -> None:
    assert Address.parse(f"v@{spelling}").domain == Domain("other.test")
    assert hash(Domain.parse(spelling)) == hash(Domain("other.test"))


def test_r10_an_address_with_words_of_sql_or_a_shell_is_just_text() -> None:
    for local in ["' OR 1=1--", ";id;", "${run{id}}", "*)(uid=*", "`id`", "$(id)", "|sh"]:
        assert Address.parse(written(local) + "@local.test").local == local


def test_r11_no_address_can_carry_a_second_command() -> None:
    with pytest.raises(AddressError):
        Address.parse("a@b>\r\nRCPT TO:<x@y")


# Properties


@given(ANY)
def test_any_text_is_an_address_or_an_address_error(wire: str) -> None:
    try:
        address = Address.parse(wire)
    except AddressError:
        return
    assert Address.parse(str(address)) == address


@given(ANY)
def test_any_text_is_a_domain_or_an_address_error(wire: str) -> None:
    try:
        domain = Domain.parse(wire)
    except AddressError:
        return
    assert Domain.parse(str(domain)) == domain
    assert Domain.parse(domain.unicode) == domain
    assert domain.ascii.isascii()
    assert domain.ascii == domain.ascii.lower() or domain.is_literal


@given(LOCAL, DOMAIN)
def test_an_address_is_read_as_it_is_written(local: str, domain: str) -> None:
    try:
        address = Address.parse(f"{written(local)}@{domain}")
    except AddressError:
        return
    assert Address.parse(str(address)) == address
    assert Address.parse(address.display) == address
    assert not set(str(address)) & set("\r\n\0")


@given(LOCAL)
def test_a_quoted_local_part_is_itself(local: str) -> None:
    address = Address.parse(f"{written(local)}@example.org")
    assert address.local == unicodedata.normalize("NFC", local)


@given(text(ATEXT + '@."\\', max_size=12), text('abc.@[]:%"', max_size=12))
def test_what_follows_the_local_part_alone_is_the_domain(local: str, tail: str) -> None:
    try:
        address = Address.parse(f"{local}@{tail}")
    except AddressError:
        return
    assert str(address.domain) in {
        tail.removesuffix("."),
        tail.rpartition("@")[2].removesuffix("."),
    }


# For people


def test_display_shows_unicode_and_str_does_not() -> None:
    address = Address.parse("jörg@xn--bcher-kva.example")
    assert address.display == "jörg@bücher.example"
    assert str(address) == "jörg@xn--bcher-kva.example"


def test_a_domain_that_cannot_be_decoded_stays() -> None:
    domain = Domain.parse("xn--a.xn--bcher-kva.example")
    assert domain.unicode == domain.ascii


def test_only_the_local_part_decides_about_smtputf8() -> None:
    assert Address.parse("alice@bücher.example").is_ascii
    assert not Address.parse("jörg@example.org").is_ascii


@pytest.mark.parametrize("literal", ["[192.0.2.1]", "[IPv6:2001:db8::1]"])
def test_literals_say_so(literal: str) -> None:
    assert Domain.parse(literal).is_literal
    assert not Domain.parse("example.org").is_literal


# Subaddresses, RFC 5233


@pytest.mark.parametrize(
    ("local", "separators", "expected"),
    [
        ("alice", "+", ("alice", None)),
        ("alice+news", "+", ("alice", "news")),
        ("alice+news+old", "+", ("alice", "news+old")),
        ("alice+", "+", ("alice", "")),
        ("+alice", "+", ("+alice", None)),
        ("+a+b", "+", ("+a", "b")),
        ("alice+news", "", ("alice+news", None)),
        ("alice-news", "+", ("alice-news", None)),
        ("alice-news+old", "+-", ("alice", "news+old")),
        ("alice+news-old", "+-", ("alice", "news-old")),
        ("", "+", ("", None)),
    ],
)
def test_subaddress(local: str, separators: str, expected: tuple[str, str | None]) -> None:
    assert split_subaddress(local, separators) == expected


@given(text("ab+-", max_size=10), text("+-", max_size=2))
def test_a_subaddress_loses_nothing(local: str, separators: str) -> None:
    user, detail = split_subaddress(local, separators)
    if detail is None:
        assert user == local
    else:
        assert user
        assert local[len(user)] in separators
        assert user + local[len(user)] + detail == local
