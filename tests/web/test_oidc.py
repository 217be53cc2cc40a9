"""What a provider answers is believed, or not."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from postroom.config.oidc import Oidc
from postroom.errors import ConfigurationError
from postroom.net.dns import Resolver
from postroom.web import oidc
from postroom.web.oidc import LEEWAY, Begun, NotProved, ProviderDown, Source, source_of
from rig.dns import DnsServer
from tests.certificates import AUTHORITY
from tests.fakes import Clock
from tests.net.web import NAME
from tests.web.provider import CLIENT, SECRET, Provider, serving

BOB = "bob@demo.test"
BACK = "https://mx.demo.test/oidc/callback"
Main = Callable[[oidc.Provider, Provider, Clock], Awaitable[None]]


def source(issuer: str, **more: Any) -> Source:
    return Source(
        issuer=issuer, client_id=CLIENT, client_secret=SECRET,
        authorities=AUTHORITY.cert_pem.bytes().decode(), **more,
    )  # fmt: skip


def asking(main: Main, **more: Any) -> None:
    async def run() -> None:
        clock = Clock()
        with serving(clock) as theirs:
            async with DnsServer({(NAME, "A"): ["127.0.0.1"]}) as server:
                resolver = Resolver([server.address])
                ours = oidc.Provider(source(theirs.issuer, **more), resolver, clock)
                await main(ours, theirs, clock)
                await resolver.close()

    asyncio.run(run())


async def logged_in(ours: oidc.Provider, theirs: Provider, **changed: str) -> str:
    """From our page to the provider and back; whose address is proved."""
    url, begun = await ours.begin(BACK)
    answer = theirs.authorize(url, BOB) | changed
    return await ours.finish(begun, {name: one for name, one in answer.items() if one != "-"})


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_an_address_is_proved(algorithm: str) -> None:
    async def main(ours: oidc.Provider, theirs: Provider, _clock: Clock) -> None:
        theirs.algorithm = algorithm
        assert await logged_in(ours, theirs) == BOB
        theirs.claims = {"aud": [CLIENT, "another"], "azp": CLIENT, "email_verified": "true"}
        assert await logged_in(ours, theirs, iss="-") == BOB
        assert theirs.asked.count("/keys") == 1
        assert theirs.asked.count("/.well-known/openid-configuration") == 1

    asking(main)


BAD: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.test"},
    "for somebody else": {"aud": "another"},
    "for several, unsaid for whom": {"aud": [CLIENT, "another"]},
    "given to somebody else": {"azp": "another"},
    "for nobody": {"aud": "-"},
    "without end": {"exp": "-"},
    "of no time": {"exp": "tomorrow"},
    "without a beginning": {"iat": "-"},
    "of another login": {"nonce": "another"},
    "of no login": {"nonce": "-"},
    "of a number": {"nonce": 7},
    "without an address": {"email": "-"},
    "with another address": {"email": ["bob@demo.test"]},
    "not verified": {"email_verified": False},
    "not verified, in words": {"email_verified": "false"},
    "not said to be verified": {"email_verified": "-"},
}


@pytest.mark.parametrize("claims", BAD.values(), ids=BAD)
def test_a_token_that_proves_nothing(claims: dict[str, Any]) -> None:
    async def main(ours: oidc.Provider, theirs: Provider, _clock: Clock) -> None:
        theirs.claims = claims
        with pytest.raises(NotProved):
            await logged_in(ours, theirs)
        theirs.claims = {}
        assert await logged_in(ours, theirs) == BOB

    asking(main)


def test_times_count_with_a_minute_of_leeway() -> None:
    async def main(ours: oidc.Provider, theirs: Provider, clock: Clock) -> None:
        now = clock() // 1000
        for claims, is_good in (
            ({"exp": now - LEEWAY + 1}, True),
            ({"exp": now - LEEWAY}, False),
            ({"iat": now + LEEWAY}, True),
            ({"iat": now + LEEWAY + 1}, False),
            ({"exp": True}, False),
        ):
            theirs.claims = claims
            if is_good:
                assert await logged_in(ours, theirs) == BOB
            else:
                with pytest.raises(NotProved):
                    await logged_in(ours, theirs)

    asking(main)


def test_signatures_that_are_none() -> None:
    async def main(ours: oidc.Provider, theirs: Provider, _clock: Clock) -> None:
        for algorithm in ("none", "NONE", "HS256", "RS1"):
            theirs.algorithm = algorithm
            with pytest.raises(NotProved):
                await logged_in(ours, theirs)
        theirs.algorithm = "RS256"
        theirs.wrong_signature = True
        with pytest.raises(NotProved):
            await logged_in(ours, theirs)
        theirs.wrong_signature = False
        for header in ({"alg": "ES256"}, {"kid": "k1-ec"}, {"alg": "none"}, {"crit": ["x"]}):
            theirs.header = header
            with pytest.raises(NotProved):
                await logged_in(ours, theirs)
        theirs.header = {}
        assert await logged_in(ours, theirs) == BOB

    asking(main)


def test_the_answer_must_be_of_this_login_and_this_provider() -> None:
    async def main(ours: oidc.Provider, theirs: Provider, clock: Clock) -> None:
        for changed in (
            {"state": "another"},
            {"state": ""},
            {"iss": "https://evil.test"},
            {"error": "access_denied"},
            {"code": "-"},
            {"code": "guessed"},
        ):
            with pytest.raises(NotProved):
                await logged_in(ours, theirs, **changed)
        url, begun = await ours.begin(BACK)
        answer = theirs.authorize(url, BOB)
        for field in ("verifier", "redirect", "nonce"):
            stolen = msgspec.structs.replace(begun, **{field: "another"})
            answer = theirs.authorize(url, BOB)
            with pytest.raises(NotProved):
                await ours.finish(stolen, answer)
        answer = theirs.authorize(url, BOB)
        assert await ours.finish(begun, answer) == BOB
        with pytest.raises(NotProved):  # the code is used up
            await ours.finish(begun, answer)
        clock.advance(seconds=3601)
        theirs.metadata = {"authorization_response_iss_parameter_supported": True}
        with pytest.raises(NotProved):
            await logged_in(ours, theirs, iss="-")
        assert await logged_in(ours, theirs) == BOB

    asking(main)


def test_keys_change_and_are_fetched_anew_at_most_once_a_minute() -> None:
    async def main(ours: oidc.Provider, theirs: Provider, clock: Clock) -> None:
        assert await logged_in(ours, theirs) == BOB
        theirs.rotate("k2")
        with pytest.raises(NotProved, match="unknown key"):
            await logged_in(ours, theirs)
        assert theirs.asked.count("/keys") == 1
        clock.advance(seconds=61)
        assert await logged_in(ours, theirs) == BOB
        assert theirs.asked.count("/keys") == 2

    asking(main)


def test_a_provider_that_fails_is_down() -> None:
    async def main(ours: oidc.Provider, theirs: Provider, _clock: Clock) -> None:
        theirs.metadata = {"issuer": "https://evil.test"}
        with pytest.raises(ProviderDown, match="another issuer"):
            await ours.begin(BACK)
        for said in ({"token_endpoint": 7}, {"authorization_endpoint": "http://evil.test/"}):
            theirs.metadata = said
            with pytest.raises(ProviderDown):
                await ours.begin(BACK)
        theirs.metadata, theirs.status = {}, 500
        with pytest.raises(ProviderDown):
            await ours.begin(BACK)
        theirs.status = 200
        url, begun = await ours.begin(BACK)
        theirs.status = 503
        with pytest.raises(ProviderDown):
            await ours.finish(begun, theirs.authorize(url, BOB))
        theirs.status = 200
        assert await logged_in(ours, theirs) == BOB

    asking(main)


def test_another_claim_is_an_address_as_it_is() -> None:
    async def main(ours: oidc.Provider, theirs: Provider, _clock: Clock) -> None:
        with pytest.raises(NotProved):
            await logged_in(ours, theirs)
        theirs.claims = {"upn": "ann@demo.test", "email_verified": False}
        assert await logged_in(ours, theirs) == "ann@demo.test"

    asking(main, claim="upn")


def test_a_provider_of_ones_own_need_not_say_that_it_has_verified() -> None:
    async def main(ours: oidc.Provider, theirs: Provider, _clock: Clock) -> None:
        theirs.claims = {"email_verified": "-"}
        assert await logged_in(ours, theirs) == BOB
        theirs.claims = {"email_verified": False}
        with pytest.raises(NotProved):
            await logged_in(ours, theirs)

    asking(main, verified=False)


def test_where_to_log_out() -> None:
    async def main(ours: oidc.Provider, theirs: Provider, clock: Clock) -> None:
        url = await ours.farewell("https://mx.demo.test/")
        assert url.startswith(f"{theirs.issuer}/logout?client_id=post+room&post_logout_")
        for endpoint in ("", "javascript:alert(1)"):
            clock.advance(seconds=3601)
            theirs.metadata = {"end_session_endpoint": endpoint}
            assert await ours.farewell("https://mx.demo.test/") == ""
        clock.advance(seconds=3601)
        theirs.status = 500
        assert await ours.farewell("https://mx.demo.test/") == ""

    asking(main)


def test_the_settings_name_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert source_of(Oidc()) is None
    secret = tmp_path / "secret"
    secret.write_text("s:cret\n")
    settings = Oidc(
        issuer="https://id.demo.test/realm", client_id="us", client_secret_file=str(secret)
    )
    found = source_of(settings)
    assert found is not None
    assert (found.client_secret, found.label) == ("s:cret", "id.demo.test")
    assert "cret" not in repr(found)
    named = source_of(msgspec.structs.replace(settings, label="Work"))
    assert named is not None
    assert named.label == "Work"
    secret.unlink()
    with pytest.raises(ConfigurationError, match="client_secret_file"):
        source_of(settings)
    monkeypatch.setitem(sys.modules, "joserfc", None)
    with pytest.raises(ConfigurationError, match=r"postroom\[oidc\]"):
        source_of(settings)


def test_what_is_remembered_fits_a_cookie() -> None:
    begun = Begun("s" * 43, "n" * 43, "v" * 43, BACK)
    assert len(msgspec.json.encode(begun)) < 1_000
