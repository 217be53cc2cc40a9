"""Who sends a request: an address with a password, or an access token (RFC 8620 §1.7, §8.2).

What opens IMAP opens this: a chosen password, unless a second factor keeps it to the browser, or
an app password for ``imap``; an OAuth access token where a server to ask is configured. A failure
is counted and slowed down as at every door (``access.login``).

JMAP sends the password with each request. Whoever has shown it lately is not tested again, but
that the account and its password still open the door is read each time.
"""

import base64
import hashlib
import hmac
import secrets
from collections import OrderedDict
from contextlib import suppress
from typing import Final

from starlette.requests import Request

from postroom.access.login import LoginRefused
from postroom.admin.actor import Actor, become
from postroom.directory import credentials
from postroom.directory.credentials import APP_SCOPES, Keyring
from postroom.directory.login import OUTSIDE, Identity
from postroom.errors import MailError
from postroom.intake.peer import Peer
from postroom.net.networks import network_of
from postroom.protocol.sasl.mechanisms import WITH_TOKEN
from postroom.web.api.call import Services
from postroom.web.jmap.errors import RequestError
from postroom.web.jmap.method import Caller

SCOPE: Final = "imap"
DOOR: Final = "jmap"
REMEMBERED_MS: Final = 5 * 60_000
TOKEN_REMEMBERED_MS: Final = 60_000
MAX_REMEMBERED: Final = 10_000
MAX_HEADER: Final = 8192

Proof = tuple[int, int]
"""The account and the credential that was shown; 0: none of ours."""


class Guard:
    """Lets requests in, or raises RequestError."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._key = secrets.token_bytes(32)
        self._remembered: OrderedDict[bytes, tuple[Proof, int]] = OrderedDict()

    async def admit(self, request: Request) -> Caller:
        """Whose request this is."""
        address = request.client.host if request.client else ""
        if request.headers.get("sec-fetch-site", "same-origin") == "cross-site":
            raise RequestError("", "the request comes from a page of another site", status=403)
        if reason := self._services.login.unwelcome(address):
            raise RequestError("", f"not from there: {reason}; see: postroom ban list", status=403)
        peer = Peer(session=secrets.token_hex(4), address=address, port=0, door=DOOR)
        header = request.headers.get("authorization", "")
        caller = await self._recalled(header, peer) or await self._shown(header, peer)
        become(Actor("person", caller.person.address, address))
        return caller

    async def still(self, caller: Caller) -> Caller | None:
        """The same caller as of now; None when they may be here no longer."""
        return await self._caller(
            (caller.person.account_id, caller.person.credential_id), caller.peer
        )

    async def _recalled(self, header: str, peer: Peer) -> Caller | None:
        digest, now = self._digest(header, peer), self._services.office.now()
        proof, until = self._remembered.get(digest, ((0, 0), 0))
        if not until - REMEMBERED_MS <= now < until:
            return None
        found = await self._caller(proof, peer)
        if found is None:
            self._remembered.pop(digest, None)
        return found

    async def _shown(self, header: str, peer: Peer) -> Caller:
        scheme, _, given = header.partition(" ")
        if len(header) > MAX_HEADER:
            raise self._unknown("the field Authorization is too long")
        try:
            if scheme.lower() == "basic":
                identity, lasts = await self._with_password(given.strip(), peer), REMEMBERED_MS
            elif scheme.lower() == "bearer" and self._takes_tokens:
                identity, lasts = await self._with_token(given.strip(), peer), TOKEN_REMEMBERED_MS
            else:
                raise self._unknown("log in with an address and a password")
        except LoginRefused as error:
            raise self._unknown(f"{error.text}; an app password must be for imap") from None
        except MailError as error:
            raise RequestError("", error.text, status=503, Retry_After="30") from None
        proof = (identity.account_id, identity.credential_id)
        found = await self._caller(proof, peer)
        if found is None:  # it ended at this moment
            raise self._unknown(LoginRefused.text)
        with suppress(MailError):  # a full disk must not lock anyone out
            await self._services.office.store.furnish(identity.account_id)
        self._remember(self._digest(header, peer), proof, lasts)
        return found

    async def _with_password(self, given: str, peer: Peer) -> Identity:
        try:
            pair = base64.b64decode(given, validate=True).decode()
        except ValueError:
            raise self._unknown("the field Authorization can't be read (RFC 7617)") from None
        name, colon, password = pair.partition(":")
        if not colon:
            raise self._unknown("the field Authorization can't be read (RFC 7617)")
        return await self._services.login.password(name, password, scope=SCOPE, peer=peer)

    async def _with_token(self, token: str, peer: Peer) -> Identity:
        login = self._services.login
        found = await login.token("", token, peer=peer)
        if found is None:
            await login.failed(
                "", peer=peer, mechanism="OAUTHBEARER", reason="the token is not good"
            )
            raise LoginRefused
        return found

    async def _caller(self, proof: Proof, peer: Peer) -> Caller | None:
        """Who has shown this, with what it opens now; None when it is not this door."""
        account_id, credential_id = proof
        ring = await self._services.office.directory.look(
            lambda tx: credentials.keyring_of(tx, account_id)
        )
        if ring is None or not ring.may_login:
            return None
        scopes = _scopes(ring, credential_id)
        if SCOPE not in scopes:
            return None
        person = Identity(account_id, ring.address, ring.name, ring.is_admin, credential_id)
        return Caller(person, peer, scopes)

    @property
    def _takes_tokens(self) -> bool:
        return WITH_TOKEN[0] in self._services.login.mechanisms()

    def _unknown(self, why: str) -> RequestError:
        ways = ['Basic realm="postroom", charset="UTF-8"']
        if self._takes_tokens:
            ways.append('Bearer realm="postroom"')
        return RequestError("", why, status=401, WWW_Authenticate=", ".join(ways))

    def _digest(self, header: str, peer: Peer) -> bytes:
        text = f"{network_of(peer.address)}\n{header}"
        return hmac.digest(self._key, text.encode("utf-8", "surrogateescape"), hashlib.sha256)

    def _remember(self, digest: bytes, proof: Proof, lasts: int) -> None:
        self._remembered[digest] = (proof, self._services.office.now() + lasts)
        while len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)


def _scopes(ring: Keyring, credential_id: int) -> frozenset[str]:
    """The doors that a credential opens now; of one that is none of ours, all for people."""
    if credential_id == 0:
        return APP_SCOPES
    known = (*ring.credentials, OUTSIDE)
    shown = next((one for one in known if one.id == credential_id), None)
    return frozenset(one for one in APP_SCOPES if shown and ring.allows(shown, one))
