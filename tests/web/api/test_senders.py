"""Block and allow lists through the API."""

from pathlib import Path

from tests.conftest import Opener
from tests.web.api.program import BOB, Program, tell


def test_lists(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        path = f"/accounts/{BOB}/senders"
        put = await call.does("POST", f"{path}/block", {"senders": ["spam.test", "*.x.test"]})
        assert sorted(put["senders"]) == ["*.x.test", "spam.test"]
        moved = await call.does("POST", f"{path}/allow", {"senders": ["spam.test"]})
        assert moved["senders"] == ["spam.test"]
        assert (await call.does("GET", f"{path}/block"))["senders"] == ["*.x.test"]
        left = await call.does("POST", f"{path}/block/remove", {"senders": ["*.x.test"]})
        assert left["senders"] == []
        assert (await call("GET", f"{path}/grey")).kind == "not-found"

    tell(database, data, story)
