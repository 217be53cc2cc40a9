"""Second factors: codes of an app (TOTP) and recovery codes, as functions of a transaction.

A code counts in its step of 30 seconds and in those beside it, once: no code of that step or
an earlier one is taken again. Guessing is stopped by account, wherever it comes from: after
five wrong codes in a row none is looked at for a minute, then two, up to an hour.

RFC 6238, RFC 4226 §7.3.
"""

import hmac
import re
import secrets as chance
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from postroom.db.database import Tx
from postroom.directory.sealing import open_sealed, seal
from postroom.directory.secrets import Secrets

STEP_MS: Final = 30_000
SKEW: Final = 1  # steps before and after the present one
FREE_FAILURES: Final = 5
FIRST_LOCK_MS: Final = 60_000  # doubled by each further failure
LONGEST_LOCK_MS: Final = 3_600_000
RECOVERY_CODES: Final = 10

_SECRET_OCTETS: Final = 20  # RFC 4226 §4: at least 128 bits, 160 recommended
_CODE: Final = re.compile(r"\d{6}")
_LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_RECOVERY_LETTERS: Final = 10  # of 5 bits

Outcome = Literal["right", "wrong", "locked"]


class SecondFactor(msgspec.Struct, frozen=True):
    """That of an account. ``since`` None: the app has not shown yet that it has the secret.

    ``opens_mail``: the password alone opens mail programs all the same. Times in UTC ms.
    """

    secret: bytes
    since: int | None
    opens_mail: bool
    recovery_codes: int


def find(tx: Tx, account_id: int, keys: Secrets) -> SecondFactor | None:
    """The one of an account, in force or not."""
    row = tx.one(
        "SELECT secret, since, opens_mail, (SELECT count(*) FROM recovery_code r"
        " WHERE r.account_id = f.account_id) FROM second_factor f WHERE account_id = :id",
        id=account_id,
    )
    if row is None:
        return None
    secret = open_sealed(keys.seal, bytes(row[0]), _context(account_id))
    return SecondFactor(secret, row[1], bool(row[2]), row[3])


def is_on(tx: Tx, account_id: int) -> bool:
    """Whether an account has one in force."""
    return (
        tx.one(
            "SELECT 1 FROM second_factor WHERE account_id = :id AND since IS NOT NULL",
            id=account_id,
        )
        is not None
    )


def new_secret() -> bytes:
    """A secret for an app."""
    return chance.token_bytes(_SECRET_OCTETS)


def begin(tx: Tx, account_id: int, secret: bytes, keys: Secrets, now: int) -> None:
    """Offer a secret to an app; one that is not in force yet is replaced."""
    tx.execute(
        "INSERT INTO second_factor (account_id, secret, created, last_step, failures,"
        " locked_until, opens_mail) VALUES (:id, :secret, :now, 0, 0, 0, 0)"
        " ON CONFLICT (account_id) DO UPDATE SET secret = :secret, created = :now"
        " WHERE second_factor.since IS NULL",
        id=account_id,
        secret=seal(keys.seal, secret, _context(account_id)),
        now=now,
    )


def enable(tx: Tx, account_id: int, now: int, *, opens_mail: bool) -> None:
    """Put it in force."""
    tx.execute(
        "UPDATE second_factor SET since = :now, opens_mail = :opens WHERE account_id = :id",
        id=account_id,
        now=now,
        opens=int(opens_mail),
    )


def remove(tx: Tx, account_id: int) -> bool:
    """Take it away with its recovery codes; whether there was one."""
    tx.execute("DELETE FROM recovery_code WHERE account_id = :id", id=account_id)
    return bool(tx.execute("DELETE FROM second_factor WHERE account_id = :id", id=account_id))


def make_codes() -> tuple[str, ...]:
    """Recovery codes as people write them down: ``abcde-fghjk``."""
    half = _RECOVERY_LETTERS // 2
    words = [
        "".join(chance.choice(_LETTERS) for _ in range(_RECOVERY_LETTERS))
        for _ in range(RECOVERY_CODES)
    ]
    return tuple(f"{word[:half]}-{word[half:]}" for word in words)


def keep_codes(tx: Tx, account_id: int, codes: Sequence[str], keys: Secrets) -> None:
    """Replace the recovery codes; only digests are kept."""
    tx.execute("DELETE FROM recovery_code WHERE account_id = :id", id=account_id)
    tx.many(
        "INSERT INTO recovery_code (account_id, digest) VALUES (?, ?)",
        [(account_id, _digest(account_id, code, keys)) for code in codes],
    )


def check(tx: Tx, account_id: int, code: str, keys: Secrets, now: int) -> Outcome:
    """Take a code or a recovery code, once. The attempt is counted before it is looked at."""
    row = tx.one(
        "UPDATE second_factor SET failures = failures + 1 WHERE account_id = :id"
        " AND locked_until <= :now RETURNING secret, failures, last_step",
        id=account_id,
        now=now,
    )
    if row is None:
        return "locked"
    secret = open_sealed(keys.seal, bytes(row[0]), _context(account_id))
    step = _step(secret, code, now)
    if (step is not None and step > row[2]) or (
        step is None and _spend(tx, account_id, code, keys)
    ):
        tx.execute(
            "UPDATE second_factor SET failures = 0, last_step = :step WHERE account_id = :id",
            id=account_id,
            step=row[2] if step is None else step,
        )
        return "right"
    if row[1] >= FREE_FAILURES:
        lock = min(FIRST_LOCK_MS << min(row[1] - FREE_FAILURES, 10), LONGEST_LOCK_MS)
        tx.execute(
            "UPDATE second_factor SET locked_until = :until WHERE account_id = :id",
            id=account_id,
            until=now + lock,
        )
    return "wrong"


def locked_for(tx: Tx, account_id: int, now: int) -> int:
    """Milliseconds in which no code of the account is looked at."""
    row = tx.one("SELECT locked_until FROM second_factor WHERE account_id = :id", id=account_id)
    return 0 if row is None else max(0, row[0] - now)


def _step(secret: bytes, code: str, now: int) -> int | None:
    """The step whose code this is, if it is near."""
    digits = code.replace(" ", "").replace("-", "")
    if _CODE.fullmatch(digits) is None or not digits.isascii():
        return None
    import base64

    import pyotp

    totp = pyotp.TOTP(base64.b32encode(secret).decode())
    present, found = now // STEP_MS, None
    for step in range(present - SKEW, present + SKEW + 1):
        if hmac.compare_digest(totp.generate_otp(step), digits):
            found = step
    return found


def _spend(tx: Tx, account_id: int, code: str, keys: Secrets) -> bool:
    return bool(
        tx.execute(
            "DELETE FROM recovery_code WHERE account_id = :id AND digest = :digest",
            id=account_id,
            digest=_digest(account_id, code, keys),
        )
    )


def _digest(account_id: int, code: str, keys: Secrets) -> bytes:
    letters = code.strip().lower().replace("-", "").replace(" ", "")
    framed = f"recovery code {account_id} {letters}"
    return hmac.digest(keys.pepper, framed.encode(errors="replace"), "sha256")


def _context(account_id: int) -> bytes:
    return f"second factor {account_id}".encode()
