from pathlib import Path

import msgspec

from postroom.admin.office import Office
from postroom.config.ldap import Ldap
from postroom.config.model import Limits
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import CONFIG, Browser, tell

CHANGED = msgspec.structs.replace(
    CONFIG, limits=Limits(max_recipients=777), ldap=Ldap(url="ldaps://me:s3cret@<b>.test")
)


def test_settings_are_shown_and_searched(database: Opener, data: Path) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        await browser.get("/admin/settings")
        assert "max_recipients 777 changed 1000 Recipients of one message" in browser.text
        assert '"ldaps://me@<b>.test" changed' in browser.text
        assert "s3cret" not in browser.page
        assert "limits.max_recipients 777" in browser.text
        assert "[[listen]] 3" in browser.text
        opened = browser.page.count('<details class="topic" open>')
        assert 0 < opened < browser.page.count('<details class="topic"')
        assert "`" not in browser.text
        await browser.get("/admin/settings?q=rEcipients+one+message")
        assert "max_recipients" in browser.text
        assert "1 of these differs" in browser.text
        assert "ldaps" not in browser.page
        assert '<details class="topic">' not in browser.page
        await browser.get("/admin/settings?all")
        assert '<details class="topic">' not in browser.page
        await browser.get("/admin/settings?q=%3Cnothing")
        assert "No setting has that" in browser.text
        assert 'value="&lt;nothing"' in browser.page

    tell(database, data, story, config=CHANGED)
