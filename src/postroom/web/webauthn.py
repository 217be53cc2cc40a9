"""Passkeys between browser and server: what is asked for, and whether the answer holds.

A passkey belongs to one host name of ours, is kept by the authenticator together with whose it
is (discoverable), and shows that its owner is there (user verification): it stands for password
and second factor in one. Attestation, who made the authenticator, is not asked for.

Needs the extra ``webauthn``. Web Authentication Level 3 §7.1, §7.2.
"""

import importlib.util
import ipaddress
import json
import secrets
import urllib.parse
from typing import TYPE_CHECKING, Any, Final

import msgspec

from postroom.web.hosts import LOOPBACK, name_of

if TYPE_CHECKING:
    from fido2.server import Fido2Server

MAX_ANSWER: Final = 64 * 1024  # characters
_ALGORITHMS: Final = frozenset({-7, -8, -257})  # ES256, EdDSA, RS256


class BadAnswer(Exception):
    """The answer of a browser does not hold."""


class Ticket(msgspec.Struct, frozen=True):
    """What must be the same when the answer comes. ``session`` is that of who makes a passkey."""

    challenge: bytes
    host: str
    session: bytes = b""


class Made(msgspec.Struct, frozen=True):
    """A new passkey, as ``directory.passkeys`` keeps it."""

    credential: bytes
    material: bytes
    counter: int


def is_available() -> bool:
    """Whether the library is installed."""
    return importlib.util.find_spec("fido2") is not None


def host_of(header: str) -> str:
    """The name that passkeys of this Host field belong to; "" for an IP address."""
    name = name_of(header)
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return name
    return ""


def creation(
    host: str, session: bytes, user: bytes, address: str, known: list[bytes]
) -> tuple[str, Ticket]:
    """Options (JSON) to make a passkey; ``known`` are not made once more."""
    from fido2.webauthn import (
        AttestedCredentialData,
        PublicKeyCredentialUserEntity,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    ticket = Ticket(secrets.token_bytes(32), host, session)
    options, _state = _server(ticket).register_begin(
        PublicKeyCredentialUserEntity(id=user, name=address, display_name=address),
        [AttestedCredentialData(one) for one in known],
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=UserVerificationRequirement.REQUIRED,
        challenge=ticket.challenge,
    )
    return json.dumps(dict(options)), ticket


def request(host: str) -> tuple[str, Ticket]:
    """Options (JSON) to log in with whichever passkey there is for ``host``."""
    from fido2.webauthn import UserVerificationRequirement

    ticket = Ticket(secrets.token_bytes(32), host)
    options, _state = _server(ticket).authenticate_begin(
        user_verification=UserVerificationRequirement.REQUIRED, challenge=ticket.challenge
    )
    return json.dumps(dict(options)), ticket


def made(ticket: Ticket, header: str, answer: str) -> Made:
    """The passkey that a browser has made; raises BadAnswer. ``header``: the Host field."""
    try:
        data = _server(ticket, header).register_complete(_state(ticket), _parsed(answer))
    except Exception as error:  # noqa: BLE001  (a stranger's CBOR may be wrong in any way)
        raise BadAnswer(str(error)) from None
    attested = data.credential_data
    if attested is None or attested.public_key.ALGORITHM not in _ALGORITHMS:
        raise BadAnswer("it has no key that we know")
    return Made(attested.credential_id, bytes(attested), data.counter)


def credential_of(answer: str) -> bytes:
    """Which passkey an answer says to be of; raises BadAnswer. Nothing is proved by it."""
    from fido2.webauthn import AuthenticationResponse

    try:
        return AuthenticationResponse.from_dict(_parsed(answer)).raw_id
    except Exception as error:  # noqa: BLE001  (see ``made``)
        raise BadAnswer(str(error)) from None


def signed(ticket: Ticket, header: str, answer: str, material: bytes, user: bytes) -> int:
    """The counter of an answer that this passkey of this user has signed; raises BadAnswer."""
    from fido2.webauthn import AttestedCredentialData, AuthenticationResponse

    try:
        response = AuthenticationResponse.from_dict(_parsed(answer))
        _server(ticket, header).authenticate_complete(
            _state(ticket), [AttestedCredentialData(material)], response
        )
    except Exception as error:  # noqa: BLE001  (see ``made``)
        raise BadAnswer(str(error)) from None
    if response.response.user_handle != user:
        raise BadAnswer("it is of another user")
    return response.response.authenticator_data.counter


def _server(ticket: Ticket, header: str = "") -> "Fido2Server":
    from fido2.server import Fido2Server
    from fido2.webauthn import AttestationConveyancePreference, PublicKeyCredentialRpEntity

    def is_ours(origin: str) -> bool:
        """The page that asked was one of this very host: port and all."""
        parts = urllib.parse.urlsplit(origin)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and ticket.host in LOOPBACK)
        return is_safe and parts.netloc.lower() == header.strip().lower()

    server = Fido2Server(
        PublicKeyCredentialRpEntity(id=ticket.host, name=ticket.host),
        AttestationConveyancePreference.NONE,
        verify_origin=is_ours,
    )
    server.allowed_algorithms = [one for one in server.allowed_algorithms if one.alg in _ALGORITHMS]
    return server


def _state(ticket: Ticket) -> dict[str, Any]:
    from fido2.utils import websafe_encode
    from fido2.webauthn import UserVerificationRequirement

    return {
        "challenge": websafe_encode(ticket.challenge),
        "user_verification": UserVerificationRequirement.REQUIRED,
    }


def _parsed(answer: str) -> dict[str, Any]:
    if len(answer) > MAX_ANSWER:
        raise BadAnswer("it is too long")
    found = json.loads(answer)
    if not isinstance(found, dict):
        raise BadAnswer("it is no object")
    return found
