"""The ARC validation suite of ValiMail: 171 cases, read where they are."""

from pathlib import Path
from typing import Any, Final

import pytest
import yaml  # type: ignore[import-untyped]

from postroom.mailauth.arc import Verifier
from postroom.mailauth.lookups import Answer, FetchFailed, Lookup, LookupFailed, Question
from postroom.message import headers
from tests.absent import vectors
from tests.mailauth.answers import run_with

CASES: Final = 171
FILES: Final = vectors("arc", "*.yml")


def scenarios(path: Path) -> list[dict[str, Any]]:
    return [one for one in yaml.load_all(path.read_text(), yaml.BaseLoader) if one]


ALL: Final = [
    (scenario, name) for path in FILES for scenario in scenarios(path) for name in scenario["tests"]
]


@pytest.mark.parametrize(("scenario", "name"), ALL, ids=[name for _, name in ALL])
def test_case(scenario: dict[str, Any], name: str) -> None:
    case = scenario["tests"][name]
    answers: dict[Question, Answer | LookupFailed | FetchFailed] = {
        Lookup(domain, "TXT"): (text.encode(),)
        for domain, text in scenario.get("txt-records", {}).items()
    }
    letter = case["message"].encode().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    head, body = headers.split(letter)
    verifier = Verifier(head)
    verifier.feed(body)
    chain = run_with(verifier.check(), answers)
    wanted = case["cv"].strip().lower()
    assert chain.outcome == (wanted or "fail"), (case.get("description"), chain)


def test_every_case_was_read() -> None:
    assert len(ALL) in ((CASES,) if FILES else (0,))
