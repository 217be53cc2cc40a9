from pathlib import Path

from tests.admin.tls.test_certificate_file import made
from tests.cli.conftest import Shell


def test_there_are_none_at_first_and_consent_comes_before_an_order(shell: Shell) -> None:
    listed = shell.run("certificate", "list")
    assert listed.stdout == ""
    assert "signs its certificate itself" in listed.stderr
    assert shell.json("certificate", "list") == []
    assert "accept_terms = true" in shell.refuses("certificate", "renew", "mx.demo.test")


def test_one_in_a_file_is_shown_with_what_is_wrong(shell: Shell, tmp_path: Path) -> None:
    chain, key = made(tmp_path, "www.other.test")
    with shell.config.open("a") as settings:
        settings.write(f'[tls]\ncertificate = "{chain}"\nkey = "{key}"\n')
    listed = shell.run("certificate", "list")
    assert "from a file that is wrong" in listed.stdout
    assert f"{chain}: it is for www.other.test, not for" in listed.stderr


def test_a_key_is_changed_only_where_there_is_a_certificate(shell: Shell) -> None:
    assert "no certificate mx.demo.test" in shell.refuses("certificate", "rollover", "mx.demo.test")
    assert "accept_terms" in shell.refuses("certificate", "rollover", "mx.demo.test", "--now")
