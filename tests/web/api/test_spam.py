"""The spam filter through the API."""

from pathlib import Path

from tests.conftest import Opener
from tests.web.api.program import BOB, Program, tell

WHOLE = {"content-type": "message/rfc822"}
LETTER = b"From: a@x.test\r\nSubject: Cheap\r\n\r\nBuy now.\r\n"


def test_it_is_taught(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        taught = await call("POST", "/spam/train?kind=spam", raw=LETTER, headers=WHOLE)
        assert (taught.status, taught.body["spam"], taught.body["learned"]) == (200, 1, 1)
        path = f"/accounts/{BOB}/spam"
        mine = await call("POST", f"{path}/train?kind=ham", raw=LETTER, headers=WHOLE)
        assert (mine.body["ham"], mine.body["address"]) == (1, BOB)
        for one in (await call.does("GET", "/spam"), await call.does("GET", path)):
            assert one["spam"] + one["ham"] + one["waiting"] >= 1
        assert (await call.does("PUT", f"{path}/level", {"level": "off"}))["level"] == "off"
        assert (await call("POST", "/spam/train?kind=x", raw=LETTER, headers=WHOLE)).status == 422
        assert (await call("POST", "/spam/train?kind=ham", {})).kind == "media-type"

    tell(database, data, story)
