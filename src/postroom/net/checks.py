"""Answers what the checks of ``mailauth`` ask: names from the resolver, documents from the web.

A check is a generator without network (``mailauth.lookups``); ``run`` drives it with the
caches, deadlines and the rules of safe fetching that are kept here.
"""

from typing import TypeVar

import msgspec

from postroom.mailauth import lookups
from postroom.mailauth.lookups import Answer, Check, Fetch, Lookup, Question
from postroom.net import fetch
from postroom.net.dns import DELIVERY_SECONDS, Resolver
from postroom.net.dns_records import InvalidName, LookupFailed
from postroom.net.fetch import Rules

ResultT = TypeVar("ResultT")


async def run(
    check: Check[ResultT],
    resolver: Resolver,
    rules: Rules,
    *,
    seconds: float = DELIVERY_SECONDS,
) -> ResultT:
    """The result of a check; ``seconds`` bounds each lookup. Raises what the check raises."""
    try:
        question = next(check)
        while True:
            answer = await _answer(question, resolver, rules, seconds)
            if isinstance(answer, Exception):
                question = check.throw(answer)
                continue
            question = check.send(answer)
    except StopIteration as stop:
        result: ResultT = stop.value
        return result


async def _answer(
    question: Question, resolver: Resolver, rules: Rules, seconds: float
) -> Answer | lookups.LookupFailed | lookups.FetchFailed:
    if isinstance(question, Lookup):
        return await _looked_up(question, resolver, seconds)
    return await _fetched(question, resolver, rules)


async def _looked_up(
    question: Lookup, resolver: Resolver, seconds: float
) -> Answer | lookups.LookupFailed:
    try:
        found = await resolver.lookup(question.name, question.type, seconds=seconds)
    except LookupFailed as error:
        return lookups.LookupFailed(error.reason)
    except InvalidName:
        return ()
    return tuple(
        [
            record if isinstance(record, str | bytes) else _plain(tuple(record))
            for record in found.records
        ]
    )


def _plain(record: tuple[object, ...]) -> lookups.Record:
    """(preference, host) of an MX, the four fields of a TLSA, without their names."""
    match record:
        case (int() as preference, str() as host):
            return preference, host
        case (int() as usage, int() as selector, int() as matching, bytes() as data):
            return usage, selector, matching, data
        case _:
            return str(record)


async def _fetched(
    question: Fetch, resolver: Resolver, rules: Rules
) -> Answer | lookups.FetchFailed:
    bounded = msgspec.structs.replace(rules, max_body=question.max_octets)
    try:
        found = await fetch.get(question.url, resolver, bounded)
    except fetch.FetchFailed as error:
        return lookups.FetchFailed(error.reason, is_certificate=error.is_certificate)
    if found.status != 200:
        return lookups.FetchFailed(f"the web server answers {found.status}")
    kind = found.header("content-type").partition(";")[0].strip().lower()
    if kind != question.media_type:
        return lookups.FetchFailed(f"the document is {kind or 'of no type'}, not text")
    return found.body
