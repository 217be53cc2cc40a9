"""The child process that speaks to a certificate authority: ``python -m postroom.net.acme_child``.

It alone imports the libraries for that (they weigh 30 MB), and ends with the certificate. One
line of JSON comes in (``Order``); lines of JSON go out (``Said``). After the line ``ready`` it
waits for a line of any kind: by then the answers to the challenges must be where the authority
looks for them.

RFC 8555; RFC 9773 (when to renew).
"""

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal

import msgspec

if TYPE_CHECKING:
    import requests
    from acme import client, messages

SECONDS: Final = 180  # for all validations and for the certificate
NONCES: Final = 10  # a request is repeated so often when its nonce is refused
USER_AGENT: Final = "Postroom"


Challenge = Literal["http-01", "tls-alpn-01", "dns-01"]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted. Keys and chains are PEM.

    ``account`` is the URL of the account that belongs to ``account_key``, "" to make one (which
    accepts the authority's terms). ``key`` is that of the certificate, for all ``names``.
    ``challenge`` is how each name is proven.
    With ``present``, a certificate that is there, only the time for its renewal is asked for.
    ``trust`` is the path of the authorities that vouch for the directory, "" for the usual.
    """

    directory: str
    account_key: str
    account: str = ""
    contact: str = ""
    key: str = ""
    names: tuple[str, ...] = ()
    challenge: Challenge = "http-01"
    present: str = ""
    trust: str = ""


class Said(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the child.

    account: ``value`` is its URL. challenge: for ``name``, at ``token`` must stand ``value`` (the
    key authorization, of dns-01 the text of the record).
    certificate: ``value`` is the chain. renewal: ``value`` is when, in ISO 8601, or "". failed:
    ``value`` is the reason, ``retry_after`` in seconds if the authority names it.
    """

    kind: Literal["account", "challenge", "ready", "certificate", "renewal", "failed"]
    value: str = ""
    name: str = ""
    token: str = ""
    retry_after: int = 0


Say = Callable[[Said], None]


def main(read: BinaryIO, write: BinaryIO) -> int:
    """Carry out one order; 0 when it was done."""

    def say(said: Said) -> None:
        write.write(msgspec.json.encode(said) + b"\n")
        write.flush()

    try:
        order = msgspec.json.decode(read.readline(), type=Order)
    except msgspec.DecodeError as error:
        say(Said(kind="failed", value=f"no order came: {error}"))
        return 1
    try:
        _carry_out(order, say, read)
    except Exception as error:  # noqa: BLE001  (whatever it is, the parent must be told)
        say(Said(kind="failed", value=_reason(error), retry_after=_retry_after(error)))
        return 1
    return 0


def _carry_out(order: Order, say: Say, read: BinaryIO) -> None:
    _know_tls_alpn()
    authority = _client(order)
    if order.present:
        _tell_renewal(authority, order, say)
        return
    _log_in(authority, order, say)
    _issue(authority, order, say, read)


def _client(order: Order) -> "client.ClientV2":
    from acme import client, messages
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from josepy.jwa import ES256
    from josepy.jwk import JWKEC

    class Network(client.ClientNetwork):
        """Repeats what was refused for its nonce alone (RFC 8555 §6.5)."""

        def post(self, *arguments: Any, **options: Any) -> "requests.Response":
            for _ in range(NONCES - 1):
                try:
                    return super().post(*arguments, **options)
                except messages.Error as error:
                    if error.code != "badNonce":
                        raise
            return super().post(*arguments, **options)

    key = JWKEC(key=load_pem_private_key(order.account_key.encode(), None))
    network = Network(
        key,
        alg=ES256,
        verify_ssl=order.trust or True,  # type: ignore[arg-type]  # requests takes a path as well
        user_agent=USER_AGENT,
    )
    return client.ClientV2(client.ClientV2.get_directory(order.directory, network), network)


def _log_in(authority: "client.ClientV2", order: Order, say: Say) -> None:
    from acme import errors, messages

    url = order.account
    if not url:
        wanted = messages.NewRegistration.from_data(
            email=order.contact or None, terms_of_service_agreed=True
        )
        try:
            url = authority.new_account(wanted).uri
        except errors.ConflictError as error:  # the key has an account already
            url = error.location
        say(Said(kind="account", value=url))
    authority.net.account = messages.RegistrationResource(uri=url, body=messages.Registration())


def _issue(authority: "client.ClientV2", order: Order, say: Say, read: BinaryIO) -> None:
    from acme import crypto_util

    request = crypto_util.make_csr(order.key.encode(), list(order.names))
    wanted = authority.new_order(request)
    chosen = []
    for authorization in wanted.authorizations:
        if authorization.body.status.name == "valid":
            continue
        challenge = _challenge(authorization, order.challenge)
        response, value = challenge.response_and_validation(authority.net.key)
        chosen.append((challenge, response))
        say(
            Said(
                kind="challenge",
                name=authorization.body.identifier.value,
                token=challenge.chall.encode("token"),
                value=value,
            )
        )
    say(Said(kind="ready"))
    read.readline()
    for challenge, response in chosen:
        authority.answer_challenge(challenge, response)
    deadline = datetime.now() + timedelta(seconds=SECONDS)  # noqa: DTZ005  as the library wants it
    finished = authority.poll_and_finalize(wanted, deadline)
    say(Said(kind="certificate", value=finished.fullchain_pem))


def _challenge(
    authorization: "messages.AuthorizationResource", wanted: Challenge
) -> "messages.ChallengeBody":
    for one in authorization.body.challenges:
        if one.chall.typ == wanted:
            return one
    raise ValueError(
        f"the authority does not offer {wanted} for {authorization.body.identifier.value}"
    )


def _know_tls_alpn() -> None:
    """Teach the library RFC 8737, which it has forgotten: the answer is the key authorization."""
    from acme import challenges

    @challenges.ChallengeResponse.register
    class Response(challenges.KeyAuthorizationChallengeResponse):
        typ = "tls-alpn-01"

    @challenges.Challenge.register
    class TlsAlpn(challenges.KeyAuthorizationChallenge):
        response_cls = Response
        typ = response_cls.typ

        def validation(self, account_key: Any, **_: Any) -> str:
            return self.key_authorization(account_key)


def _tell_renewal(authority: "client.ClientV2", order: Order, say: Say) -> None:
    moment, _ = authority.renewal_time(order.present.encode())
    told = "" if moment is None else moment.astimezone(UTC).isoformat()
    say(Said(kind="renewal", value=told))


def _reason(error: Exception) -> str:
    """What went wrong, in one line; of a refused validation what the authority saw."""
    from acme import errors

    if isinstance(error, errors.ValidationError):
        seen = [
            f"{one.body.identifier.value}: {challenge.error.detail}"
            for one in error.failed_authzrs
            for challenge in one.body.challenges
            if challenge.error is not None
        ]
        return "; ".join(seen) or "a name could not be validated"
    return str(error) or type(error).__name__


def _retry_after(error: Exception) -> int:
    response = getattr(error, "response", None)
    text = "" if response is None else response.headers.get("Retry-After", "")
    return int(text) if text.isascii() and text.isdigit() else 0


if __name__ == "__main__":
    sys.exit(main(sys.stdin.buffer, sys.stdout.buffer))
