"""Octets of a request, within bounds."""

import asyncio

import pytest
from starlette.requests import Request
from starlette.types import Message

from postroom.web.api.problem import Problem
from postroom.web.api.upload import Upload


def upload(*pieces: bytes, most: int = 10, kind: str = "") -> Upload:
    left = list(pieces)

    async def receive() -> Message:
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    headers = [(b"content-type", kind.encode())] if kind else []
    return Upload(Request({"type": "http", "headers": headers}, receive), most)


def test_as_many_as_are_allowed_are_read() -> None:
    assert asyncio.run(upload(b"12345", b"67890").read()) == b"1234567890"
    assert asyncio.run(upload(b"123456", b"67890", most=0).read()) == b"12345667890"
    with pytest.raises(Problem) as error:
        asyncio.run(upload(b"12345", b"678901").read())
    assert error.value.details.status == 413


def test_the_media_type_is_without_parameters() -> None:
    assert upload(b"", kind="Application/JSON; charset=utf-8").media_type == "application/json"
    assert upload(b"").media_type == ""
