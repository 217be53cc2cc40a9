"""The queue through the API."""

from pathlib import Path

from tests.conftest import Opener
from tests.web.api.program import BOB, Program, tell


def test_letters_are_listed_and_acted_on(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        for to in ("a@far.test", "b@far.test", "c@near.test"):
            await call.does("POST", "/messages", {"from": BOB, "to": [to], "text": "x"})
        first = await call.does("GET", "/queue?limit=2")
        assert (len(first["items"]), first["total"]) == (2, 3)
        rest = await call.does("GET", f"/queue?limit=2&after={first['next']}")
        assert ([len(rest["items"]), rest["next"]]) == [1, ""]
        assert (await call.does("GET", "/queue?destination=far.test"))["total"] == 2
        assert (await call.does("GET", "/queue?sender=%3C%3E"))["total"] == 0
        assert (await call.does("GET", "/queue?recipient=c@near.test"))["total"] == 1
        ident = first["items"][0]["id"]
        assert (await call.does("GET", f"/queue/{ident}"))["account"] == BOB
        held = await call.does("POST", "/queue", {"action": "hold", "ids": [ident]})
        assert (held["action"], held["messages"]) == ("held", 1)
        for action in ("release", "retry"):
            await call.does("POST", "/queue", {"action": action, "destination": "far.test"})
        straight = {"action": "reroute", "all": True, "via": "mx"}
        assert (await call.does("POST", "/queue", straight))["messages"] == 3
        assert (await call("POST", "/queue", {**straight, "via": "none"})).kind == "not-found"
        assert (await call("POST", "/queue", {"action": "remove"})).kind == "invalid"
        gone = await call.does("POST", "/queue", {"action": "remove", "sender": BOB})
        assert gone["recipients"] == 3
        assert (await call.does("GET", "/queue/stats"))["deliveries"] == 0
        assert (await call("GET", f"/queue/{ident}")).kind == "not-found"

    tell(database, data, story)
