"""The other side of a login with OpenID Connect: what is asked of the provider and believed.

Authorization code with PKCE (S256), state and nonce. The ID token is believed when it is signed
with a key of the provider's key set, in one of three ways (``none`` and shared secrets are not
among them), when it was made by this issuer, for us, for this very login, and is not over. What
the provider publishes about itself is fetched as everything else is (``net.fetch``), and kept for
an hour; an unknown key has the key set fetched anew, once a minute at most.

Needs the extra ``oidc``. OpenID Connect Core 1.0 §3.1, Discovery 1.0 §4, RFC 7636, RFC 9207,
RFC 9700 §4.4 (mix-up).
"""

import asyncio
import base64
import hashlib
import hmac
import importlib.util
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeGuard
from urllib.parse import quote_plus, urlencode, urlsplit

import msgspec

from postroom.config.files import content
from postroom.config.oidc import Oidc
from postroom.errors import ConfigurationError, Temporary
from postroom.net.addresses import EVERYWHERE
from postroom.net.fetch import Fetched, FetchFailed, Names, Rules, get, post

SECONDS: Final = 5.0
KEPT_MS: Final = 3_600_000
AGAIN_MS: Final = 60_000
LEEWAY: Final = 60  # seconds that clocks may differ
MOST_AT_ONCE: Final = 16
ALGORITHMS: Final = ("RS256", "PS256", "ES256")
SCOPE: Final = "openid email"


class ProviderDown(Temporary):
    """The provider gives no answer that could be used."""

    text = "The login page of the provider does not answer, please try again later"


class NotProved(Exception):
    """What came back proves nothing; the message says why, for the log."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Who the provider is and who we are there; see ``config.oidc.Oidc``."""

    issuer: str
    client_id: str
    client_secret: str
    label: str = ""
    claim: str = "email"
    verified: bool = True
    authorities: str | None = None  # PEM

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Source({self.issuer!r})"


class Begun(msgspec.Struct, frozen=True):
    """A login that the browser is on its way with."""

    state: str
    nonce: str
    verifier: str
    redirect: str


class Metadata(msgspec.Struct, frozen=True):
    """What the provider says of itself (Discovery 1.0 §3, RFC 9207 §3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


def source_of(oidc: Oidc) -> Source | None:
    """The source that the settings name, its files read; raises ConfigurationError."""
    if oidc.issuer is None or oidc.client_secret_file is None:
        return None
    if importlib.util.find_spec("joserfc") is None:
        raise ConfigurationError(
            "oidc.issuer: the library is not installed; run: pip install 'postroom[oidc]'"
        )
    return Source(
        issuer=oidc.issuer,
        client_id=oidc.client_id,
        client_secret=content("oidc.client_secret_file", oidc.client_secret_file).strip(),
        label=oidc.label or urlsplit(oidc.issuer).hostname or "",
        claim=oidc.claim,
        verified=oidc.verified,
        authorities=content("oidc.ca_file", oidc.ca_file) if oidc.ca_file else None,
    )


class Provider:
    """One provider. ``clock`` is UTC milliseconds."""

    def __init__(self, source: Source, resolver: Names, clock: Callable[[], int]) -> None:
        self.source = source
        self._resolver = resolver
        self._clock = clock
        self._metadata: tuple[Metadata, int] | None = None  # and until when
        self._keys: tuple[dict[str, Any], int] | None = None  # and since when
        self._slots = asyncio.Semaphore(MOST_AT_ONCE)

    async def begin(self, redirect: str) -> tuple[str, Begun]:
        """Where to send the browser, and what to remember; raises ProviderDown."""
        metadata = await self.metadata()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        begun = Begun(state, nonce, verifier, redirect)
        challenge = _base64(hashlib.sha256(begun.verifier.encode()).digest())
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self.source.client_id,
                "redirect_uri": redirect,
                "scope": SCOPE,
                "state": begun.state,
                "nonce": begun.nonce,
                "code_challenge": challenge,
                "code_challenge_method": "S256",
            }
        )
        return _with(metadata.authorization_endpoint, query), begun

    async def finish(self, begun: Begun, answer: Mapping[str, str]) -> str:
        """The address of who has logged in there; raises NotProved, ProviderDown.

        ``answer`` is the query that the browser came back with.
        """
        if not hmac.compare_digest(answer.get("state", "").encode(), begun.state.encode()):
            raise NotProved("the state is of another login")
        metadata = await self.metadata()
        issuer = answer.get("iss")
        if issuer is None and metadata.authorization_response_iss_parameter_supported:
            raise NotProved("the answer does not say whose it is")
        if issuer is not None and issuer != self.source.issuer:
            raise NotProved(f"the answer is of {issuer[:200]}")
        if "error" in answer:
            raise NotProved(f"the provider says {answer['error'][:200]}")
        if not answer.get("code"):
            raise NotProved("there is no code")
        async with self._slots:
            token = await self._redeem(metadata, begun, answer["code"])
            claims = await self._verified(metadata, token)
        self._judge(claims, begun)
        return self._address(claims)

    async def farewell(self, back: str) -> str:
        """Where somebody can log out of the provider as well; "" where that can't be told.

        ``back`` is where they may come back to (RP-Initiated Logout 1.0 §2).
        """
        try:
            endpoint = (await self.metadata()).end_session_endpoint
        except ProviderDown:
            return ""
        if not endpoint.startswith("https://"):
            return ""
        client = self.source.client_id
        return _with(endpoint, urlencode({"client_id": client, "post_logout_redirect_uri": back}))

    async def metadata(self) -> Metadata:
        """What the provider says of itself; raises ProviderDown."""
        now = self._clock()
        if self._metadata is not None and now < self._metadata[1]:
            return self._metadata[0]
        url = self.source.issuer.rstrip("/") + "/.well-known/openid-configuration"
        answer = await self._get(url)
        try:
            found = msgspec.json.decode(answer.body, type=Metadata)
        except msgspec.DecodeError as error:
            raise ProviderDown(detail=f"{url}: {error}") from None
        if found.issuer != self.source.issuer:
            raise ProviderDown(detail=f"{url} is of {found.issuer[:200]}, another issuer")
        if not found.authorization_endpoint.startswith("https://"):
            raise ProviderDown(detail=f"{url}: its authorization_endpoint is no https address")
        self._metadata = found, now + KEPT_MS
        return found

    async def _redeem(self, metadata: Metadata, begun: Begun, code: str) -> str:
        """The ID token for a code."""
        source = self.source
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": begun.redirect,
            "code_verifier": begun.verifier,
        }
        authorization = ""
        if "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            pair = f"{quote_plus(source.client_id)}:{quote_plus(source.client_secret)}"
            authorization = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            fields |= {"client_id": source.client_id, "client_secret": source.client_secret}
        url = metadata.token_endpoint
        try:
            answer = await post(
                url, urlencode(fields).encode(), self._resolver, self._rules(url),
                content_type="application/x-www-form-urlencoded", authorization=authorization,
            )  # fmt: skip
        except FetchFailed as error:
            raise ProviderDown(detail=str(error)) from None
        if answer.status >= 500:
            raise ProviderDown(detail=f"{url} answers {answer.status}")
        token = _object(answer.body).get("id_token")
        if answer.status != 200 or not isinstance(token, str):
            raise NotProved(f"{url} gives no ID token, and status {answer.status}")
        return token

    async def _verified(self, metadata: Metadata, token: str) -> dict[str, Any]:
        """The claims of a token with a good signature."""
        from joserfc.errors import InvalidKeyIdError

        try:
            return _opened(token, await self._key_set(metadata, is_new=False))
        except InvalidKeyIdError:
            pass  # keys change
        try:
            return _opened(token, await self._key_set(metadata, is_new=True))
        except InvalidKeyIdError as error:
            raise NotProved(f"the ID token is signed with an unknown key: {error}") from None

    async def _key_set(self, metadata: Metadata, *, is_new: bool) -> dict[str, Any]:
        now, oldest = self._clock(), AGAIN_MS if is_new else KEPT_MS
        if self._keys is None or now - self._keys[1] >= oldest:
            answer = await self._get(metadata.jwks_uri)
            self._keys = _object(answer.body), now
        return self._keys[0]

    def _judge(self, claims: Mapping[str, Any], begun: Begun) -> None:
        """OpenID Connect Core §3.1.3.7."""
        now, ours = self._clock() / 1000, self.source.client_id
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        party, expires, issued = claims.get("azp"), claims.get("exp"), claims.get("iat")
        if claims.get("iss") != self.source.issuer:
            raise NotProved("the ID token is of another issuer")
        if ours not in audiences or (len(audiences) > 1 and party is None):
            raise NotProved("the ID token is for somebody else")
        if party is not None and party != ours:
            raise NotProved("the ID token was given to somebody else")
        if not _is_number(expires) or now >= expires + LEEWAY:
            raise NotProved("the ID token is over")
        if not _is_number(issued) or issued > now + LEEWAY:
            raise NotProved("the ID token is of the future")
        nonce = claims.get("nonce")
        if not isinstance(nonce, str) or not hmac.compare_digest(
            nonce.encode(errors="replace"), begun.nonce.encode()
        ):
            raise NotProved("the ID token is of another login")

    def _address(self, claims: Mapping[str, Any]) -> str:
        source = self.source
        address = claims.get(source.claim)
        if not isinstance(address, str) or not address:
            raise NotProved(f"the ID token has no {source.claim}")
        if source.claim == "email":
            verified = claims.get("email_verified")
            if verified is False or verified == "false":
                raise NotProved("the provider has not verified the address")
            if source.verified and verified is not True and verified != "true":
                raise NotProved("the provider does not say that it has verified the address")
        return address

    async def _get(self, url: str) -> Fetched:
        try:
            answer = await get(url, self._resolver, self._rules(url))
        except FetchFailed as error:
            raise ProviderDown(detail=str(error)) from None
        if answer.status != 200:
            raise ProviderDown(detail=f"{url} answers {answer.status}")
        return answer

    def _rules(self, url: str) -> Rules:
        try:
            port = urlsplit(url).port or 443
        except ValueError:
            port = 443
        return Rules(
            seconds=SECONDS,
            ports=(port,),
            allow_private=EVERYWHERE,  # the postmaster has named it
            authorities=self.source.authorities,
        )


def _opened(token: str, key_set: dict[str, Any]) -> dict[str, Any]:
    """The claims; raises NotProved, and InvalidKeyIdError for a key that is not in the set."""
    from joserfc import jwt
    from joserfc.errors import InvalidKeyIdError
    from joserfc.jwk import KeySet

    try:
        keys = KeySet.import_key_set(key_set)  # type: ignore[arg-type]
        return dict(jwt.decode(token, keys, algorithms=ALGORITHMS).claims)
    except InvalidKeyIdError:
        raise
    except Exception as error:  # noqa: BLE001  (what others send may be wrong in any way)
        raise NotProved(f"the ID token can't be believed: {error!r}"[:500]) from None


def _with(endpoint: str, query: str) -> str:
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"


def _object(octets: bytes) -> dict[str, Any]:
    """A JSON object; an empty one for anything else."""
    try:
        found = msgspec.json.decode(octets)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _base64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
