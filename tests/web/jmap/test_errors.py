"""Errors in the three places where JMAP tells them."""

import json

import pytest

from postroom.errors import (
    AlreadyExists,
    Invalid,
    MailboxFull,
    NotAllowed,
    NotFound,
    Refused,
    StorageFailed,
)
from postroom.web.jmap.errors import MethodError, RequestError, SetError, of_method, of_object


def test_a_problem_document() -> None:
    response = RequestError("limit", "too much", limit="maxSizeRequest", Retry_After="5").response()
    assert json.loads(bytes(response.body)) == {
        "type": "urn:ietf:params:jmap:error:limit",
        "status": 400,
        "detail": "too much",
        "limit": "maxSizeRequest",
    }
    assert response.headers["retry-after"] == "5"
    assert response.media_type == "application/problem+json"
    plain = RequestError("", "no", status=404).response()
    assert (plain.status_code, json.loads(bytes(plain.body))["type"]) == (404, "about:blank")


def test_errors_of_methods_and_objects() -> None:
    assert MethodError("serverFail").response() == {"type": "serverFail"}
    assert MethodError("tooBig", "why", maxSize=5).response() == {
        "type": "tooBig", "description": "why", "maxSize": 5,
    }  # fmt: skip
    assert SetError("invalidProperties", "why", ["a"]).response()["properties"] == ["a"]


@pytest.mark.parametrize(
    ("error", "of_one", "of_all"),
    [
        (NotFound("x"), "notFound", "invalidArguments"),
        (NotAllowed("x"), "forbidden", "forbidden"),
        (AlreadyExists("x"), "alreadyExists", "invalidArguments"),
        (Invalid("x"), "invalidProperties", "invalidArguments"),
        (Refused("x"), "forbidden", "forbidden"),
        (MailboxFull(), "overQuota", "serverUnavailable"),
        (StorageFailed(), "serverFail", "serverUnavailable"),
    ],
)
def test_what_the_layers_below_refuse(error: Refused, of_one: str, of_all: str) -> None:
    assert of_object(error).kind == of_one
    assert of_object(error).description
    assert of_method(error).kind == of_all
