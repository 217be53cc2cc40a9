"""The Sender Rewriting Scheme: forwarded mail leaves in our name and bounces find the way back.

    alice@example.org              SRS0=HHHHHH=TT=example.org=alice@ours
    SRS0=..@first.example          SRS1=HHHHHH=first.example==..@ours
    SRS1=..=first.example==..      SRS1=HHHHHH=first.example==..@ours

HHHHHH is a keyed hash of what follows, TT the day. Both are base32, and ASCII case counts
nowhere in the hash, because some servers fold it; the local part is carried as it was
written. So nobody can make us send mail to an address that we did not rewrite, and not for
longer than MAX_AGE days to one that we did. In an SRS1 the day belongs to the first hop.

Follows the scheme's paper ("Sender Rewriting Scheme", 2003) in form, with HMAC-SHA-256 (RFC
2104) and base32 (RFC 4648 §6); RFC 5321 §4.5.3.1.1 limits the local part. When to rewrite,
the key and the day are the caller's; whoever can't rewrite leaves the sender as it is.
"""

import base64
import hmac
import unicodedata
from typing import Final

from postroom.address import MAX_LOCAL, MAX_PATH, Address, AddressError, Domain

MAX_AGE: Final = 21  # days; bounces come within five (RFC 5321 §4.5.4.1), slow ones later
HASH_LENGTH: Final = 6  # base32 characters: 30 bits, and each guess is an SMTP command
_CYCLE: Final = 1024  # days that two characters can tell apart
_AHEAD: Final = 1  # days that another node's clock may be ahead
_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_SEPARATORS: Final = frozenset("=+-")  # others choose theirs; ours is "="


class NotRewritable(ValueError):
    """The sender has no SRS form; leave it as it is."""


class TooLong(NotRewritable):
    """The SRS form would be longer than a local part or a path may be."""


class NotOurs(ValueError):
    """The local part has SRS form and must not be sent to."""


class Forged(NotOurs):
    """The hash is wrong: it was never made with this key, or was changed."""


class Expired(NotOurs):
    """It was made with this key, more than MAX_AGE days ago."""


def encode(sender: str, via_domain: str, key: bytes, day: int) -> str:
    """The address at ``via_domain`` that stands for ``sender``; "" (no sender) stays "".

    Both are as in the envelope, without angle brackets; ``day`` counts from 1970. Raises
    AddressError for what is no address, NotRewritable or TooLong.
    """
    if not sender:
        return ""
    original = Address.parse(sender)
    local = _again(original, key) or _first(original, key, day)
    if unicodedata.normalize("NFC", local) != local:
        # a mark at the beginning would melt into our separator
        raise NotRewritable(f"{sender} begins with a combining mark")
    rewritten = Address(local, Domain.parse(via_domain))
    if len(local.encode()) > MAX_LOCAL or len(str(rewritten).encode()) > MAX_PATH - 2:
        raise TooLong(f"{sender} is too long to be rewritten")
    return str(rewritten)


def decode(local: str, key: bytes, day: int) -> str | None:
    """The address that a local part (not quoted) of ours stands for; None: it is not SRS.

    Raises Forged or Expired.
    """
    kind = _kind(local)
    if kind is None:
        return None
    found, _, signed = local[5:].partition("=")
    if local[4] != "=" or not _is_same(found, _hash(key, b"%d" % kind, signed)):
        raise Forged("the hash does not fit")
    try:
        if kind == 1:
            host, rest = signed.split("=", 1)
            return str(Address(f"SRS0{rest}", Domain.parse(host)))
        stamp, domain, user = signed.split("=", 2)
        original = Address(user, Domain.parse(domain))
        age = _age(stamp, day)
    except ValueError:  # a hash can be guessed in the end
        raise Forged("there is no address inside") from None
    if MAX_AGE < age < _CYCLE - _AHEAD:
        raise Expired(f"it was made {age} days ago")
    return str(original)


def _kind(local: str) -> int | None:
    """0 or 1 for a local part in SRS form, whoever made it."""
    start = local[:4].encode("utf-8", "replace").upper()
    if start not in (b"SRS0", b"SRS1") or local[4:5] not in _SEPARATORS:
        return None
    return start[3] - ord("0")


def _first(original: Address, key: bytes, day: int) -> str:
    """The SRS0 form."""
    number = day % _CYCLE
    stamp = bytes((_ALPHABET[number >> 5], _ALPHABET[number & 31])).decode("ascii")
    rest = f"{stamp}={original.domain}={original.local}"
    return f"SRS0={_hash(key, b'0', rest)}={rest}"


def _again(original: Address, key: bytes) -> str | None:
    """The SRS1 form of an SRS0 or SRS1 that somebody made; None when it is neither."""
    local = original.local
    kind = _kind(local)
    if kind is None:
        return None
    host, rest = original.domain.ascii, local[4:]
    if kind == 1:
        _, _, behind = local[5:].partition("=")
        host, _, rest = behind.partition("=")
        if not rest or rest[0] not in _SEPARATORS or not _is_domain(host):
            return None
    signed = f"{host}={rest}"
    return f"SRS1={_hash(key, b'1', signed)}={signed}"


def _is_domain(text: str) -> bool:
    try:
        return Domain.parse(text).ascii == text.lower()
    except AddressError:
        return False


def _hash(key: bytes, kind: bytes, signed: str) -> str:
    """``kind`` keeps a hash of one form from fitting the other."""
    octets = signed.encode("utf-8", "surrogatepass").lower()  # octets: ASCII case only
    digest = hmac.digest(key, b"SRS%b=%b" % (kind, octets), "sha256")
    return base64.b32encode(digest[:5]).decode("ascii")[:HASH_LENGTH]


def _is_same(found: str, expected: str) -> bool:
    octets = found.encode("utf-8", "replace").upper()
    return hmac.compare_digest(octets, expected.encode("ascii"))


def _age(stamp: str, day: int) -> int:
    """Days since the stamp, in the cycle; raises ValueError."""
    high, low = stamp.encode().upper()
    return (day - (_ALPHABET.index(high) << 5) - _ALPHABET.index(low)) % _CYCLE
