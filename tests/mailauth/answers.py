"""A table of answers to what a check asks, in place of the network."""

from collections.abc import Mapping
from typing import TypeVar

from postroom.mailauth.lookups import Answer, Check, FetchFailed, Lookup, LookupFailed, Question

ResultT = TypeVar("ResultT")


def run_with(
    check: Check[ResultT],
    answers: Mapping[Question, Answer | LookupFailed | FetchFailed],
    asked: list[Question] | None = None,
) -> ResultT:
    """Run a check on a table of answers; an absent one is "no such name" or "not found".

    Each question is appended to ``asked``.
    """
    try:
        question = next(check)
        while True:
            if asked is not None:
                asked.append(question)
            answer = answers.get(question)
            if answer is None:
                answer = () if isinstance(question, Lookup) else FetchFailed("not found")
            if isinstance(answer, tuple | bytes):
                question = check.send(answer)
            else:
                question = check.throw(answer)
    except StopIteration as stop:
        result: ResultT = stop.value
        return result
