"""The test suite of openspf.org for RFC 7208: 203 cases, read where they are."""

import ipaddress
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
import yaml  # type: ignore[import-untyped]

from postroom.mailauth.lookups import Answer, Check, Lookup, LookupFailed, Question
from postroom.mailauth.spf import Result, check_host
from tests.absent import vectors

CASES: Final = 203
FILES: Final = vectors("spf", "*.yml")


def scenarios(path: Path) -> list[dict[str, Any]]:
    return [one for one in yaml.load_all(path.read_text(), yaml.BaseLoader) if one]


ALL: Final = [
    (scenario, name) for path in FILES for scenario in scenarios(path) for name in scenario["tests"]
]


class Zone:
    """The zone data of a scenario as a DNS that follows aliases."""

    def __init__(self, data: dict[str, list[Any]]) -> None:
        self._data = {name.lower(): records for name, records in data.items()}

    def answer(self, question: Lookup, depth: int = 0) -> Answer:
        records = self._data.get(question.name.lower(), [])
        kinds = {kind for one in records if isinstance(one, dict) for kind in one}
        found: list[Any] = []
        for one in records:
            if one == "TIMEOUT":  # of the types that are not given
                continue
            ((kind, value),) = one.items()
            if value == "TIMEOUT" and kind == question.type:
                raise LookupFailed("timeout")
            if kind == "CNAME" and depth < 10:
                return self.answer(Lookup(value.rstrip("."), question.type), depth + 1)
            if kind == "SPF" and "TXT" not in kinds:
                kind = "TXT"
            if kind == question.type and value != "NONE":
                found.append(record(kind, value))
        if not found and "TIMEOUT" in records:
            raise LookupFailed("timeout")
        return tuple(found)


def record(kind: str, value: Any) -> Any:
    if kind == "TXT":
        parts = value if isinstance(value, list) else [value]
        return b"".join(part.encode("latin-1", "replace") for part in parts)
    if kind == "MX":
        return int(value[0]), value[1].rstrip(".")
    return value.rstrip(".") if isinstance(value, str) else value


def evaluated(check: Check[Result], zone: Zone) -> Result:
    step: Callable[[], Question] = partial(next, check)
    while True:
        try:
            question = step()
        except StopIteration as stop:
            result: Result = stop.value
            return result
        assert isinstance(question, Lookup)
        try:
            step = partial(check.send, zone.answer(question))
        except LookupFailed as failure:
            step = partial(check.throw, failure)


@pytest.mark.parametrize(("scenario", "name"), ALL, ids=[name for _, name in ALL])
def test_case(scenario: dict[str, Any], name: str) -> None:
    case, zone = scenario["tests"][name], Zone(scenario["zonedata"])
    sender, helo = case["mailfrom"], case["helo"]
    domain = sender.rpartition("@")[2] if sender else helo
    check = check_host(
        ipaddress.ip_address(case["host"]),
        domain,
        sender,
        helo=helo,
        receiver="receiver.example.net",
        time=0,
    )
    result = evaluated(check, zone)
    wanted = case["result"]
    assert result.outcome in (wanted if isinstance(wanted, list) else [wanted]), result
    if result.outcome == "fail" and "explanation" in case:
        said = case["explanation"]
        assert result.explanation == ("" if said == "DEFAULT" else said)


def test_every_case_was_read() -> None:
    assert len(ALL) in ((CASES,) if FILES else (0,))
