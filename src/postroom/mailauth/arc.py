"""ARC: what the servers on a message's way, such as lists, found before they changed it.

    verifier = Verifier(head)
    for block in body: verifier.feed(block)
    chain = drive(verifier.check())

Each server that sealed the message added a set of three fields under the next number: its
results (ARC-Authentication-Results), a signature of the message as it left
(ARC-Message-Signature) and a seal over all ARC fields so far (ARC-Seal). The chain passes
when its sets are whole and without gap, every seal is good, and so is the newest message
signature. Whether a sealer is believed is for policy to say (threat A13).

RFC 8617 §4, §5.2.
"""

import hashlib
import re
from typing import Final, Literal

import msgspec

from postroom.mailauth.dkim_public import BadRecord
from postroom.mailauth.dkim_signature import (
    Algorithm,
    BadSignature,
    Signature,
    algorithm_of,
    decoded,
    domain_of,
    from_tags,
    needed,
    number,
    selector_of,
    without_b,
)
from postroom.mailauth.dkim_verify import (
    BodyHash,
    body_problem,
    canonical_field,
    find_key,
    header_digest,
)
from postroom.mailauth.lookups import Check, LookupFailed
from postroom.mailauth.tags import BadTags, parse
from postroom.message import headers

Outcome = Literal["none", "pass", "fail", "temperror"]

MAX_INSTANCES: Final = 50  # RFC 8617 §4.2.1

_RESULTS: Final = b"arc-authentication-results"
_SIGNATURE: Final = b"arc-message-signature"
_SEAL: Final = b"arc-seal"
_KINDS: Final = (_RESULTS, _SIGNATURE, _SEAL)  # in the order in which a seal covers them
_INSTANCE: Final = re.compile(rb"[ \t\r\n]*i[ \t\r\n]*=[ \t\r\n]*([1-9][0-9]?)[ \t\r\n]*(?:;|\Z)")


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. ``sealers`` are the domains of the seals, the oldest first.

    ``results`` are the values of ARC-Authentication-Results in the same order, unfolded;
    both are empty unless the chain passes.
    """

    outcome: Outcome
    sealers: tuple[str, ...] = ()
    results: tuple[bytes, ...] = ()
    problem: str = ""


class _Seal(msgspec.Struct, frozen=True):
    domain: str
    key_name: str
    algorithm: Algorithm
    octets: bytes


class _Broken(Exception):
    """The chain fails; the message says why."""


class Verifier:
    """The chain of one message."""

    def __init__(self, head: bytes) -> None:
        """``head`` is the header block as received."""
        self._head = head
        self._sets: list[dict[bytes, headers.Field]] = []
        self._seals: list[_Seal] = []
        self._signature: Signature | None = None
        self._body: BodyHash | None = None
        self._problem = ""
        self._written: dict[int, bytes] = {}
        try:
            self._read()
        except _Broken as error:
            self._problem = str(error)

    @property
    def key_names(self) -> list[str]:
        """The names of the keys that will be asked for."""
        if self._signature is None:
            return []
        return [self._signature.key_name, *[seal.key_name for seal in self._seals]]

    def feed(self, block: bytes) -> None:
        """The next octets of the body."""
        if self._body is not None:
            self._body.feed(block)

    def check(self) -> Check[Chain]:
        """The verdict."""
        if self._problem:
            return Chain(outcome="fail", problem=self._problem)
        if self._signature is None or self._body is None:
            return Chain(outcome="none")
        try:
            yield from self._check_message(self._signature, self._body)
            for index in reversed(range(len(self._seals))):
                yield from self._check_seal(index)
        except LookupFailed as error:
            return Chain(outcome="temperror", problem=f"a key can't be looked up: {error}")
        except (_Broken, BadRecord) as error:
            return Chain(outcome="fail", problem=str(error))
        return Chain(
            outcome="pass",
            sealers=tuple(seal.domain for seal in self._seals),
            results=tuple(
                headers.unfold(self._value(one[_RESULTS])).partition(b";")[2].strip()
                for one in self._sets
            ),
        )

    # Reading

    def _read(self) -> None:
        self._sets = self._collected()
        if not self._sets:
            return
        for index, one in enumerate(self._sets, 1):
            self._seals.append(self._seal(index, self._value(one[_SEAL])))
        try:
            tags = parse(self._value(self._sets[-1][_SIGNATURE]))
            signature = from_tags(tags, is_arc=True)
        except (BadTags, BadSignature) as error:
            raise _Broken(f"ARC-Message-Signature: {error}") from None
        if _SEAL in signature.names:
            raise _Broken("ARC-Message-Signature covers seals")
        self._signature = signature
        self._body = BodyHash(signature.body_form, [signature.length])

    def _collected(self) -> list[dict[bytes, headers.Field]]:
        if b"arc-" not in self._head.lower():
            return []
        sets: dict[int, dict[bytes, headers.Field]] = {}
        for field in headers.fields(self._head):
            if field.name not in _KINDS:
                continue
            instance = self._instance(field)
            if field.name in sets.setdefault(instance, {}):
                raise _Broken(f"set {instance} has a field twice")
            sets[instance][field.name] = field
        if sorted(sets) != list(range(1, len(sets) + 1)):
            raise _Broken("the sets have a gap")
        if any(len(one) != len(_KINDS) for one in sets.values()):
            raise _Broken("a set is not whole")
        return [sets[number] for number in sorted(sets)]

    def _instance(self, field: headers.Field) -> int:
        value = self._value(field)
        if field.name == _RESULTS:
            found = _INSTANCE.match(value)
            text = found[1].decode() if found else ""
        else:
            try:
                text = parse(value).get("i", "")
            except BadTags as error:
                raise _Broken(f"{field.name.decode()}: {error}") from None
        if not re.fullmatch("[1-9][0-9]?", text) or int(text) > MAX_INSTANCES:
            raise _Broken(f"a set has a bad number {text[:10]!r}")
        return int(text)

    def _seal(self, instance: int, value: bytes) -> _Seal:
        try:
            tags = parse(value)
            if "h" in tags:
                raise _Broken("a seal must not name fields")
            number(tags, "t")
            domain = domain_of(needed(tags, "d"))
            seal = _Seal(
                domain=domain,
                key_name=f"{selector_of(needed(tags, 's'))}._domainkey.{domain}",
                algorithm=algorithm_of(needed(tags, "a")),
                octets=decoded(needed(tags, "b"), "b"),
            )
        except (BadTags, BadSignature) as error:
            raise _Broken(f"ARC-Seal: {error}") from None
        verdict = tags.get("cv", "").lower()
        if verdict != ("none" if instance == 1 else "pass"):
            raise _Broken(f"seal {instance} says cv={verdict[:10]}")
        return seal

    # Verifying

    def _check_message(self, signature: Signature, body: BodyHash) -> Check[None]:
        body.finish()
        problem = body_problem(signature, body)
        if problem is not None:
            raise _Broken(f"ARC-Message-Signature: {problem[1]}")
        field = self._sets[-1][_SIGNATURE]
        raw = self._head[field.start : field.end]
        digest = header_digest(self._head, headers.fields(self._head), signature, raw)
        key = yield from find_key(signature.key_name)
        if not key.fits(signature.algorithm) or not key.verifies(digest, signature.octets):
            raise _Broken("ARC-Message-Signature does not match")

    def _check_seal(self, index: int) -> Check[None]:
        seal = self._seals[index]
        digest = hashlib.sha256()
        own = self._sets[index][_SEAL]
        for one in self._sets[: index + 1]:
            for kind in _KINDS:
                if one[kind] is not own:
                    digest.update(self._canonical(one[kind]))
        name, colon, value = self._head[own.start : own.end].partition(b":")
        raw = name + colon + without_b(value)
        digest.update(canonical_field(raw, "relaxed").removesuffix(b"\r\n"))
        key = yield from find_key(seal.key_name)
        if not key.fits(seal.algorithm) or not key.verifies(digest.digest(), seal.octets):
            raise _Broken(f"seal {index + 1} does not match")

    def _canonical(self, field: headers.Field) -> bytes:
        """The field as seals cover it: every later one does."""
        found = self._written.get(field.start)
        if found is None:
            found = canonical_field(self._head[field.start : field.end], "relaxed")
            self._written[field.start] = found
        return found

    def _value(self, field: headers.Field) -> bytes:
        return self._head[field.value_start : field.end]
