from pathlib import Path

from tests.cli.conftest import Shell


def test_a_vacation_is_set_shown_and_ended(shell: Shell, tmp_path: Path) -> None:
    shell.says("domain", "add", "demo.test")
    shell.says("account", "add", "a@demo.test", "--password-stdin", typed="open sesame\n")
    words = ("vacation", "set", "a@demo.test")
    assert shell.says(
        *words, "--text", "Back soon.", "--from", "2026-04-01", "--until", "2026-04-30",
        "--subject", "Away", "--days", "3", "--address", "b@x.test",
    ) == "a@demo.test answers from 2026-04-01 until 2026-04-30\n"  # fmt: skip
    assert shell.says("vacation", "show", "a@demo.test").splitlines() == [
        "account    a@demo.test",
        "from       2026-04-01",
        "until      2026-04-30",
        "days       3",
        "addresses  b@x.test",
        "subject    Away",
        "text       Back soon.",
    ]
    file = tmp_path / "answer.txt"
    file.write_text("Grüße\n\nA\n")
    assert shell.says(*words, "--file", str(file)) == "a@demo.test answers\n"
    found = shell.json("vacation", "show", "a@demo.test")
    assert (found["text"], found["subject"], found["days"]) == ("Grüße\n\nA", "", 7)
    text = shell.says("vacation", "show", "a@demo.test", "--sieve")
    assert 'vacation :days 7 "Grüße' in text
    (told,) = shell.json("vacation", "show", "a@demo.test", "--sieve").values()
    assert told.replace("\r\n", "\n") == text
    assert shell.says("vacation", "off", "a@demo.test") == "a@demo.test answers no more\n"
    assert "answers nothing" in shell.refuses("vacation", "show", "a@demo.test")
    shell.says(*words, "--text", "Away.")
    assert shell.json("vacation", "off", "a@demo.test") == {"account": "a@demo.test"}


def test_a_script_that_answers_too_is_told(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    shell.says("account", "add", "a@demo.test", "--password-stdin", typed="open sesame\n")
    script = 'require "vacation"; vacation "gone";'
    shell.says("sieve", "put", "a@demo.test", "own", "-", "--activate", typed=script)
    words = ("vacation", "set", "a@demo.test", "--text", "x")
    assert "note: the vacation of the settings" in shell.run(*words).stderr
    assert "note: the vacation" in shell.run("vacation", "show", "a@demo.test").stderr


def test_an_answer_is_needed_once(shell: Shell) -> None:
    assert "--text or --file" in shell.misuses("vacation", "set", "a@demo.test")
