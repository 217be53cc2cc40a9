"""Masked addresses through the API."""

from pathlib import Path

from tests.conftest import Opener
from tests.web.api.program import BOB, Program, tell


def test_masks(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        path = f"/accounts/{BOB}/masks"
        made = [await call.does("POST", path, {"label": text}) for text in "abc"]
        first = await call.does("GET", f"{path}?limit=2")
        assert ([one["label"] for one in first["items"]], first["total"]) == (["c", "b"], 3)
        rest = await call.does("GET", f"{path}?limit=2&after={first['next']}")
        assert ([one["label"] for one in rest["items"]], rest["next"]) == (["a"], "")
        mask = made[0]["address"]
        assert not (await call.does("PATCH", f"/masks/{mask}", {"is_on": False}))["is_on"]
        await call.use("accounts:read", "accounts:write", account=BOB)
        await call.does("DELETE", f"/masks/{mask}")
        assert (await call.does("GET", path))["total"] == 2

    tell(database, data, story)
