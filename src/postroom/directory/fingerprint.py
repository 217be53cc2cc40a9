"""Servers on one database must have the same keys in their data folders.

App passwords made at one server would not work at another with a different pepper. The
database remembers a digest of it, made with a word of its own, so that it tells nothing.
"""

import hmac
from typing import Final

from postroom.db.database import ConstraintFailed, Database, Tx
from postroom.directory.secrets import Secrets
from postroom.errors import Refused

_WORD: Final = b"postroom fingerprint"


async def verify(db: Database, secrets: Secrets) -> None:
    """Raises Refused when these are not the keys of this database; the first are kept."""
    digest = hmac.digest(secrets.pepper, _WORD, "sha256")
    known = await db.read(_read)
    if known is None:
        try:
            await db.write(lambda tx: _keep(tx, digest))
        except ConstraintFailed:  # another server was faster
            known = await db.read(_read)
    if known is not None and not hmac.compare_digest(known, digest):
        raise Refused(
            "the keys in data/secrets are not those of this database:"
            " copy that folder from another server of it, or from a backup"
        )


def _read(tx: Tx) -> bytes | None:
    row = tx.one("SELECT digest FROM fingerprint WHERE name = 'pepper'")
    return bytes(row[0]) if row else None


def _keep(tx: Tx, digest: bytes) -> None:
    tx.execute("INSERT INTO fingerprint (name, digest) VALUES ('pepper', :digest)", digest=digest)
