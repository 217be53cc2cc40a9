"""Passwords through the API."""

from pathlib import Path

from tests.admin.bureau import logs_in
from tests.conftest import Opener
from tests.web.api.program import BOB, PASSWORD, Program, tell


def test_passwords_are_set_and_made(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        path = f"/accounts/{BOB}"
        made = (await call.does("PUT", f"{path}/password", {}))["password"]
        assert await logs_in(call.office, BOB, made)
        assert not await logs_in(call.office, BOB, PASSWORD)
        told = await call.does("PUT", f"{path}/password", {"password": PASSWORD})
        assert told == {"password": "", "warning": ""}
        weak = await call.does("PUT", f"{path}/password", {"password": "Password1!"})
        assert weak["warning"] == "it is one of those that everybody tries first"
        await call.does("PUT", f"{path}/password", {"password": PASSWORD})
        assert await logs_in(call.office, BOB, PASSWORD)
        app = await call.does(
            "POST", f"{path}/app-passwords", {"label": "phone", "scopes": ["imap"]}
        )
        assert await logs_in(call.office, BOB, app["password"])
        assert not await logs_in(call.office, BOB, app["password"], "smtp")
        (listed,) = await call.does("GET", f"{path}/app-passwords")
        assert (listed["label"], listed["scopes"]) == ("phone", ["imap"])
        assert app["password"] not in str(listed)
        gone = await call("DELETE", f"{path}/app-passwords/phone")
        assert (gone.status, gone.body) == (204, None)
        assert not await logs_in(call.office, BOB, app["password"])
        assert (await call("DELETE", f"{path}/app-passwords/phone")).kind == "not-found"

    tell(database, data, story)
