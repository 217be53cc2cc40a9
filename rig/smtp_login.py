"""Who may log in to the server of ``rig.smtp``: names and passwords for the real mechanisms."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

import msgspec

from postroom.protocol.sasl.mechanisms import Mechanism
from postroom.protocol.sasl.steps import AskPassword, AskScram, Step

_SALT: Final = b"salt of the rig."
_ITERATIONS: Final = 4_096


class _Key(msgspec.Struct, frozen=True):
    """A SCRAM key (``protocol.sasl.steps.ScramKey``)."""

    credential_id: int
    stored_key: bytes
    server_key: bytes


def known(users: Mapping[str, str], mechanism: Mechanism, step: Step) -> Step:
    """Answer what the mechanism asks; other steps come back as they are."""
    if isinstance(step, AskPassword):
        return mechanism.answer(step.login if users.get(step.login) == step.password else None)
    if isinstance(step, AskScram):
        password = users.get(step.login)
        return mechanism.keys(_SALT, _ITERATIONS, [] if password is None else [_key(password)])
    return step


def _key(password: str) -> _Key:
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), _SALT, _ITERATIONS)
    client = hmac.digest(salted, b"Client Key", "sha256")
    server = hmac.digest(salted, b"Server Key", "sha256")
    return _Key(1, hashlib.sha256(client).digest(), server)
