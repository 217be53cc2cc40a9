import unicodedata
from typing import Final

import pytest
from hypothesis import assume, given, strategies as st

from postroom.address import MAX_LOCAL, Address, AddressError
from postroom.mailauth import srs
from postroom.mailauth.srs import Expired, Forged, NotOurs, NotRewritable, TooLong

KEY: Final = b"k" * 32
DAY: Final = 20_000
VIA: Final = "forward.example"

ATEXT: Final = "abcXYZ019!#$%&'*+-/=?^_{|}~.éß中\u0301\u0338"
LOCALS: Final = st.text(ATEXT + ' @\\"()<>[]:;,', min_size=1, max_size=20)
DOMAINS: Final = st.sampled_from(
    ["example.org", "a.b.example", "xn--bcher-kva.example", "[192.0.2.1]", "[IPv6:2001:db8::1]"]
)
SENDERS: Final = st.builds(
    lambda local, domain: '"' + local.replace("\\", "\\\\").replace('"', '\\"') + '"@' + domain,
    LOCALS,
    DOMAINS,
)


def encode(sender: str, day: int = DAY, key: bytes = KEY, via: str = VIA) -> str:
    return srs.encode(sender, via, key, day)


def decode(address: str, day: int = DAY, key: bytes = KEY) -> str | None:
    return srs.decode(Address.parse(address).local, key, day)


def test_the_form() -> None:
    rewritten = encode("Alice.B@Example.ORG")
    tag, found, stamp, rest = rewritten.split("=", 3)
    assert tag == "SRS0"
    assert len(found) == 6
    assert stamp == "RA"  # 20_000 mod 1024 = 544 = 17 * 32 + 0
    assert rest == "example.org=Alice.B@forward.example"
    assert decode(rewritten) == "Alice.B@example.org"


def test_no_sender_stays_no_sender() -> None:
    assert encode("") == ""


def test_nonsense_is_no_sender() -> None:
    for sender in ("x", "a@", "@b", "a b@c"):
        with pytest.raises(AddressError):
            encode(sender)
    with pytest.raises(AddressError):
        encode("a@b.example", via="-")


@given(SENDERS, st.integers(0, 100_000), st.integers(0, 21))
def test_what_is_rewritten_comes_back(sender: str, day: int, later: int) -> None:
    try:
        rewritten = encode(sender, day)
    except (TooLong, NotRewritable):
        return
    except AddressError:
        assume(False)
    address = Address.parse(rewritten)
    assert str(address) == rewritten
    assert len(address.local.encode()) <= MAX_LOCAL
    assert decode(rewritten, day + later) == str(Address.parse(sender))


@given(
    st.sampled_from(["alice", "Alice=b.c", "SRS0=AAAAAA=BB=c.example=d", "SRS1=A=b.example==C"]),
    st.integers(0, 63),
    st.characters(min_codepoint=1, max_codepoint=0x2FFF),
)
def test_any_change_is_refused(local: str, at: int, letter: str) -> None:
    good = Address.parse(encode(f"{local}@e.example")).local
    at %= len(good)
    for changed in (
        good[:at] + letter + good[at + 1 :],
        good[:at] + letter + good[at:],
        good[:at] + good[at + 1 :],
    ):
        if changed.encode().lower() == good.encode().lower():
            continue
        try:
            assert srs.decode(changed, KEY, DAY) is None
            assert at <= 4  # it no longer looks like SRS
        except Forged:
            pass


@given(st.text())
def test_any_local_part(local: str) -> None:
    for text in (local, f"SRS0={local}", f"SRS1={local}", f"SRS0=AAAAAA=RA={local}"):
        try:
            assert srs.decode(text, KEY, DAY) is None
        except NotOurs:
            pass


def test_any_domain_and_key() -> None:
    assert encode("a@b.example", key=b"x") != encode("a@b.example")
    with pytest.raises(Forged):
        decode(encode("a@b.example"), key=b"x" * 32)


def test_folded_case_is_accepted() -> None:
    for sender in ("Alice@b.example", "SRS0=X=Y=z.example=Alice@b.example"):
        rewritten = encode(sender)
        local, _, domain = rewritten.rpartition("@")
        for folded in (local.lower(), local.upper()):
            found = decode(f"{folded}@{domain}")
            assert found is not None
            assert found.lower() == sender.lower()
        # letters beyond ASCII that fold to ASCII are other letters
        with pytest.raises(Forged):
            srs.decode(local.replace("l", "\u2113", 1), KEY, DAY)


def test_letters_that_only_unicode_folds_are_others() -> None:
    kelvin = encode("kkk@b.example").replace("kkk", "kk\u212a")
    assert unicodedata.normalize("NFC", "\u212a") == "K"
    with pytest.raises(Forged):
        srs.decode(kelvin.partition("@")[0], KEY, DAY)
    assert srs.decode("\u017fRS0=AAAAAA=RA=b.example=a", KEY, DAY) is None


@pytest.mark.parametrize("day", [0, 1, 1000, 1023, 1024, 20_479, 20_480])
def test_it_holds_for_three_weeks(day: int) -> None:
    rewritten = encode("a@b.example", day)
    for later in (-1, 0, 1, 21):
        assert decode(rewritten, day + later) == "a@b.example"
    for later in (-2, 22, 100, 1022):
        with pytest.raises(Expired, match="days ago"):
            decode(rewritten, day + later)


def test_forged_is_told_before_expired() -> None:
    with pytest.raises(Forged):
        decode(encode("a@b.example", DAY - 100), key=b"other")


def test_the_first_hop_stays_in_an_srs1() -> None:
    theirs = "SRS0=HHH=TT=source.example=alice@first.example"
    rewritten = encode(theirs)
    tag, found, rest = rewritten.split("=", 2)
    assert tag == "SRS1"
    assert len(found) == 6
    assert rest == "first.example==HHH=TT=source.example=alice@forward.example"
    assert decode(rewritten) == theirs
    assert decode(rewritten, DAY + 500) == theirs  # its age is the first hop's business


@pytest.mark.parametrize("separator", ["=", "+", "-"])
def test_the_separator_of_others_is_kept(separator: str) -> None:
    theirs = f"SRS0{separator}HHH=TT=source.example=alice@first.example"
    rewritten = encode(theirs)
    assert f"=first.example={separator}HHH=" in rewritten
    assert decode(rewritten) == theirs
    again = f"SRS1{separator}GGG=first.example={separator}HHH=TT=source.example=bob@second.example"
    assert decode(encode(again)) == theirs.replace("alice", "bob")


def test_an_srs1_is_aimed_at_the_first_hop() -> None:
    second = encode("SRS0=HHH=TT=source.example=alice@first.example", via="second.example")
    third = encode(second, key=b"third")
    assert third.startswith("SRS1=")
    assert "second.example" not in third
    assert third.partition("=first.example=")[2].startswith("=HHH=TT=source.example=alice@")
    assert decode(third, key=b"third") == "SRS0=HHH=TT=source.example=alice@first.example"


@pytest.mark.parametrize(
    "local",
    ["SRS1=AAA", "SRS1=AAA=host", "SRS1=AAA==x", "SRS1=AAA=b.example=x=y", "SRS1=AAA=1=-x", "SRS1=a=b.example="],
)  # fmt: skip
def test_what_only_looks_like_srs1_is_an_address_like_any_other(local: str) -> None:
    sender = f"{local}@e.example"
    rewritten = encode(sender)
    assert rewritten.startswith("SRS0=")
    assert decode(rewritten) == sender


@pytest.mark.parametrize(
    "local", ["", "alice", "SRS", "SRS0", "SRS1", "SRS00=x", "SRS2=x", "srs0.x", "SRSä=x", "SRS-x"]
)
def test_others_are_not_srs(local: str) -> None:
    assert srs.decode(local, KEY, DAY) is None


def test_our_separator_is_the_equals_sign() -> None:
    local = encode("a@b.example").partition("@")[0]
    for separator in "+-":
        with pytest.raises(Forged):
            srs.decode(local.replace("=", separator, 1), KEY, DAY)


@pytest.mark.parametrize(
    ("kind", "signed"),
    [
        (b"0", "RA=b.example"),
        (b"0", "RA=-=a"),
        (b"0", "R=b.example=a"),
        (b"0", "R1=b.example=a"),
        (b"0", "\u017f2=b.example=a"),
        (b"0", ""),
        (b"1", "b.example"),
        (b"1", "-==x"),
    ],
)
def test_a_guessed_hash_helps_nobody(kind: bytes, signed: str) -> None:
    local = f"SRS{kind.decode()}={srs._hash(KEY, kind, signed)}={signed}"
    with pytest.raises(Forged, match="no address inside"):
        srs.decode(local, KEY, DAY)


def test_the_hash_of_one_form_does_not_fit_the_other() -> None:
    local = encode("SRS0=HHH=TT=source.example=alice@first.example").partition("@")[0]
    with pytest.raises(Forged):
        srs.decode("SRS0" + local[4:], KEY, DAY)


def test_limits() -> None:
    fits = "a" * (MAX_LOCAL - len("SRS0=HHHHHH=TT=b.example=")) + "@b.example"
    assert decode(encode(fits)) == fits
    with pytest.raises(TooLong, match="too long to be rewritten"):
        encode("a" + fits)
    with pytest.raises(TooLong):
        encode("ä" + fits[1:])
    with pytest.raises(TooLong):
        encode(fits, via=".".join(["v" * 60] * 4))


def test_a_combining_mark_would_melt_into_the_separator() -> None:
    with pytest.raises(NotRewritable, match="combining mark"):
        encode("\u0338a@b.example")


@pytest.mark.parametrize("sender", ["jörg@bücher.example", '"a b"@b.example', "a@[192.0.2.1]"])
def test_quoted_and_utf8_local_parts(sender: str) -> None:
    assert decode(encode(sender)) == str(Address.parse(sender))
