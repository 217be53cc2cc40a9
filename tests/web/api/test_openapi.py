"""The OpenAPI document: true to the routes, whole, and without a dangling reference."""

import json
import re
from pathlib import Path
from typing import Any

from postroom.directory.api_tokens import SCOPES
from postroom.web.api import nouns, openapi
from tests.conftest import Opener
from tests.web.api.program import Program, tell


def document() -> Any:
    return json.loads(openapi.document(nouns.ALL))


def test_it_says_what_the_routes_do(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        served = await call("GET", "/openapi.json")
        assert served.body == document()
        call.token = "wrong"
        for path, methods in served.body["paths"].items():
            concrete = re.sub(r"\{[a-z_]+\}", "x", path.removeprefix("/api/v1"))
            for method in ("get", "post", "put", "patch", "delete"):
                answer = await call(method.upper(), concrete)
                assert answer.kind == ("token-unknown" if method in methods else "method"), path

    tell(database, data, story)


def test_every_operation_is_in_it_once() -> None:
    said = [
        (path.removeprefix("/api/v1"), method.upper(), one)
        for path, methods in document()["paths"].items()
        for method, one in methods.items()
    ]
    assert sorted((path, method) for path, method, _ in said) == sorted(
        (one.path, one.method) for one in nouns.operations()
    )
    names = [one["operationId"] for _, _, one in said]
    assert len(set(names)) == len(names)
    for path, _, one in said:
        assert one["summary"], path
        places = [each["name"] for each in one["parameters"] if each["in"] == "path"]
        assert places == re.findall(r"\{([a-z_]+)\}", path)
        assert "default" in one["responses"]


def test_references_lead_somewhere() -> None:
    whole = document()
    schemas = whole["components"]["schemas"]
    found = re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(whole))
    assert set(found) <= set(schemas)
    assert {"NewAccount", "ProblemDetails"} <= set(found)
    assert schemas["NewAccount"]["additionalProperties"] is False
    assert schemas["NewAccount"]["required"] == ["address"]


def test_queries_are_parameters() -> None:
    listed = document()["paths"]["/api/v1/accounts"]["get"]["parameters"]
    limit = next(one for one in listed if one["name"] == "limit")
    assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": 500, "default": 100}
    assert (limit["in"], limit["required"]) == ("query", False)
    assert limit["description"]


def test_operations_have_scopes_that_tokens_can_have() -> None:
    assert {one.scope for one in nouns.operations()} <= set(SCOPES)
