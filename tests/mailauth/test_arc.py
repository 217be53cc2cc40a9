"""ARC chains that are sealed here, and what breaks them."""

import base64
from typing import Final

import pytest
from hypothesis import given, strategies as st

from postroom.mailauth.arc import MAX_INSTANCES, Chain, Verifier
from postroom.mailauth.canonical import relaxed_body_hash, relaxed_field
from postroom.mailauth.dkim_key import public_record
from postroom.mailauth.lookups import Answer, FetchFailed, Lookup, LookupFailed, Question
from postroom.message import headers
from tests.mailauth.answers import run_with
from tests.mailauth.keys import cuts, signers

Answers = dict[Question, Answer | LookupFailed | FetchFailed]
LETTER: Final = b"From: a@a.test\r\nSubject: x\r\n\r\nbody\r\n"


def key_records() -> Answers:
    record = public_record(signers()[1].key).encode()
    return {Lookup(f"e1._domainkey.s{n}.test", "TXT"): (record,) for n in range(60)}


def encoded(octets: bytes) -> bytes:
    return base64.b64encode(octets)


def sealed(
    letter: bytes, instance: int, *, cv: bytes | None = None, results: bytes = b"dkim=pass"
) -> bytes:
    """The letter with one more set on top, of the domain s<instance>.test."""
    head, body = headers.split(letter)
    key = signers()[1].key
    tags = b"i=%d; a=ed25519-sha256; d=s%d.test; s=e1;" % (instance, instance)
    results = b" i=%d; s%d.test; %b" % (instance, instance, results)
    body_hash = encoded(relaxed_body_hash([body]))
    message = b" %b c=relaxed/relaxed; h=from:subject; bh=%b; b=" % (tags, body_hash)
    covered = b"".join(
        relaxed_field(field.name, head[field.value_start : field.end])
        for name in (b"from", b"subject")
        for field in headers.fields(head)
        if field.name == name
    )
    own = relaxed_field(b"ARC-Message-Signature", message).removesuffix(b"\r\n")
    message += encoded(key.sign(covered + own))
    verdict = cv or (b"none" if instance == 1 else b"pass")
    seal = b" %b cv=%b; b=" % (tags, verdict)
    fields = [(b"ARC-Authentication-Results", results), (b"ARC-Message-Signature", message)]
    text = b"".join([relaxed_field(*field) for field in fields])
    last = relaxed_field(b"ARC-Seal", seal).removesuffix(b"\r\n")
    seal += encoded(key.sign(before(head, instance) + text + last))
    fields.append((b"ARC-Seal", seal))
    return b"".join([b"%b:%b\r\n" % field for field in reversed(fields)]) + letter


def before(head: bytes, instance: int) -> bytes:
    """The canonical fields of the earlier sets, as a seal covers them."""
    order = (b"arc-authentication-results", b"arc-message-signature", b"arc-seal")
    found = {
        (number, field.name): relaxed_field(field.name, head[field.value_start : field.end])
        for number in range(1, instance)
        for field in headers.fields(head)
        if field.name in order and b"i=%d;" % number in head[field.value_start : field.end]
    }
    return b"".join(found[number, name] for number in range(1, instance) for name in order)


def chain(letter: bytes, answers: Answers | None = None, places: list[int] | None = None) -> Chain:
    head, body = headers.split(letter)
    verifier = Verifier(head)
    for block in cuts(body, places or []):
        verifier.feed(block)
    return run_with(verifier.check(), key_records() if answers is None else answers)


def three() -> bytes:
    letter = LETTER
    for instance in (1, 2, 3):
        letter = sealed(letter, instance)
    return letter


def test_a_chain_of_three() -> None:
    found = chain(three())
    assert (found.outcome, found.sealers) == ("pass", ("s1.test", "s2.test", "s3.test"))
    assert found.results[1] == b"s2.test; dkim=pass"
    assert chain(LETTER).outcome == "none"


def test_a_list_may_change_the_message_and_seal_it_anew() -> None:
    changed = sealed(LETTER, 1).replace(b"Subject: x", b"Subject: [list] x") + b"footer\r\n"
    assert chain(changed).outcome == "fail"
    assert chain(sealed(changed, 2)).outcome == "pass"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (b"body", b"bodi", "body"),
        (b"Subject: x", b"Subject: y", "does not match"),
        (b"i=2; s2.test; dkim=pass", b"i=2; s2.test; dkim=fail", "seal"),
        (b"i=1; s1.test; dkim=pass", b"i=1; s1.test; dkim=fail", "seal"),
        (b" i=3; s3.test; dkim=pass", b" i=4; s3.test; dkim=pass", "whole"),
        (b" i=3; s3.test; dkim=pass", b" i=x; s3.test; dkim=pass", "number"),
        (b" i=3; s3.test; dkim=pass", b" i=03; s3.test; dkim=pass", "number"),
        (b" i=3; s3.test; dkim=pass", b" i=2; s3.test; dkim=pass", "twice"),
        (b"ARC-Authentication-Results: i=3", b"X-ARC-Authentication-Results: i=3", "whole"),
        (b"cv=pass", b"cv=none", "cv="),
        (b"cv=pass", b"cv=fail", "cv="),
        (b"cv=pass", b"h=from; cv=pass", "must not name"),
        (b"a=ed25519-sha256", b"a=rsa-sha1", "does not count"),
        (b"a=ed25519-sha256", b"a=rsa-sha256", "does not match"),
        (b"h=from:subject", b"h=from:arc-seal", "covers seals"),
        (b"d=s3.test", b"d=..", "no domain"),
    ],
)
def test_what_breaks_a_chain(old: bytes, new: bytes, problem: str) -> None:
    letter = three()
    assert old in letter
    found = chain(letter.replace(old, new, 1))
    assert found.outcome == "fail"
    assert problem in found.problem
    assert found.sealers == ()


def test_seals_that_say_the_chain_failed_before() -> None:
    assert chain(sealed(sealed(LETTER, 1), 2, cv=b"fail")).outcome == "fail"
    assert chain(sealed(LETTER, 1, cv=b"pass")).outcome == "fail"


def test_keys() -> None:
    letter = three()
    for name, answer, outcome in (
        ("s1.test", LookupFailed("timeout"), "temperror"),
        ("s2.test", (), "fail"),
        ("s3.test", (b"p=",), "fail"),
    ):
        answers: Answers = {**key_records(), Lookup(f"e1._domainkey.{name}", "TXT"): answer}
        assert chain(letter, answers).outcome == outcome


def test_a_chain_has_an_end() -> None:
    letter = LETTER
    for instance in range(1, MAX_INSTANCES + 1):
        letter = sealed(letter, instance)
    assert chain(letter).outcome == "pass"
    assert chain(sealed(letter, MAX_INSTANCES + 1)).outcome == "fail"


@given(st.lists(st.integers(0, 20), max_size=5))
def test_the_cut_of_the_body_does_not_matter(places: list[int]) -> None:
    assert chain(sealed(LETTER, 1), places=places).outcome == "pass"


@given(st.lists(st.tuples(st.integers(0, 900), st.binary(max_size=3)), min_size=1, max_size=4))
def test_nothing_raises(patches: list[tuple[int, bytes]]) -> None:
    letter = sealed(sealed(LETTER, 1), 2)
    for at, patch in patches:
        letter = letter[:at] + patch + letter[at + 1 :]
    assert isinstance(chain(letter), Chain)
