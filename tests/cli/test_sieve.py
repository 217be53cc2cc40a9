from pathlib import Path

from tests.cli.conftest import Shell
from tests.sieve.desk import SIMPLE

LETTER = SIMPLE.replace(b"\r\n", b"\n")


def written(folder: Path, name: str, content: str | bytes) -> str:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def test_a_script_is_checked_by_line_and_column(shell: Shell, tmp_path: Path) -> None:
    good = written(tmp_path, "good.sieve", 'require "fileinto";\nfileinto "A";\n')
    assert shell.says("sieve", "check", good) == f"{good}: valid, requires fileinto\n"
    bad = written(tmp_path, "bad.sieve", "keep;\n  nonsense;\n")
    result = shell.run("sieve", "check", bad)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"{bad}:2:3: ")
    result = shell.run("sieve", "check", bad, "--json")
    assert result.exit_code == 1
    assert '"line":2,"column":3' in result.stdout
    assert shell.json("sieve", "check", good)["extensions"] == ["fileinto"]


def test_a_script_is_tried_on_a_letter(shell: Shell, tmp_path: Path) -> None:
    letter = written(tmp_path, "letter.eml", LETTER)
    written(tmp_path, "more.sieve", 'require "imap4flags"; addflag "\\\\Flagged";')
    script = written(
        tmp_path,
        "own.sieve",
        """require ["fileinto", "include", "mailbox", "vacation", "envelope", "copy"];
include "more";
if mailboxexists "Lists" { fileinto :copy "Lists"; }
if envelope "from" "boss@x.test" { redirect "me@x.test"; stop; }
vacation :subject "Away" "gone";
""",
    )
    assert shell.says("sieve", "test", script, letter).splitlines() == [
        "vacation: Away",
        "keep: INBOX (nothing else was said) [\\Flagged]",
    ]
    options = ("--from", "boss@x.test", "--to", "bob@x.test", "--folder", "Lists", "--trace")
    assert shell.says("sieve", "test", script, letter, *options).splitlines()[-2:] == [
        "fileinto: Lists [\\Flagged]",
        "redirect: me@x.test",
    ]
    assert "  more: line 1, column 23: addflag\n" in shell.says(
        "sieve", "test", script, letter, "--trace"
    )
    found = shell.json("sieve", "test", script, letter, "--from", "")
    assert found["sender"] == ""
    assert found["actions"][0]["not_sent"] == "the message has the null sender"
    assert found["trace"][0]["command"] == "include"


def test_a_script_that_fails_keeps_the_letter(shell: Shell, tmp_path: Path) -> None:
    letter = written(tmp_path, "letter.eml", LETTER)
    script = written(tmp_path, "own.sieve", 'require "include";\ninclude "../passwords";')
    result = shell.run("sieve", "test", script, letter)
    assert result.stdout == "keep: INBOX (nothing else was said)\n"
    assert "the script failed, so the letter is kept: line 2" in result.stderr
    bad = written(tmp_path, "bad.sieve", "nonsense;")
    result = shell.run("sieve", "test", bad, letter)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"{bad}:1:1: ")


def test_scripts_of_an_account(shell: Shell, tmp_path: Path) -> None:
    shell.says("domain", "add", "demo.test")
    shell.says("account", "add", "a@demo.test", "--password-stdin", typed="open sesame\n")
    script = written(tmp_path, "own.sieve", "keep;\r\n")
    put = ("sieve", "put", "a@demo.test")
    assert shell.says(*put, "own", script) == "script own of a@demo.test stored\n"
    assert shell.says(*put, "own", "-", "--activate", typed="discard;") == (
        "script own of a@demo.test stored and runs\n"
    )
    assert shell.says("sieve", "get", "a@demo.test", "own") == "discard;"
    shell.says(*put, "own", script)
    assert shell.run("sieve", "get", "a@demo.test", "own").stdout_bytes == b"keep;\r\n"
    assert "own   active  7" in shell.says("sieve", "list", "a@demo.test")
    shell.says("sieve", "rename", "a@demo.test", "own", "new")
    assert shell.json("sieve", "list", "a@demo.test")[0]["name"] == "new"
    assert "is active" in shell.refuses("sieve", "remove", "a@demo.test", "new")
    shell.says("sieve", "deactivate", "a@demo.test")
    assert shell.says("sieve", "activate", "a@demo.test", "new") == (
        "script new of a@demo.test runs\n"
    )
    assert shell.json("sieve", "deactivate", "a@demo.test") == {"account": "a@demo.test"}
    assert shell.json("sieve", "remove", "a@demo.test", "new") == {
        "account": "a@demo.test", "name": "new",
    }  # fmt: skip
    assert shell.says("sieve", "list", "a@demo.test") == ""
    bad = written(tmp_path, "bad.sieve", "nonsense;")
    result = shell.run(*put, "own", bad)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"{bad}:1:1: ")


def test_scripts_of_the_site(shell: Shell, tmp_path: Path) -> None:
    including = written(tmp_path, "own.sieve", 'require "include"; include :global "spam";')
    shell.says("domain", "add", "demo.test")
    shell.says("account", "add", "a@demo.test", "--password-stdin", typed="open sesame\n")
    result = shell.run("sieve", "put", "a@demo.test", "own", including)
    assert "note: line 1, column 20: there is no script 'spam' yet" in result.stderr
    spam = written(tmp_path, "spam.sieve", "keep;")
    assert shell.says("sieve", "put", "global", "spam", spam) == "script spam of global stored\n"
    shell.says("sieve", "activate", "global", "spam")
    assert shell.json("sieve", "list", "global")[0]["active"]
    shell.says("sieve", "deactivate", "global")
    assert shell.run("sieve", "put", "a@demo.test", "own", including).stderr == ""
