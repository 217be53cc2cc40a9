"""Problem details, from each kind of failure."""

import json

import msgspec
import pytest

from postroom.errors import (
    AlreadyExists,
    ConfigurationError,
    Invalid,
    MailError,
    NotAllowed,
    NotFound,
    Permanent,
    Refused,
    StorageFailed,
    StorageFull,
)
from postroom.web.api import problem
from postroom.web.api.problem import Problem


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (NotFound("no x; see: y"), 404, "not-found"),
        (NotAllowed("not you"), 403, "not-allowed"),
        (AlreadyExists("x"), 409, "already-exists"),
        (Invalid("x"), 422, "invalid"),
        (ConfigurationError("x"), 409, "configuration"),
        (Refused("x"), 409, "refused"),
        (StorageFull(), 507, "storage-full"),
        (StorageFailed(), 503, "later"),
        (Permanent("No"), 422, "refused"),
    ],
)
def test_each_error_has_a_type_and_a_status(
    error: Refused | MailError, status: int, kind: str
) -> None:
    response = problem.of(error).response()
    said = json.loads(bytes(response.body))
    assert (response.status_code, said["status"]) == (status, status)
    assert said["type"] == f"urn:postroom:problem:{kind}"
    assert said["title"]
    assert said["detail"]
    assert "path" not in said
    assert response.media_type == "application/problem+json"
    assert ("retry-after" in response.headers) is (status in {503, 507})


def test_json_is_told_where_it_is_wrong() -> None:
    class Thing(msgspec.Struct):
        sizes: list[int]

    with pytest.raises(msgspec.ValidationError) as wrong:
        msgspec.json.decode(b'{"sizes": [1, "x"]}', type=Thing)
    details = problem.of_json(wrong.value).details
    assert (details.status, details.path) == (422, "$.sizes[1]")
    assert details.detail.startswith("Expected `int`, got `str`;")
    with pytest.raises(msgspec.DecodeError) as broken:
        msgspec.json.decode(b"{", type=Thing)
    assert problem.of_json(broken.value).details.status == 400


def test_header_fields_are_named_with_underscores() -> None:
    response = Problem(429, "k", "t", "d", Retry_After="5").response()
    assert response.headers["retry-after"] == "5"
