"""The mechanisms on offer and what they have in common.

    mechanism = start("PLAIN", nonce=nonce)
    step = mechanism.step(initial response or None)
    Challenge    -> send it, step(response)
    AskPassword  -> test the password, answer(identity or None)
    AskScram     -> look the keys up, keys(salt, iterations, candidates)
    AskToken     -> ask whose it is, answer(identity or None)
    AskExternal  -> look at the certificate, answer(identity or None)
    Granted, Denied: the end

A mechanism never raises: what makes no sense is ``Denied``. RFC 4422.
"""

from collections.abc import Sequence
from typing import Final, Protocol

from postroom.protocol.sasl.external import External
from postroom.protocol.sasl.login import Login
from postroom.protocol.sasl.oauth import OAuth
from postroom.protocol.sasl.plain import Plain
from postroom.protocol.sasl.scram import ScramSha256
from postroom.protocol.sasl.steps import ScramKey, Step

MECHANISMS: Final = ("SCRAM-SHA-256", "PLAIN", "LOGIN")  # always on offer
WITH_TOKEN: Final = ("OAUTHBEARER", "XOAUTH2")  # where tokens can be verified
WITH_CERTIFICATE: Final = ("EXTERNAL",)  # where the client has shown one
MAX_RESPONSE: Final = 12_288  # octets of a base64 line, RFC 4954 §4


class Mechanism(Protocol):
    """One exchange, server side."""

    def step(self, response: bytes | None) -> Step:
        """Take the client's response; None: it sent no initial response."""

    def answer(self, identity: object | None) -> Step:
        """Answer a question: who it is, None when what was shown is wrong."""

    def keys(self, salt: bytes, iterations: int, candidates: Sequence[ScramKey]) -> Step:
        """Answer AskScram; no candidates: nobody has that name."""


def start(name: str, *, nonce: str) -> Mechanism | None:
    """The mechanism of that name; ``nonce`` is fresh printable ASCII without comma."""
    match name.upper():
        case "SCRAM-SHA-256":
            return ScramSha256(nonce)
        case "PLAIN":
            return Plain()
        case "LOGIN":
            return Login()
        case "OAUTHBEARER" | "XOAUTH2":
            return OAuth(is_standard=name.upper() == "OAUTHBEARER")
        case "EXTERNAL":
            return External()
        case _:
            return None
