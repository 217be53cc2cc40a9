"""What goes wrong in a job: told as trouble, or as a fault of ours."""

import asyncio

import pytest

from postroom.errors import Invalid, StorageFailed, StorageFull
from postroom.telemetry import trouble
from postroom.telemetry.events import JobFailed, StorageTrouble
from tests.fakes import Recorder


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (StorageFailed(detail="the disk is gone"), "the disk is gone"),
        (StorageFull(), "452 4.3.1 Insufficient system storage, please try again later"),
        (Invalid("x is no domain"), "x is no domain"),
        (OSError(5, "Input/output error"), "[Errno 5] Input/output error"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_trouble_has_a_reason(error: Exception, reason: str, events: Recorder) -> None:
    trouble.tell("backups", error)
    assert events == [StorageTrouble(where="backups", reason=reason)]


def test_a_fault_of_ours_has_its_place(events: Recorder) -> None:
    async def faulty() -> None:
        raise KeyError("renewal")

    async def good() -> int:
        return 0

    assert not asyncio.run(trouble.quietly("certificates", faulty))
    assert asyncio.run(trouble.quietly("certificates", good))
    (told,) = events.of(JobFailed)
    assert told.job == "certificates"
    assert "in faulty" in told.traceback
    assert "KeyError: 'renewal'" in told.traceback


def test_an_end_is_no_trouble(events: Recorder) -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(trouble.quietly("certificates", cancelled))
    assert events == []
