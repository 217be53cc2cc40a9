"""Servers on one database must have the same keys in their data folders.

App passwords made at one server would not work at another with a different pepper; what one
has sealed no other could open; and senders that one has rewritten, others would call forged.
The database remembers a digest of each key, made with a word of its own, so that it tells
nothing.
"""

import hmac
from collections.abc import Mapping
from typing import Final

from postroom.db.database import ConstraintFailed, Database, Tx
from postroom.directory.secrets import Secrets
from postroom.errors import Refused

_WORD: Final = b"postroom fingerprint"


async def verify(db: Database, secrets: Secrets) -> None:
    """Raises Refused when these are not the keys of this database; the first are kept."""
    ours = {name: hmac.digest(key, _WORD, "sha256") for name, key in _keys(secrets).items()}
    while True:
        known = await db.read(_read)
        wrong = [
            name
            for name, digest in ours.items()
            if name in known and not hmac.compare_digest(known[name], digest)
        ]
        if wrong:
            raise Refused(
                f"the keys in data/secrets are not those of this database ({', '.join(wrong)}):"
                " copy that folder from another server of it, or from a backup"
            )
        missing = {name: digest for name, digest in ours.items() if name not in known}
        if not missing:
            return
        try:
            await db.write(lambda tx, missing=missing: _keep(tx, missing))  # type: ignore[misc]
        except ConstraintFailed:  # another server was faster: are its keys ours?
            continue
        return


def _keys(secrets: Secrets) -> Mapping[str, bytes]:
    return {"pepper": secrets.pepper, "seal": secrets.seal, "srs": secrets.srs}


def _read(tx: Tx) -> dict[str, bytes]:
    return {name: bytes(digest) for name, digest in tx.all("SELECT name, digest FROM fingerprint")}


def _keep(tx: Tx, digests: Mapping[str, bytes]) -> None:
    tx.many(
        "INSERT INTO fingerprint (name, digest) VALUES (?, ?)",
        sorted(digests.items()),
    )
