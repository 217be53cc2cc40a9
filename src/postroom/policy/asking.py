"""The questions of one message: its checks ask the DNS, together and within their time.

    asking = Asking(resolver)
    spf = asking.begin(check_host(..))         # runs at once as far as answers are known
    iprev = asking.begin(iprev.check(..))      # at the same time
    result = await spf

Every question is asked once, whoever of the checks needs it, and kept with its answer in
``asked``. The checks have ``ACCEPTANCE_SECONDS`` together; only the time counts in which one
of them waits. After that, and for more than ``MAX_QUESTIONS``, the DNS gives no answer.

A check is a generator of ``mailauth.lookups``. With answers that are in the cache nothing
waits and no task is made.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec

from postroom.mailauth.lookups import Answer, Check, FetchFailed, Lookup, LookupFailed, Question
from postroom.net import dns_records
from postroom.net.dns import ACCEPTANCE_SECONDS
from postroom.net.dns_records import InvalidName, Kind

T = TypeVar("T")

MAX_QUESTIONS: Final = 200

Found = dns_records.Answer[Any]
Said = tuple[Any, ...] | LookupFailed | FetchFailed

_NOT_FETCHED: Final = FetchFailed("nothing is fetched while a message waits")


class Names(Protocol):
    """What is asked: ``net.dns.Resolver``."""

    def known(self, name: str, kind: Kind) -> Found | dns_records.LookupFailed | None:
        """What needs no server."""

    async def lookup(self, name: str, kind: Kind, *, seconds: float) -> Found:
        """What servers say; raises LookupFailed and InvalidName."""


class Asked(msgspec.Struct, frozen=True):
    """A question and its answer; ``problem`` says why there is none."""

    question: Lookup
    answer: Answer = ()
    problem: str = ""


class Asking:
    """The DNS as one message sees it."""

    def __init__(
        self,
        names: Names,
        *,
        seconds: float = ACCEPTANCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``clock`` in seconds that never go back."""
        self._names = names
        self._left = seconds
        self._clock = clock
        self._answers: dict[Lookup, tuple[Any, ...] | LookupFailed] = {}
        self._waiting = 0
        self._since = 0.0
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def asked(self) -> list[Asked]:
        """Every question so far, in the order of the answers."""
        return [
            Asked(question, problem=str(answer))
            if isinstance(answer, LookupFailed)
            else Asked(question, answer)
            for question, answer in self._answers.items()
        ]

    def begin(self, check: Check[T], *, is_heavy: bool = False) -> Awaitable[T]:
        """Start a check; await what is returned for its result.

        ``is_heavy``: it has more to compute than the event loop should wait for.
        """
        if is_heavy:
            return self._task(self._finish_apart(check))
        step = _step(check, None)
        while not isinstance(step, _Done):
            answer = self._known(step)
            if answer is None:
                return self._task(self._finish(check, step))
            step = _step(check, answer)
        return step

    async def run(self, check: Check[T], *, is_heavy: bool = False) -> T:
        """The result of a check."""
        return await self.begin(check, is_heavy=is_heavy)

    def begin_lookup(self, question: Lookup) -> None:
        """Ask ahead of the check that will need it."""
        self.begin(_only(question))

    def close(self) -> None:
        """The message is gone: what is under way ends."""
        for task in self._tasks:
            task.cancel()

    def _task(self, work: Coroutine[Any, Any, T]) -> Awaitable[T]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _finish(self, check: Check[T], step: "Question | _Done[T]") -> T:
        while not isinstance(step, _Done):
            step = _step(check, await self._answer(step))
        return step.value

    async def _finish_apart(self, check: Check[T]) -> T:
        step = await asyncio.to_thread(_step, check, None)
        while not isinstance(step, _Done):
            step = await asyncio.to_thread(_step, check, await self._answer(step))
        return step.value

    async def _answer(self, question: Question) -> Said:
        if not isinstance(question, Lookup):
            return _NOT_FETCHED
        answer = self._known(question)
        return await self._ask(question) if answer is None else answer

    def _known(self, question: Question) -> Said | None:
        if not isinstance(question, Lookup):
            return _NOT_FETCHED
        answer = self._answers.get(question)
        if answer is not None:
            return answer
        if len(self._answers) >= MAX_QUESTIONS:
            return LookupFailed(f"more than {MAX_QUESTIONS} questions for one message")
        found = self._names.known(question.name, question.type)
        return None if found is None else self._noted(question, found)

    async def _ask(self, question: Lookup) -> tuple[Any, ...] | LookupFailed:
        seconds = self._begin_waiting()
        found: Found | dns_records.LookupFailed | tuple[()]
        try:
            if seconds <= 0:
                return self._noted(question, LookupFailed("the time for lookups is over"))
            found = await self._names.lookup(question.name, question.type, seconds=seconds)
        except dns_records.LookupFailed as error:
            found = error
        except InvalidName:
            found = ()  # such a name can't be there
        finally:
            self._end_waiting()
        return self._noted(question, found)

    def _noted(
        self,
        question: Lookup,
        found: Found | dns_records.LookupFailed | LookupFailed | tuple[()],
    ) -> tuple[Any, ...] | LookupFailed:
        answer: tuple[Any, ...] | LookupFailed
        if isinstance(found, dns_records.Answer):
            answer = found.records
        elif isinstance(found, dns_records.LookupFailed):
            answer = LookupFailed(found.reason)
        else:
            answer = found
        return self._answers.setdefault(question, answer)

    def _begin_waiting(self) -> float:
        """The seconds that are left."""
        now = self._clock()
        if not self._waiting:
            self._since = now
        self._waiting += 1
        return self._left - (now - self._since)

    def _end_waiting(self) -> None:
        self._waiting -= 1
        if not self._waiting:
            self._left -= self._clock() - self._since


class _Done(Generic[T]):
    """The result of a check that has ended."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    def __await__(self) -> Generator[Any, None, T]:
        yield from ()
        return self.value


def overheard(check: Check[T], asked: list[Asked]) -> Check[T]:
    """The same check; each of its questions is appended to ``asked`` with the answer."""
    step = _step(check, None)
    while not isinstance(step, _Done):
        said: Said
        try:
            said = yield step  # type: ignore[assignment]  # a driver of lookups sends records
        except (LookupFailed, FetchFailed) as error:
            said = error
        if isinstance(step, Lookup):
            asked.append(
                Asked(step, said) if isinstance(said, tuple) else Asked(step, problem=str(said))
            )
        step = _step(check, said)
    return step.value


def _only(question: Lookup) -> Check[None]:
    try:
        yield question
    except LookupFailed:
        return


def _step(check: Check[T], answer: Said | None) -> Question | _Done[T]:
    """Send the answer, None to begin: the next question or the result."""
    try:
        if answer is None:
            return next(check)
        if isinstance(answer, tuple):
            return check.send(answer)
        return check.throw(answer)
    except StopIteration as stop:
        return _Done(stop.value)
