"""A provider of OpenID Connect on loopback, honest or not: HTTPS, codes, keys and tokens.

It signs by hand, so that the library of the server is not its own judge.
"""

import base64
import contextlib
import hashlib
import hmac
import json
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests import certificates
from tests.net.web import NAME

CLIENT, SECRET = "post room", "s:cret"


class Provider:
    """``claims`` change those of the next token; ``metadata`` what it says of itself."""

    def __init__(self, clock: Callable[[], int], port: int) -> None:
        self.issuer = f"https://{NAME}:{port}"
        self.algorithm = "RS256"
        self.claims: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.status = 200
        self.wrong_signature = False
        self.asked: list[str] = []
        self._clock = clock
        self._codes: dict[str, dict[str, str]] = {}
        self.rotate()

    def rotate(self, name: str = "k1") -> None:
        """New keys."""
        self.kid = name
        self._rsa = rsa.generate_private_key(65537, 2048)
        self._ec = ec.generate_private_key(ec.SECP256R1())

    def authorize(self, url: str, email: str) -> dict[str, str]:
        """Somebody logs in at the page that the browser was sent to; the answer to carry back."""
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        assert {"openid", "email"} <= set(query["scope"].split())
        code = f"code-{len(self._codes)}"
        self._codes[code] = query | {"email": email}
        return {"code": code, "state": query["state"], "iss": self.issuer}

    def said(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "end_session_endpoint": f"{self.issuer}/logout",
            **self.metadata,
        }

    def keys(self) -> dict[str, Any]:
        public, point = self._rsa.public_key().public_numbers(), self._ec.public_key()
        numbers = point.public_numbers()
        return {
            "keys": [
                {"kty": "RSA", "kid": f"{self.kid}-rsa", "n": _int(public.n), "e": _int(public.e)},
                {
                    "kty": "EC", "crv": "P-256", "kid": f"{self.kid}-ec",
                    "x": text(numbers.x.to_bytes(32, "big")),
                    "y": text(numbers.y.to_bytes(32, "big")),
                },
                {"kty": "of tomorrow", "kid": "x"},
            ]
        }  # fmt: skip

    def redeem(self, fields: dict[str, str], authorization: str) -> dict[str, Any] | None:
        """A token for a code, once, to who began with it."""
        begun = self._codes.pop(fields.get("code", ""), None)
        pair = "+".join(CLIENT.split()) + ":" + urllib.parse.quote(SECRET)
        wanted = "Basic " + base64.b64encode(pair.encode()).decode()
        challenge = text(hashlib.sha256(fields.get("code_verifier", "").encode()).digest())
        if (
            begun is None
            or authorization != wanted
            or fields.get("grant_type") != "authorization_code"
            or fields.get("redirect_uri") != begun["redirect_uri"]
            or challenge != begun["code_challenge"]
        ):
            return None
        now = self._clock() // 1000
        claims = {
            "iss": self.issuer, "sub": "1", "aud": CLIENT, "iat": now, "exp": now + 300,
            "nonce": begun["nonce"], "email": begun["email"], "email_verified": True,
        }  # fmt: skip
        return {"access_token": "x", "token_type": "Bearer", "id_token": self.token(claims)}

    def token(self, claims: dict[str, Any]) -> str:
        whole = {name: value for name, value in (claims | self.claims).items() if value != "-"}
        kid = f"{self.kid}-{'ec' if self.algorithm == 'ES256' else 'rsa'}"
        header = {"alg": self.algorithm, "kid": kid, **self.header}
        signed = ".".join(text(json.dumps(one).encode()) for one in (header, whole))
        signature = self._sign(signed.encode())
        if self.wrong_signature:
            signature = signature[:-1] + bytes([signature[-1] ^ 1])
        return f"{signed}.{text(signature)}"

    def _sign(self, octets: bytes) -> bytes:
        if self.algorithm == "ES256":
            r, s = decode_dss_signature(self._ec.sign(octets, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        if self.algorithm == "RS256":
            return self._rsa.sign(octets, padding.PKCS1v15(), hashes.SHA256())
        if self.algorithm == "HS256":
            return hmac.digest(SECRET.encode(), octets, "sha256")
        return b""


@contextlib.contextmanager
def serving(clock: Callable[[], int]) -> Iterator[Provider]:
    """A provider in a thread, on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers = {"/.well-known/openid-configuration": provider.said, "/keys": provider.keys}
            found = answers.get(self.path)
            self._answer(found() if found else None)

        def do_POST(self) -> None:
            octets = self.rfile.read(int(self.headers["Content-Length"]))
            fields = dict(urllib.parse.parse_qsl(octets.decode()))
            self._answer(provider.redeem(fields, self.headers.get("Authorization", "")))

        def _answer(self, said: dict[str, Any] | None) -> None:
            provider.asked.append(self.path)
            octets = json.dumps(said or {"error": "invalid_grant"}).encode()
            self.send_response(400 if said is None else provider.status)
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = Provider(clock, server.server_address[1])
    server.socket = certificates.server(NAME).wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def text(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _int(number: int) -> str:
    return text(number.to_bytes((number.bit_length() + 7) // 8, "big"))
