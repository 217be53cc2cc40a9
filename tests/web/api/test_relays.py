"""Relays and TLS rules through the API."""

from pathlib import Path

from tests.conftest import Opener
from tests.web.api.program import Program, tell


def test_relays(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        relay = {"name": "office", "host": "127.0.0.1", "port": 9, "tls": "none"}
        made = await call.does("POST", "/relays", {**relay, "uses": [{"kind": "default"}]})
        assert (made["name"], made["uses"][0]["kind"]) == ("office", "default")
        login = {"login": "me", "password": "s3cret"}
        changed = await call.does("PATCH", "/relays/office", login)
        assert changed["password"] is True
        assert "s3cret" not in str(changed)
        assert (await call.does("GET", "/relays/office"))["login"] == "me"
        assert (await call.does("GET", "/relays"))["total"] == 1
        use = {"uses": [{"kind": "recipient-domain", "of": "far.test"}]}
        assert len((await call.does("POST", "/relays/office/use", use))["uses"]) == 2
        assert len((await call.does("POST", "/relays/office/unuse", use))["uses"]) == 1
        tried = await call.does("POST", "/relays/office/test", {})
        assert not tried["ok"]
        assert (await call("POST", "/relays", {"name": "x"})).kind == "invalid"
        await call.does("DELETE", "/relays/office")
        assert (await call.does("GET", "/relays"))["total"] == 0

    tell(database, data, story)


def test_presets_and_rules(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        whole = await call.does("GET", "/relay-presets")
        some = await call.does("GET", "/relay-presets?search=gmail")
        assert 0 < len(some) < len(whole)
        rule = await call.does("PUT", "/tls-rules/far.test", {"mode": "verify"})
        assert rule["domain"] == "far.test"
        assert (await call.does("GET", "/tls-rules"))["items"] == [rule]
        assert (await call("PUT", "/tls-rules/far.test", {"mode": "x"})).body["path"] == "$.mode"
        await call.does("DELETE", "/tls-rules/far.test")
        assert (await call.does("GET", "/tls-rules"))["total"] == 0

    tell(database, data, story)
