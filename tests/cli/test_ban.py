from tests.cli.conftest import Shell


def test_bans_are_added_listed_and_removed(shell: Shell) -> None:
    assert shell.says("ban", "add", "192.0.2.1") == "192.0.2.1/32 is banned for good\n"
    added = shell.json("ban", "add", "2001:db8::/48", "--hours", "3", "--reason", "harvest")
    assert (added["network"], added["doors"], added["reason"]) == (
        "2001:db8::/48",
        "all",
        "harvest",
    )
    heading, first, second = shell.says("ban", "list").splitlines()
    assert heading.split() == ["NETWORK", "DOORS", "SINCE", "UNTIL", "REASON"]
    assert "for good" in first
    assert second.split()[0] == "2001:db8::/48"
    assert second.endswith("harvest")
    assert shell.says("ban", "remove", "192.0.2.1") == "192.0.2.1/32 is let in again\n"
    assert [one["network"] for one in shell.json("ban", "list")] == ["2001:db8::/48"]
    assert "postroom ban list" in shell.refuses("ban", "remove", "192.0.2.1")


def test_wrong_words_are_told(shell: Shell) -> None:
    assert "this machine" in shell.refuses("ban", "add", "127.0.0.1")
    assert "'web' is not one of" in shell.misuses("ban", "add", "192.0.2.1", "--doors", "web")
    assert "Missing argument" in shell.misuses("ban", "add")
