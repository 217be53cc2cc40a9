"""What a job does with what goes wrong in it: tell, and go on.

That the disk, the database or another server fails is trouble, told with its reason. Anything else
is a fault of ours, and told with where it comes from.
"""

from collections.abc import Awaitable, Callable

from postroom.errors import MailError, Refused
from postroom.telemetry import sink
from postroom.telemetry.event import trace_of
from postroom.telemetry.events import JobFailed, StorageTrouble


def tell(where: str, error: Exception) -> None:
    """Tell of an error; ``where`` names the job."""
    if isinstance(error, MailError):
        sink.emit(StorageTrouble(where=where, reason=error.detail or str(error)))
    elif isinstance(error, (Refused, OSError)):
        sink.emit(StorageTrouble(where=where, reason=str(error) or type(error).__name__))
    else:
        sink.emit(JobFailed(job=where, traceback=trace_of(error)))


async def quietly(where: str, work: Callable[[], Awaitable[object]]) -> bool:
    """Do it, and tell what goes wrong; whether it went well."""
    try:
        await work()
    except Exception as error:  # noqa: BLE001 - it is told, and the job goes on
        tell(where, error)
        return False
    return True
