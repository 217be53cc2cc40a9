"""A table of answers to what a script asks, in place of mailboxes."""

from collections.abc import Mapping
from typing import TypeVar

from postroom.sieve.questions import Answer, Asking, Question

ResultT = TypeVar("ResultT")


def run_with(
    asking: Asking[ResultT],
    answers: Mapping[Question, Answer],
    asked: list[Question] | None = None,
) -> ResultT:
    """Run on a table of answers; an absent one is "no" or "none".

    Each question is appended to ``asked``.
    """
    try:
        question = next(asking)
        while True:
            if asked is not None:
                asked.append(question)
            question = asking.send(answers.get(question))
    except StopIteration as stop:
        result: ResultT = stop.value
        return result
