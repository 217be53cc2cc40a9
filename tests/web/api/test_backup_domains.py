"""Backup MX through the API."""

from pathlib import Path

from tests.conftest import Opener
from tests.web.api.program import Program, tell


def test_backup_domains(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        added = await call("POST", "/backup-domains", {"name": "Bücher.test"})
        assert (added.status, added.body["ascii"]) == (201, "xn--bcher-kva.test")
        await call.does("POST", "/backup-domains", {"name": "a.test"})
        first = await call.does("GET", "/backup-domains?limit=1")
        assert ([one["name"] for one in first["items"]], first["total"]) == (["a.test"], 2)
        assert (await call("POST", "/backup-domains", {"name": "demo.test"})).status == 409
        assert (await call.does("DELETE", "/backup-domains/a.test"))["name"] == "a.test"
        assert (await call("DELETE", "/backup-domains/a.test")).status == 404
        await call.use("domains:read", "domains:write", domain="demo.test")
        assert (await call("GET", "/backup-domains")).status == 403

    tell(database, data, story)
