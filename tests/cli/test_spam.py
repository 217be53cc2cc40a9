"""``postroom spam``."""

from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.policy.letters import HAM, SPAM, letter


@pytest.fixture
def folders(shell: Shell, tmp_path: Path) -> Path:
    """Fifty messages of each kind, and alice."""
    shell.says("domain", "add", "demo.test")
    shell.says("account", "add", "alice@demo.test", "--password-stdin", typed="long enough 1\n")
    for name, text in (("spam", SPAM), ("ham", HAM)):
        (tmp_path / name).mkdir()
        for number in range(50):
            made = letter(f"{text} {number % 5}", number=number)
            (tmp_path / name / str(number)).write_bytes(made)
    return tmp_path


def test_it_is_taught_asked_and_made_to_forget(shell: Shell, folders: Path) -> None:
    spam, ham = str(folders / "spam"), str(folders / "ham")
    assert shell.says("spam", "train", "--global", "--spam", spam) == (
        "50 spam and 0 ham read, 50 of them learned\n"
    )
    assert "no, needs 40 of each" in shell.says("spam", "status")
    assert shell.says("spam", "train", "alice@demo.test", "--ham", ham, ham) == (
        "0 spam and 100 ham read, 50 of them learned\n"
    )
    assert shell.json("spam", "status")["ham"] == 50
    assert shell.json("spam", "status", "alice@demo.test")["spam"] == 0
    told = shell.says("spam", "test", str(folders / "spam" / "1"))
    assert "points, junk from 5.0" in told
    assert '"pills"' in told
    assert shell.json("spam", "test", "-", typed="Subject: x\n\nbody\n")["junk"] is False
    assert shell.says("spam", "forget", "--global") == "100 lessons of everybody forgotten\n"
    assert "too little" in shell.says("spam", "test", str(folders / "spam" / "1"))


def test_one_message_from_standard_input(shell: Shell, folders: Path) -> None:
    said = shell.says("spam", "train", "--global", "--ham", "-", typed="Subject: x\n\nbody\n")
    assert said == "0 spam and 1 ham read, 1 of them learned\n"


def test_levels(shell: Shell, folders: Path) -> None:
    assert shell.says("spam", "level", "alice@demo.test", "off") == (
        "the filter is off for alice@demo.test\n"
    )
    assert "level         off" in shell.says("spam", "status", "alice@demo.test")
    assert "carol@demo.test" in shell.refuses("spam", "level", "carol@demo.test", "strict")
    shell.misuses("spam", "level", "alice@demo.test", "furious")


def test_both_kinds_at_once(shell: Shell, folders: Path) -> None:
    spam, ham = str(folders / "spam"), str(folders / "ham")
    found = shell.json(
        "spam", "train", "alice@demo.test", "--spam", spam, "--ham", ham, "--ham", spam
    )
    assert found == {"address": "alice@demo.test", "spam": 50, "ham": 100, "learned": 150}


def test_what_is_asked_wrongly(shell: Shell, folders: Path) -> None:
    some = str(folders / "spam")
    assert "name messages" in shell.misuses("spam", "train", "--global", some)
    assert "name messages" in shell.misuses("spam", "train", "alice@demo.test")
    assert "name an ACCOUNT" in shell.misuses("spam", "train", "--spam", some)
    assert "say what" in shell.misuses(
        "spam", "train", "--global", "--spam", some, "--ham", some, some
    )
    assert "name an ACCOUNT" in shell.misuses("spam", "forget")
    assert "name an ACCOUNT" in shell.misuses("spam", "forget", "--global", "alice@demo.test")
    assert "nowhere" in shell.refuses("spam", "train", "--global", "--spam", "nowhere")
    assert "carol" in shell.refuses("spam", "train", "carol@demo.test", "--spam", some)
