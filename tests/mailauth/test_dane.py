import warnings
from typing import Final

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, strategies as st

from postroom.mailauth import dane
from postroom.mailauth.dane import Tlsa, Verdict
from tests.mailauth.authority import CA, HOST, NOW, certificate, names, tlsa

D32: Final = b"d" * 32
D64: Final = b"d" * 64
DAY: Final = 86_400

ROOT: Final = certificate("root", "root", CA)
MIDDLE: Final = certificate("middle", "root", CA)
SERVER: Final = certificate("server", "middle", names(HOST))
CHAIN: Final = [SERVER, MIDDLE, ROOT]


def held(
    record: Tlsa, chain: list[bytes] = CHAIN, wanted: tuple[str, ...] = (HOST,), now: int = NOW
) -> Verdict:
    assert dane.usable([record]) == (record,)
    verdict = dane.matches([record], chain, wanted, now)
    assert verdict.is_match == (verdict.record is record) == (verdict.failure is None)
    assert bool(verdict.reason) != verdict.is_match
    return verdict


def test_base_name() -> None:
    assert dane.base_name("Mail.Example.ORG.") == "_25._tcp.mail.example.org"
    assert dane.base_name("mail.example.org", 2525) == "_2525._tcp.mail.example.org"


def test_a_record_as_text() -> None:
    assert str(Tlsa(3, 1, 1, b"\x01\xff")) == "3 1 1 01ff"


# Records


@pytest.mark.parametrize(
    ("record", "is_usable"),
    [
        (Tlsa(3, 1, 1, D32), True),
        (Tlsa(3, 0, 1, D32), True),
        (Tlsa(3, 1, 2, D64), True),
        (Tlsa(2, 0, 1, D32), True),
        (Tlsa(2, 1, 0, b"x"), True),
        (Tlsa(0, 1, 1, D32), False),  # RFC 7672 §3.1.3: PKIX-TA, PKIX-EE
        (Tlsa(1, 1, 1, D32), False),
        (Tlsa(4, 1, 1, D32), False),
        (Tlsa(255, 1, 1, D32), False),
        (Tlsa(3, 2, 1, D32), False),
        (Tlsa(3, 1, 3, D32), False),
        (Tlsa(3, 1, 1, D64), False),
        (Tlsa(3, 1, 2, D32), False),
        (Tlsa(3, 1, 1, b""), False),
        (Tlsa(3, 1, 0, b""), False),
    ],
)
def test_usable(record: Tlsa, *, is_usable: bool) -> None:
    assert dane.usable([record]) == ((record,) if is_usable else ())


def test_the_strongest_digest_counts() -> None:
    weak, strong, full = Tlsa(3, 1, 1, D32), Tlsa(3, 1, 2, D64), Tlsa(3, 1, 0, b"x")
    others = (Tlsa(3, 0, 1, D32), Tlsa(2, 1, 1, D32))
    assert dane.usable([weak, *others, strong, full]) == (*others, strong, full)
    assert dane.usable([weak, Tlsa(3, 1, 2, D32)]) == (weak,)


def test_records_are_bounded() -> None:
    assert len(dane.usable(Tlsa(3, 1, 1, bytes([n]) * 32) for n in range(200))) == 100


# DANE-EE


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_the_servers_own_certificate(selector: int, matching: int) -> None:
    record = tlsa(3, selector, matching, SERVER)
    assert held(record).is_match
    # RFC 7671 §5.1: neither names nor dates nor the rest of the chain
    assert held(record, [SERVER], ("other.example",), NOW + 1000 * DAY).is_match
    for other in (ROOT, MIDDLE, certificate("other", "middle", names(HOST))):
        verdict = held(tlsa(3, selector, matching, other))
        assert verdict.failure == "validation-failure"


def test_the_key_outlives_the_certificate() -> None:
    renewed = certificate("server", "another", names(HOST))
    assert held(tlsa(3, 1, 1, SERVER), [renewed]).is_match
    assert not held(tlsa(3, 0, 1, SERVER), [renewed]).is_match


def test_a_certificate_that_only_the_record_can_read() -> None:
    assert held(Tlsa(3, 0, 0, b"nonsense"), [b"nonsense"]).is_match
    assert not held(Tlsa(3, 1, 0, b"nonsense"), [b"nonsense"]).is_match


# DANE-TA


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
@pytest.mark.parametrize("anchor", [ROOT, MIDDLE])
def test_an_authority(anchor: bytes, selector: int, matching: int) -> None:
    record = tlsa(2, selector, matching, anchor)
    for chain in (CHAIN, [SERVER, ROOT, MIDDLE], [SERVER, ROOT, b"junk", MIDDLE, MIDDLE]):
        assert held(record, chain).is_match


def test_the_server_itself_is_no_authority() -> None:
    for selector in (0, 1):
        verdict = held(tlsa(2, selector, 1, SERVER))
        assert verdict.failure == "certificate-not-trusted"


def test_an_authority_that_stands_in_the_record_need_not_be_sent() -> None:
    assert held(tlsa(2, 0, 0, ROOT), [SERVER, MIDDLE]).is_match
    assert held(tlsa(2, 1, 0, ROOT), [SERVER, MIDDLE]).is_match
    assert held(tlsa(2, 1, 0, MIDDLE), [SERVER]).is_match
    assert not held(tlsa(2, 0, 0, ROOT), [SERVER]).is_match
    assert not held(tlsa(2, 1, 0, ROOT), [SERVER]).is_match
    assert not held(tlsa(2, 0, 1, ROOT), [SERVER, MIDDLE]).is_match  # a digest signs nothing


def test_an_authority_that_only_stands_in_the_chain_proves_nothing() -> None:
    stranger = certificate("stranger", "stranger", CA)
    verdict = held(tlsa(2, 0, 1, ROOT), [certificate("server", "stranger", names(HOST)), stranger, ROOT])  # fmt: skip
    assert verdict.failure == "certificate-not-trusted"
    assert "no authority" in verdict.reason


def test_a_signature_by_another_key_of_the_same_name() -> None:
    forged = certificate("server", "middle", names(HOST), signer="forger")
    assert held(tlsa(2, 0, 1, ROOT), [forged, MIDDLE, ROOT]).failure == "certificate-not-trusted"
    assert held(tlsa(2, 1, 0, MIDDLE), [forged]).failure == "certificate-not-trusted"


def test_who_is_no_authority_can_not_issue() -> None:
    middle = certificate("middle", "root", names("middle.example"))
    assert held(tlsa(2, 0, 1, ROOT), [SERVER, middle, ROOT]).failure == "certificate-not-trusted"


def test_the_length_of_the_path() -> None:
    for length, is_match in ((0, False), (1, True)):
        root = certificate("root", "root", x509.BasicConstraints(ca=True, path_length=length))
        assert held(tlsa(2, 0, 1, root), [SERVER, MIDDLE, root]).is_match is is_match


def test_a_cross_signed_authority_finds_the_way_that_leads_there() -> None:
    elsewhere = certificate("middle", "elsewhere", CA)
    for chain in ([SERVER, elsewhere, MIDDLE, ROOT], [SERVER, MIDDLE, elsewhere, ROOT]):
        assert held(tlsa(2, 0, 1, ROOT), chain).is_match


def test_a_loop_ends() -> None:
    chain = [certificate("server", "a", names(HOST)), certificate("a", "b", CA), certificate("b", "a", CA)]  # fmt: skip
    assert held(tlsa(2, 0, 1, ROOT), chain).failure == "certificate-not-trusted"


def test_names() -> None:
    record = tlsa(2, 0, 1, ROOT)
    assert held(record, wanted=("example.org", HOST)).is_match
    verdict = held(record, wanted=("mx.example.org", "example.org"))
    assert verdict.failure == "certificate-host-mismatch"
    assert verdict.reason == (
        "the server's certificate is for mail.example.org, not for mx.example.org or example.org"
    )
    assert held(record, wanted=()).failure == "certificate-host-mismatch"


def test_dates() -> None:
    record = tlsa(2, 0, 1, ROOT)
    for now in (NOW - 11 * DAY, NOW + 11 * DAY):
        verdict = held(record, now=now)
        assert verdict.failure == "certificate-expired"
        assert "2026" in verdict.reason
    for days in ((-20, -1), (1, 20)):
        middle = certificate("middle", "root", CA, days=days)
        verdict = held(record, [SERVER, middle, ROOT])
        assert verdict.failure == "certificate-expired"
        assert "authority" in verdict.reason
        assert held(record, [SERVER, middle, MIDDLE, ROOT]).is_match
        root = certificate("root", "root", CA, days=days)
        assert held(tlsa(2, 0, 1, root), [SERVER, MIDDLE, root]).failure == "certificate-expired"


def test_a_certificate_for_clients() -> None:
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    client = certificate("server", "middle", names(HOST), usage)
    verdict = held(tlsa(2, 0, 1, ROOT), [client, MIDDLE, ROOT])
    assert verdict.failure == "certificate-not-trusted"
    assert "not meant" in verdict.reason


def test_name_constraints_of_an_authority() -> None:
    constraints = x509.NameConstraints([x509.DNSName("example.net")], None)
    middle = certificate("middle", "root", CA, (constraints, True))
    assert not held(tlsa(2, 0, 1, ROOT), [SERVER, middle, ROOT]).is_match


def test_an_unreadable_certificate() -> None:
    assert held(tlsa(2, 0, 1, ROOT), [b"x", MIDDLE, ROOT]).failure == "certificate-not-trusted"


def test_the_chain_is_bounded() -> None:
    padding = [certificate(f"p{number}", "x") for number in range(dane.MAX_CHAIN - 3)]
    assert held(tlsa(2, 0, 1, ROOT), [SERVER, *padding, MIDDLE, ROOT]).is_match
    assert not held(tlsa(2, 0, 1, ROOT), [SERVER, *padding, padding[0], MIDDLE, ROOT]).is_match


def test_any_of_several_records_is_enough() -> None:
    wrong = [Tlsa(3, 1, 1, D32), Tlsa(2, 0, 1, D32), Tlsa(2, 1, 0, b"x"), Tlsa(2, 0, 0, b"x")]
    for right in (tlsa(3, 1, 1, SERVER), tlsa(2, 1, 1, ROOT)):
        assert dane.matches([*wrong, right], CHAIN, [HOST], NOW).record == right
    assert dane.matches(wrong, CHAIN, [HOST], NOW).failure == "certificate-not-trusted"


def test_nothing_to_compare() -> None:
    for records, chain in (([], CHAIN), ([tlsa(3, 1, 1, SERVER)], [])):
        verdict = dane.matches(records, chain, [HOST], NOW)
        assert verdict.failure == "validation-failure"
        assert not verdict.is_match


@given(
    st.lists(
        st.builds(Tlsa, st.integers(0, 4), st.integers(0, 2), st.integers(0, 3), st.binary()),
        max_size=5,
    ),
    st.lists(st.one_of(st.binary(max_size=50), st.sampled_from(CHAIN)), max_size=4),
    st.integers(0, 2**40),
)
def test_anything_is_held_against_anything(
    records: list[Tlsa], chain: list[bytes], now: int
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = dane.matches(dane.usable(records), chain, [HOST], now % 2**36)
    assert found.is_match == (found.record in records)
