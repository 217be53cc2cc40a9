"""Verified signatures: published examples, dkimpy's, our own, and everything that was changed."""

import base64
import hashlib
import itertools
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import dkim  # type: ignore[import-untyped]
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given, strategies as st

from postroom.mailauth.canonical import SimpleBody
from postroom.mailauth.dkim_key import SigningKey, public_record
from postroom.mailauth.dkim_verify import MAX_SIGNATURES, BodyHash, Result, Verifier
from postroom.mailauth.lookups import Answer, FetchFailed, Lookup, LookupFailed, Question
from postroom.message import headers
from tests.absent import vectors
from tests.mailauth.answers import run_with
from tests.mailauth.keys import cuts, signers

READ: Final = 1_667_870_000  # when the published examples were fresh
NOW: Final = 4_000_000_000  # dkimpy signs at the time of the clock
Answers = dict[Question, Answer | LookupFailed | FetchFailed]
ALGORITHMS: Final = (b"ed25519-sha256", b"rsa-sha256")


def key_of(algorithm: bytes) -> tuple[str, SigningKey]:
    found = next(one for one in signers() if one.key.algorithm.encode() == algorithm)
    return found.selector, found.key


def record_of(algorithm: bytes = b"rsa-sha256") -> bytes:
    return public_record(key_of(algorithm)[1]).encode()


def published() -> Answers:
    return {
        Lookup(f"{key_of(algorithm)[0]}._domainkey.example.org", "TXT"): (record_of(algorithm),)
        for algorithm in ALGORITHMS
    }


LETTER: Final = (
    b"From: Alice <alice@example.org>\r\nTo:  bob@example.com\r\nSubject: Minutes  of the\r\n\t"
    b" meeting \r\n\r\none  \r\n\r\ntwo\tthree\r\n\r\n\r\n"
)


def verified(
    letter: bytes,
    answers: Answers | None = None,
    *,
    now: int = NOW,
    places: list[int] | None = None,
    asked: list[Question] | None = None,
) -> tuple[Result, ...]:
    head, body = headers.split(letter)
    verifier = Verifier(head, now=now)
    for block in cuts(body, places or []):
        verifier.feed(block)
    return run_with(verifier.check(), published() if answers is None else answers, asked)


def signed(
    letter: bytes = LETTER,
    algorithm: bytes = b"rsa-sha256",
    forms: str = "relaxed/relaxed",
    **more: Any,
) -> bytes:
    """With dkimpy's signature on top."""
    selector, key = key_of(algorithm)
    header, _, body = forms.partition("/")
    field: bytes = dkim.sign(
        letter,
        selector.encode(),
        b"example.org",
        private_of(key),
        canonicalize=(header.encode(), body.encode()),
        signature_algorithm=algorithm,
        **more,
    )
    return field + letter


def private_of(key: SigningKey) -> bytes:
    """As dkimpy wants it: PEM, or the seed in base64."""
    if isinstance(key.private, ed25519.Ed25519PrivateKey):
        return base64.b64encode(key.private.private_bytes_raw())
    return key.private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@cache
def relaxed_letter() -> bytes:
    return signed()


@cache
def simple_letter() -> bytes:
    return signed(forms="simple/simple")


@pytest.mark.parametrize("path", vectors("dkim", "0*.txt"), ids=lambda path: path.stem)
def test_published_examples(path: Path) -> None:
    records, _, letter = path.read_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")
    answers: Answers = {}
    for line in records.splitlines():
        name, _, text = line.partition(b" ")
        answers[Lookup(name.decode(), "TXT")] = (text,)
    results = verified(letter.replace(b"\n", b"\r\n"), answers, now=READ)
    assert results
    assert all(one.outcome == "pass" for one in results), results


FORMS: Final = ["/".join(pair) for pair in itertools.product(("simple", "relaxed"), repeat=2)]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("forms", FORMS)
def test_what_dkimpy_signs(algorithm: bytes, forms: str) -> None:
    (one,) = verified(signed(algorithm=algorithm, forms=forms))
    assert (one.outcome, one.domain, one.problem) == ("pass", "example.org", "")
    assert one.bits == (2048 if algorithm == b"rsa-sha256" else 256)
    assert len(one.b) == 8


def changes() -> Iterator[tuple[str, bytes, bytes, str, str]]:
    for forms in FORMS:
        yield forms, b"alice@", b"mallory@", "fail", "does not match"
        yield forms, b"one  ", b"two  ", "fail", "body has changed"
        yield forms, b"Subject: Minutes", b"Subject: minutes", "fail", "does not match"
        yield forms, b"From: Alice", b"From: x@x.test\r\nFrom: Alice", "fail", "does not match"


@pytest.mark.parametrize(("forms", "old", "new", "outcome", "problem"), list(changes()))
def test_what_was_changed(forms: str, old: bytes, new: bytes, outcome: str, problem: str) -> None:
    letter = signed(forms=forms)
    assert old in letter
    (one,) = verified(letter.replace(old, new, 1))
    assert one.outcome == outcome
    assert problem in one.problem


@pytest.mark.parametrize(
    ("old", "new", "relaxed", "simple"),
    [
        (b"To:  bob", b"TO: bob", "pass", "fail"),
        (b"the\r\n\t meeting", b"the meeting", "pass", "fail"),
        (b"one  \r\n", b"one\r\n", "pass", "fail"),
        (b"two\tthree", b"two  three", "pass", "fail"),
        (b"three\r\n\r\n\r\n", b"three", "pass", "pass"),
        (b"three\r\n\r\n\r\n", b"three\r\n\r\nmore\r\n", "fail", "fail"),
    ],
)
def test_what_each_form_forgives(old: bytes, new: bytes, relaxed: str, simple: str) -> None:
    for forms, outcome in (("relaxed/relaxed", relaxed), ("simple/simple", simple)):
        letter = signed(forms=forms)
        assert old in letter
        assert [one.outcome for one in verified(letter.replace(old, new))] == [outcome]


def test_an_open_end_counts_only_while_nothing_stands_there() -> None:
    letter = signed(length=True)
    assert verified(letter)[0].outcome == "pass"
    (one,) = verified(letter + b"buy now\r\n")
    assert (one.outcome, "l=" in one.problem) == ("policy", True)
    assert verified(letter.replace(b"one  \r\n\r\n", b""))[0].outcome == "fail"


@given(
    st.binary(max_size=5_000),
    st.lists(st.integers(0, 6_000) | st.none(), max_size=8),
    st.lists(st.integers(0, 5_000), max_size=5),
)
def test_one_pass_over_the_body_hashes_every_length(
    body: bytes, lengths: list[int | None], places: list[int]
) -> None:
    canonical = bytearray()
    whole = SimpleBody(canonical.extend)
    whole.feed(body)
    whole.finish()
    hashed = BodyHash("simple", lengths)
    for block in cuts(body, places):
        hashed.feed(block)
    hashed.finish()
    assert hashed.size == len(canonical)
    for length in (*lengths, None):
        assert hashed.digest(length) == hashlib.sha256(canonical[:length]).digest()


def test_a_second_instance_of_an_over_signed_field_breaks_the_signature() -> None:
    names = [b"from", b"to", b"subject", b"from", b"subject"]
    letter = signed(include_headers=names)
    assert verified(letter)[0].outcome == "pass"
    for extra in (b"From: eve@example.org\r\n", b"Subject: other\r\n"):
        assert verified(extra + letter)[0].outcome == "fail"
    assert verified(b"Received: x\r\n" + letter)[0].outcome == "pass"


def test_of_several_instances_the_last_is_signed_first() -> None:
    """RFC 6376 §5.4.2."""
    letter = signed(
        b"X-Note: one\r\nX-Note: two\r\n" + LETTER, include_headers=[b"from", b"x-note"]
    )
    assert verified(letter)[0].outcome == "pass"
    assert verified(letter.replace(b": one", b": other"))[0].outcome == "pass"
    assert verified(letter.replace(b": two", b": other"))[0].outcome == "fail"


def field(letter: bytes, old: bytes, new: bytes) -> bytes:
    assert old in letter
    return letter.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (b"v=1;", b"v=2;", "v="),
        (b"v=1;", b"", "v="),
        (b"d=example.org;", b"", "d= is missing"),
        (b"d=example.org;", b"d=example.org; d=example.org;", "twice"),
        (b"a=rsa-sha256", b"a=rsa-sha1", "does not count"),
        (b"c=relaxed/relaxed", b"c=loose", "form"),
        (b"h=from", b"h=frm", "From is not signed"),
        (b"i=@example.org;", b"i=@other.test;", "not within"),
        (b"d=example.org;", b"d=example.org; l=x;", "l= is no number"),
        (b"d=example.org;", b"d=example.org; x=5; t=5;", "x= is not after"),
        (b"s=r1;", b"s=r1!;", "selector"),
    ],
)
def test_what_is_no_signature(old: bytes, new: bytes, problem: str) -> None:
    letter = signed(include_headers=[b"from"]).replace(b"\r\n ", b" ")
    letter = letter.replace(b"t=", b"z=", 1) if b"t=5" in new else letter
    (one,) = verified(field(letter, old, new))
    assert one.outcome == "permerror"
    assert problem in one.problem


@pytest.mark.parametrize(
    ("record", "outcome", "problem"),
    [
        (None, "permerror", "no key"),
        (LookupFailed("timeout"), "temperror", "looked up"),
        (b"v=DKIM1; p=", "permerror", "revoked"),
        (b"v=DKIM2; p=x", "permerror", "DKIM1"),
        (b"v=DKIM1; k=rsa; p=!!", "permerror", "base64"),
        (b"v=DKIM1; k=rsa; p=AAAA", "permerror", "RSA"),
        (b"ED25519", "permerror", "another algorithm"),
        (b"h=sha1; RSA", "permerror", "DKIM1"),
        (b"RSA; h=sha1", "permerror", "SHA-256"),
        (b"RSA; s=tlsrpt", "permerror", "not for mail"),
        (b"RSA; t=y:s", "pass", ""),
    ],
)
def test_keys(record: bytes | LookupFailed | None, outcome: str, problem: str) -> None:
    answers: Answers = {}
    if record is not None:
        answer: Answer | LookupFailed = (filled(record),) if isinstance(record, bytes) else record
        answers[Lookup("r1._domainkey.example.org", "TXT")] = answer
    (one,) = verified(signed(), answers)
    assert one.outcome == outcome
    assert problem in one.problem
    assert one.is_test == (outcome == "pass")


def filled(record: bytes) -> bytes:
    return record.replace(b"ED25519", record_of(b"ed25519-sha256")).replace(b"RSA", record_of())


def test_a_strict_key_is_not_for_subdomains() -> None:
    answers: Answers = {Lookup("r1._domainkey.example.org", "TXT"): (record_of() + b"; t=s",)}
    letter = signed(identity=b"@sub.example.org")
    assert verified(letter)[0].outcome == "pass"
    assert verified(letter, answers)[0].outcome == "permerror"


def test_time() -> None:
    letter = signed()
    made = int(letter.partition(b"; t=")[2].partition(b";")[0])
    assert verified(letter, now=made - 7200)[0].problem == "the signature is from the future"
    assert verified(letter, now=made - 60)[0].outcome == "pass"
    until = letter.replace(b"; t=", b"; x=%d; t=" % (made + 60), 1)
    assert verified(until, now=made + 60)[0].problem == "the signature does not match"
    assert verified(until, now=made + 61)[0].problem == "the signature has expired"


def test_a_hundred_signatures_cost_eight() -> None:
    letter = signed()
    top = letter[: len(letter) - len(LETTER)]
    asked: list[Question] = []
    results = verified(top * 100 + LETTER, asked=asked)
    assert len(results) == MAX_SIGNATURES == len(asked)
    assert verified(LETTER) == ()


@given(st.lists(st.integers(0, 60), max_size=8))
def test_the_cut_of_the_body_does_not_matter(places: list[int]) -> None:
    assert [one.outcome for one in verified(simple_letter(), places=places)] == ["pass"]
    assert [one.outcome for one in verified(relaxed_letter(), places=places)] == ["pass"]


@given(st.lists(st.tuples(st.integers(0, 500), st.binary(max_size=3)), min_size=1, max_size=4))
def test_nothing_raises(patches: list[tuple[int, bytes]]) -> None:
    letter = relaxed_letter()
    for at, patch in patches:
        letter = letter[:at] + patch + letter[at + 1 :]
    assert all(isinstance(one, Result) for one in verified(letter))


@pytest.mark.parametrize(
    ("records", "outcome", "problem"),
    [
        ((b"v=spf1 -all", record_of()), "pass", ""),
        ((record_of(), b"v=DKIM1; p="), "pass", ""),
        ((record_of(), record_of() + b";"), "permerror", "there are several keys"),
        ((b"v=spf1 -all", b"hello"), "permerror", "none of the records is a key"),
    ],
)
def test_records_beside_the_key(records: tuple[bytes, ...], outcome: str, problem: str) -> None:
    name = f"{key_of(b'rsa-sha256')[0]}._domainkey.example.org"
    (result,) = verified(relaxed_letter(), {Lookup(name, "TXT"): records})
    assert (result.outcome, result.problem) == (outcome, problem)


def test_who_signed_badly_is_told() -> None:
    field = b"DKIM-Signature: v=1; a=rsa-sha1; d=example.org; s=old; h=from; bh=AA==; b=AA==\r\n"
    (result,) = verified(field + LETTER, {})
    assert (result.outcome, result.domain, result.selector) == ("permerror", "example.org", "old")
