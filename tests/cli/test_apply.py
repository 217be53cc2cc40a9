"""``postroom apply``, and ``postroom export`` for the same."""

from pathlib import Path

from tests.cli.conftest import Shell

FILE = """
[[domain]]
name = "demo.test"

[[account]]
address = "bob@demo.test"
name = "Bob"
"""


def test_there_and_back(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "directory.toml"
    file.write_text(FILE)
    planned = shell.run("apply", str(file), "--dry-run")
    assert planned.stdout == ("+ domain demo.test\n+ account bob@demo.test (name)\n")
    assert "nothing was changed" in planned.stderr
    done = shell.run("apply", str(file))
    assert done.stdout == planned.stdout
    assert "postroom account password bob@demo.test" in done.stderr
    assert shell.says("apply", "-", typed=FILE) == "everything is so already\n"
    exported = shell.says("export")
    assert 'address = "bob@demo.test"' in exported
    assert "hash" not in exported
    assert shell.json("apply", "-", typed=exported) == {"dry": False, "steps": [], "next": []}
    assert shell.json("apply", "-", "--prune", typed=exported)["steps"] == []
    gone = shell.says("apply", "-", "--prune", typed='[[domain]]\nname = "demo.test"')
    assert gone == "- account bob@demo.test\n"


def test_what_changes_is_shown_as_it_was_and_will_be(shell: Shell) -> None:
    shell.says("apply", "-", typed=FILE)
    other = FILE.replace('"Bob"', '"Rob"\nquota = 5\nblock = ["x.test"]')
    wanted = (
        "~ account bob@demo.test (name, quota)\n"
        '    name: "Bob" -> "Rob"\n    quota: 0 -> 5\n'
        '~ account bob@demo.test (block)\n    block: [] -> ["x.test"]\n'
    )
    assert shell.says("apply", "-", "--dry-run", typed=other) == wanted
    assert shell.says("apply", "-", typed=other) == wanted
    assert shell.json("apply", "-", typed=FILE)["steps"][0]["changes"] == [
        {"member": "name", "before": '"Rob"', "after": '"Bob"'}
    ]


def test_secrets_are_asked_for(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    shell.says("account", "add", "bob@demo.test", "--password-stdin", typed="long enough\n")
    assert "$argon2id$" not in shell.says("export")
    assert "$argon2id$" in shell.says("export", "--with-secrets")


def test_what_is_wrong_is_told(shell: Shell, tmp_path: Path) -> None:
    assert "unknown field `people`" in shell.refuses("apply", "-", typed="[[people]]")
    wrong = shell.run("apply", "-", typed="[[alias]]\n\n[[account]]\naddress = 5").stderr
    assert "-, line 1: " in wrong
    assert "-, line 3: " in wrong
    assert "nothing was changed" in wrong
    (tmp_path / "latin.toml").write_bytes(b"# \n# \xe4")
    assert "line 2: the file is not UTF-8" in shell.refuses("apply", str(tmp_path / "latin.toml"))
    assert "No such file" in shell.refuses("apply", str(tmp_path / "none.toml"))
    assert "folder" in shell.misuses("export", "bob@demo.test")
