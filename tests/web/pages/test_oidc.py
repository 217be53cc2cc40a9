"""There and back again: somebody else's login page opens the account of a verified address."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlencode

import msgspec
import pytest

from postroom.admin import accounts
from postroom.admin.office import Office
from postroom.config.model import Config
from postroom.config.oidc import Oidc
from tests.certificates import AUTHORITY
from tests.conftest import Opener
from tests.fakes import Clock
from tests.net.web import NAME
from tests.web.asking import Said
from tests.web.browser import ADMIN, CONFIG, PERSON, Browser, tell
from tests.web.provider import CLIENT, SECRET, Provider, serving

Story = Callable[[Browser, Office, Clock, Provider], Awaitable[None]]


def with_provider(database: Opener, data: Path, story: Story) -> None:
    """Nobody is logged in; the provider's time is that of the server."""
    secret, authority = data / "secret", data / "ca.pem"
    secret.write_text(SECRET)
    AUTHORITY.cert_pem.write_to_path(str(authority))
    clocks = [Clock()]

    def now() -> int:
        return clocks[-1]()

    with serving(now) as theirs:
        config: Config = msgspec.structs.replace(
            CONFIG,
            oidc=Oidc(
                issuer=theirs.issuer, client_id=CLIENT, client_secret_file=str(secret),
                label="Work <b>", ca_file=str(authority),
            ),
        )  # fmt: skip

        async def inside(browser: Browser, office: Office, clock: Clock) -> None:
            clocks.append(clock)
            await story(browser, office, clock, theirs)

        tell(
            database, data, inside, logged_in="", config=config,
            names={(NAME, "A"): ["127.0.0.1"]},
        )  # fmt: skip


async def back(browser: Browser, theirs: Provider, email: str, **changed: str) -> Said:
    there = await browser.get("/oidc/login")
    assert there.status == 303
    answer = theirs.authorize(there.headers["location"], email) | changed
    return await browser.get(f"/oidc/callback?{urlencode(answer)}")


def test_there_and_back_and_out(database: Opener, data: Path) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock, theirs: Provider) -> None:
        await browser.get("/")
        assert "Log in with Work <b>" in browser.text
        there = await browser.get("/oidc/login")
        (cookie,) = there.cookies
        assert {"HttpOnly", "SameSite=lax", "Secure", "Path=/oidc"} <= set(cookie.split("; "))
        assert there.headers["location"].startswith(f"{theirs.issuer}/authorize?")
        said = await back(browser, theirs, PERSON.upper())
        assert said.status == 200  # a page: the session's cookie is for our own site only
        assert 'content="0; url=/mail"' in browser.page
        assert (await browser.get("/me")).status == 200
        await browser.get("/me/security")
        assert "oidc" in browser.text
        said = await browser.post("/logout", {})
        assert "log out there as well" in browser.text
        assert f"{theirs.issuer}/logout?" in browser.page
        assert (await browser.get("/me")).status == 303
        said = await back(browser, theirs, ADMIN)
        assert 'content="0; url=/admin"' in browser.page

    with_provider(database, data, story)


def test_nobody_gets_in_otherwise(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, clock: Clock, theirs: Provider) -> None:
        for email in ("nobody@demo.test", "", "x"):
            assert (await back(browser, theirs, email)).status == 403
        for changed in ({"state": "x"}, {"iss": "https://evil.test"}, {"error": "access_denied"}):
            assert (await back(browser, theirs, PERSON, **changed)).status == 403
        theirs.claims = {"email_verified": False}
        assert (await back(browser, theirs, PERSON)).status == 403
        theirs.claims = {}
        # An answer that another browser began with, one that comes twice, one that comes late.
        other = browser.another()
        there = await other.get("/oidc/login")
        answer = urlencode(theirs.authorize(there.headers["location"], PERSON))
        browser.jar.clear()
        assert (await browser.get(f"/oidc/callback?{answer}")).status == 403
        assert (await other.get(f"/oidc/callback?{answer}&state=x")).status == 403
        kept = dict(other.jar)
        assert (await other.get(f"/oidc/callback?{answer}")).status == 200
        again = browser.another()
        again.jar = kept
        fresh = theirs.authorize(there.headers["location"], PERSON)
        assert (await again.get(f"/oidc/callback?{urlencode(fresh)}")).status == 403
        there = await browser.get("/oidc/login")
        answer = urlencode(theirs.authorize(there.headers["location"], PERSON))
        clock.advance(seconds=301)
        assert (await browser.get(f"/oidc/callback?{answer}")).status == 403
        await accounts.change(office, PERSON, disabled=True)
        assert (await back(browser, theirs, PERSON)).status == 403
        assert browser.cookie == ""

    with_provider(database, data, story)


def test_a_provider_that_is_down_is_told(database: Opener, data: Path) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock, theirs: Provider) -> None:
        theirs.status = 500
        assert (await browser.get("/oidc/login")).status == 503
        assert "does not answer" in browser.text
        theirs.status = 200
        there = await browser.get("/oidc/login")
        answer = theirs.authorize(there.headers["location"], PERSON)
        theirs.status = 500
        assert (await browser.get(f"/oidc/callback?{urlencode(answer)}")).status == 503

    with_provider(database, data, story)


@pytest.mark.parametrize("path", ["/oidc/login", "/oidc/callback?code=x&state=y"])
def test_without_a_provider_there_is_nothing(database: Opener, data: Path, path: str) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        assert (await browser.get(path)).status == 404
        await browser.get("/")
        assert 'href="/oidc/login"' not in browser.page

    tell(database, data, story, logged_in="")
