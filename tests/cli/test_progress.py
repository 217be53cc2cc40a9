import json

import msgspec
import pytest

from postroom.cli import progress
from postroom.cli.progress import Meter


class Told(msgspec.Struct):
    done: int


def test_programs_get_lines_of_json(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "SECONDS", 0.0)
    with Meter("work", as_json=False) as meter:
        assert not meter.is_bar
        meter.show(1, 2, Told(1))
        meter.finish(Told(2), "two")
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["done"] for line in lines] == [1, 2]


def test_lines_come_at_most_once_a_second(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "SECONDS", 1e9)
    with Meter("work", as_json=True) as meter:
        meter.show(1, 2, Told(1))
    assert capsys.readouterr().out == ""


def test_people_get_a_bar_and_a_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    with Meter("work", as_json=False) as meter:
        assert meter.is_bar
        meter.show(5, 10, Told(1))
        meter.show(20, 10, Told(1))
        meter.finish(Told(2), "all is done")
    said = capsys.readouterr()
    assert said.out == "all is done\n"
    assert "work" in said.err
    assert "100%" in said.err
