from tests.cli.conftest import Shell


def test_there_are_none_at_first_and_consent_comes_before_an_order(shell: Shell) -> None:
    assert shell.says("certificate", "list") == ""
    assert shell.json("certificate", "list") == []
    assert "accept_terms = true" in shell.refuses("certificate", "renew", "mx.demo.test")


def test_a_key_is_changed_only_where_there_is_a_certificate(shell: Shell) -> None:
    assert "no certificate mx.demo.test" in shell.refuses("certificate", "rollover", "mx.demo.test")
    assert "accept_terms" in shell.refuses("certificate", "rollover", "mx.demo.test", "--now")
