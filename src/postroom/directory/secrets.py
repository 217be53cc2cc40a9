"""The keys of this install, in ``data/secrets``: made on first use, never changed.

``pepper`` keys the verifiers of app passwords: a stolen database alone does not let
anyone test them. ``scram`` makes the salts of users that do not exist, so they answer
the same salt every time. ``seal`` closes what the database keeps and must give back:
passwords of relays, private keys for signing. ``srs`` signs the senders of forwarded
letters, so that only bounces of those come back through us; of it comes ``feedback``, which marks
messages, so that nobody makes up that one came back. The folder is 0700, the files 0600.

Two processes may make a key at the same moment: each writes its own temporary file
(``O_EXCL``), syncs it and links it to the final name; the link of the slower one fails
and it reads the key of the faster one.
"""

import hmac
import os
import secrets as chance
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Final

from postroom.errors import StorageFailed

KEY_SIZE: Final = 32


class Secrets:
    """Keys by name, each read once."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is made when the first key is asked for."""
        self._folder = folder

    @cached_property
    def pepper(self) -> bytes:
        """For the verifiers of app passwords."""
        return self._key("pepper")

    @cached_property
    def scram(self) -> bytes:
        """For the SCRAM salts of unknown users."""
        return self._key("scram")

    @cached_property
    def seal(self) -> bytes:
        """For ``sealing``: secrets that must be read again."""
        return self._key("seal")

    @cached_property
    def srs(self) -> bytes:
        """For rewritten senders (``mailauth.srs``)."""
        return self._key("srs")

    @cached_property
    def feedback(self) -> bytes:
        """For marks by which messages that come back are known (``post.suppression``).

        It comes of ``srs``: servers that share a database have that one in common.
        """
        return hmac.digest(self.srs, b"feedback", "sha256")

    def _key(self, name: str) -> bytes:
        path = self._folder / name
        try:
            if not path.exists():
                self._make(path)
            key = path.read_bytes()
        except OSError as error:
            raise StorageFailed(detail=f"{path}: {error.strerror}") from error
        if len(key) != KEY_SIZE:
            raise StorageFailed(detail=f"{path}: {len(key)} octets instead of {KEY_SIZE}")
        return key

    def _make(self, path: Path) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{chance.token_hex(8)}")
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            try:
                os.write(file, chance.token_bytes(KEY_SIZE))
                os.fsync(file)
            finally:
                os.close(file)
            with suppress(FileExistsError):  # another process was faster
                os.link(temporary, path)
        finally:
            temporary.unlink()
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
