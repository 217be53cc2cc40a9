"""Verifying DKIM signatures of a message that has come.

    verifier = Verifier(head, now=seconds)
    for block in body: verifier.feed(block)
    results = drive(verifier.check())          # asks for the keys

The body is gone through once for each canonical form that signatures name. At most
``MAX_SIGNATURES`` are looked at, the topmost first (threat A10). A signature that leaves the
end of the body open (``l=``) counts only while nothing stands there: what was added would
otherwise speak in the signer's name. Nothing raises.

RFC 6376 §6.1; RFC 8301; RFC 8463; words of the results: RFC 8601 §2.7.1.
"""

import base64
import contextlib
import hashlib
from collections.abc import Iterable, Sequence
from typing import Final, Literal

import msgspec

from postroom.mailauth import dkim_public
from postroom.mailauth.canonical import Body, RelaxedBody, SimpleBody, relaxed_field
from postroom.mailauth.dkim_public import BadRecord, PublicKey
from postroom.mailauth.dkim_signature import (
    BadSignature,
    Form,
    Signature,
    check_identity,
    read,
    signer,
    without_b,
)
from postroom.mailauth.lookups import Check, LookupFailed, texts
from postroom.message import headers

Outcome = Literal["pass", "fail", "policy", "neutral", "temperror", "permerror"]

MAX_SIGNATURES: Final = 8
_SMALL: Final = 16 * 1024  # octets of a body that is hashed sooner than threads are switched
_PIECE: Final = 2_047
MAX_RECORDS: Final = 10  # of a key's name
CLOCK_SKEW: Final = 3_600  # seconds that a signer's clock may be ahead


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one signature.

    ``domain`` and ``identity`` are who signed; ``b`` the first characters of the signature,
    to tell two of one domain apart (RFC 6008). ``is_test``: the key's owner is trying out.
    """

    outcome: Outcome
    domain: str = ""
    selector: str = ""
    identity: str = ""
    algorithm: str = ""
    bits: int = 0
    b: str = ""
    is_test: bool = False
    problem: str = ""


class BodyHash:
    """SHA-256 over a canonical body, and over its first octets where a length is named.

    The body is gone through once, however many lengths there are.
    """

    __slots__ = ("_beginnings", "_body", "_due", "_whole", "size")

    def __init__(self, form: Form, lengths: Iterable[int | None]) -> None:
        self._whole = hashlib.sha256()
        self._due = sorted({one for one in lengths if one is not None}, reverse=True)
        self._beginnings: dict[int, bytes] = {}
        self.size = 0  # of the whole canonical body
        body: type[Body] = RelaxedBody if form == "relaxed" else SimpleBody
        self._body = body(self._take)

    def feed(self, block: bytes) -> None:
        """The next octets of the body."""
        self._body.feed(block)

    def finish(self) -> None:
        """The body is complete; once."""
        self._body.finish()

    def digest(self, length: int | None) -> bytes:
        """Of so many octets, None: of all. Of more than there are it is that of all."""
        found = None if length is None else self._beginnings.get(length)
        return self._whole.digest() if found is None else found

    def _take(self, octets: bytes) -> None:
        end = self.size + len(octets)
        at = 0
        while self._due and self._due[-1] <= end:
            length = self._due.pop()
            self._whole.update(octets[at : length - self.size])
            at = length - self.size
            self._beginnings[length] = self._whole.digest()
        if end <= _SMALL:  # in pieces too small to hand the interpreter over to other threads
            for start in range(at, len(octets), _PIECE):
                self._whole.update(octets[start : start + _PIECE])
        else:
            self._whole.update(octets[at:])
        self.size = end


class Verifier:
    """All signatures of one message."""

    def __init__(self, head: bytes, *, now: int) -> None:
        """``head`` is the header block as received; ``now`` in seconds since 1970."""
        self._head = head
        self._now = now
        has_any = b"dkim-signature" in head.lower()
        self._all = tuple(headers.fields(head)) if has_any else ()
        found = [field for field in self._all if field.name == b"dkim-signature"]
        self._fields = found[:MAX_SIGNATURES]
        self._read: list[Signature | Result] = [self._parsed(field) for field in self._fields]
        self._hashes = body_hashes(one for one in self._read if isinstance(one, Signature))

    @property
    def key_names(self) -> list[str]:
        """The names of the keys that will be asked for."""
        return [one.key_name for one in self._read if isinstance(one, Signature)]

    def feed(self, block: bytes) -> None:
        """The next octets of the body."""
        for one in self._hashes.values():
            one.feed(block)

    def check(self) -> Check[tuple[Result, ...]]:
        """The results, in the order of the fields."""
        for one in self._hashes.values():
            one.finish()
        results: list[Result] = []
        for field, signature in zip(self._fields, self._read, strict=True):
            if isinstance(signature, Result):
                results.append(signature)
                continue
            problem = body_problem(signature, self._hashes[signature.body_form])
            if problem is not None:
                results.append(result(signature, *problem))
                continue
            raw = self._head[field.start : field.end]
            digest = header_digest(self._head, self._all, signature, raw)
            results.append((yield from self._verified(signature, digest)))
        return tuple(results)

    def _parsed(self, field: headers.Field) -> Signature | Result:
        value = self._head[field.value_start : field.end]
        try:
            signature = read(value)
            check_identity(signature)
        except BadSignature as error:
            domain, selector = signer(value)
            return Result(outcome="permerror", domain=domain, selector=selector, problem=str(error))
        if signature.expires is not None and signature.expires < self._now:
            return result(signature, "fail", "the signature has expired")
        if signature.made is not None and signature.made > self._now + CLOCK_SKEW:
            return result(signature, "fail", "the signature is from the future")
        return signature

    def _verified(self, signature: Signature, digest: bytes) -> Check[Result]:
        try:
            key = yield from find_key(signature.key_name)
        except LookupFailed as error:
            return result(signature, "temperror", f"the key can't be looked up: {error}")
        except BadRecord as error:
            return result(signature, "permerror", str(error))
        if not key.fits(signature.algorithm):
            return result(signature, "permerror", "the key is for another algorithm")
        exact = signature.identity.rpartition("@")[2].lower() == signature.domain
        if key.is_strict and not exact:
            return result(signature, "permerror", "the key is not for subdomains")
        is_good = key.verifies(digest, signature.octets)
        outcome: Outcome = "pass" if is_good else "fail"
        problem = "" if is_good else "the signature does not match"
        return msgspec.structs.replace(
            result(signature, outcome, problem), bits=key.bits, is_test=key.is_test
        )


def body_hashes(signatures: Iterable[Signature]) -> dict[Form, BodyHash]:
    """One for each form that is named."""
    lengths: dict[Form, list[int | None]] = {}
    for one in signatures:
        lengths.setdefault(one.body_form, []).append(one.length)
    return {form: BodyHash(form, wanted) for form, wanted in lengths.items()}


def body_problem(signature: Signature, body: BodyHash) -> tuple[Outcome, str] | None:
    """What is wrong with the finished body; None: it is the one that was signed."""
    if signature.length is not None and signature.length > body.size:
        return "fail", "the body is shorter than l= says"
    if body.digest(signature.length) != signature.body_hash:
        return "fail", "the body has changed"
    if signature.length is not None and signature.length < body.size:
        return "policy", "the signature leaves the end of the body open (l=)"
    return None


def header_digest(
    head: bytes, fields: Iterable[headers.Field], signature: Signature, raw: bytes
) -> bytes:
    """SHA-256 over the signed fields and the signature's own, ``raw``, without its value.

    ``fields`` are all of the header block. Of a name that is signed several times the last instance comes first; one that is not
    there counts as nothing (RFC 6376 §5.4.2).
    """
    wanted = frozenset(signature.names)
    instances: dict[bytes, list[bytes]] = {}
    for field in fields:
        if field.name in wanted:
            instances.setdefault(field.name, []).append(head[field.start : field.end])
    digest = hashlib.sha256()
    for name in signature.names:
        left = instances.get(name)
        if left:
            digest.update(canonical_field(left.pop(), signature.header_form))
    name, colon, value = raw.partition(b":")
    own = name + colon + without_b(value)
    digest.update(canonical_field(own, signature.header_form).removesuffix(b"\r\n"))
    return digest.digest()


def canonical_field(raw: bytes, form: Form) -> bytes:
    """One field with its line end (RFC 6376 §3.4.1, §3.4.2)."""
    if form == "relaxed":
        name, _, value = raw.partition(b":")
        return relaxed_field(name, value)
    return raw if raw.endswith(b"\r\n") else raw + b"\r\n"


def find_key(name: str) -> Check[PublicKey]:
    """The key that is published there; raises LookupFailed, BadRecord.

    Records of others may stand beside it, such as those that a wildcard puts everywhere; with
    several keys nobody knows which one was meant (RFC 6376 §3.6.2.2).
    """
    records: Sequence[bytes] = yield from texts(name)
    if not records:
        raise BadRecord("there is no key")
    if len(records) == 1:
        return dkim_public.read(records[0])
    found: list[PublicKey] = []
    for record in records[:MAX_RECORDS]:
        with contextlib.suppress(BadRecord):
            found.append(dkim_public.read(record))
    if len(found) != 1:
        raise BadRecord("there are several keys" if found else "none of the records is a key")
    return found[0]


def result(signature: Signature, outcome: Outcome, problem: str) -> Result:
    """A result about this signature."""
    return Result(
        outcome=outcome,
        domain=signature.domain,
        selector=signature.selector,
        identity=signature.identity,
        algorithm=signature.algorithm,
        b=_prefix(signature.octets),
        problem=problem,
    )


def _prefix(octets: bytes) -> str:
    return base64.b64encode(octets[:6]).decode("ascii")
