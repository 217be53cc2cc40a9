"""The OpenAPI document (version 3.1), made from the table of operations."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from postroom import VERSION
from postroom.web.api.operation import Noun, Operation
from postroom.web.api.problem import ProblemDetails

_REFERENCES: Final = "#/components/schemas/{name}"
_ABOUT: Final = (
    "Everything that the commands of Postroom do, for programs. A token is made with"
    " `postroom token add`; errors are problem details (RFC 9457)."
)


def document(nouns: Sequence[Noun]) -> bytes:
    """The document as JSON."""
    operations = [one for noun in nouns for one in noun.operations]
    types = list(dict.fromkeys(_types(operations)))
    found, components = msgspec.json.schema_components(types, ref_template=_REFERENCES)
    schemas = dict(zip(types, found, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(f"/api/v1{one.path}", {})[one.method.lower()] = _described(one, schemas)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "Postroom", "version": VERSION, "description": _ABOUT},
            "security": [{"token": []}],
            "tags": [{"name": noun.name, "description": noun.about} for noun in nouns],
            "paths": paths,
            "components": {
                "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
                "schemas": components,
            },
        }
    )


def _types(operations: Iterable[Operation]) -> Iterable[Any]:
    yield ProblemDetails
    for one in operations:
        yield from (kind for kind in (one.query, one.body, one.answer) if kind is not None)


def _described(one: Operation, schemas: dict[Any, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {
        "operationId": one.name,
        "tags": [one.noun],
        "summary": one.summary,
        "description": " ".join([one.description, f"Scope: `{one.scope}`."]).strip(),
        "parameters": [*map(_place, one.places), *_parameters(one.query)],
        "responses": {
            str(one.status): _answer(one, schemas),
            "default": {
                "description": "What went wrong",
                "content": {"application/problem+json": {"schema": schemas[ProblemDetails]}},
            },
        },
    }
    content: dict[str, Any] = {kind: {} for kind in one.uploads}
    if one.body is not None:
        content["application/json"] = {"schema": schemas[one.body]}
    if content:
        said["requestBody"] = {"required": True, "content": content}
    return said


def _answer(one: Operation, schemas: dict[Any, Any]) -> dict[str, Any]:
    if one.answer is None:
        return {"description": "It is done"}
    return {
        "description": "What was found" if one.method == "GET" else "What was done",
        "content": {"application/json": {"schema": schemas[one.answer]}},
    }


def _place(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _parameters(query: type[msgspec.Struct] | None) -> Iterable[dict[str, Any]]:
    if query is None:
        return
    (_,), components = msgspec.json.schema_components([query], ref_template=_REFERENCES)
    schema = components[query.__name__]
    required = schema.get("required", [])
    for name, said in schema["properties"].items():
        described = {key: value for key, value in said.items() if key != "description"}
        yield {
            "name": name,
            "in": "query",
            "required": name in required,
            "schema": described,
        } | ({"description": said["description"]} if "description" in said else {})
