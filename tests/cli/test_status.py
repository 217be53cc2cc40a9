"""``postroom status``."""

from tests.cli.conftest import Shell


def test_it_tells_what_lowers_the_score_and_what_to_do(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    found = shell.json("status")
    assert [one["about"] for one in found["health"]["lacks"]] == ["server", "backup", "owner"]
    assert found["health"]["score"] == 25
    said = shell.says("status")
    assert said.startswith("health: 25 of 100\n  -60  the server does not run\n")
    assert "systemctl start postroom" in said
    assert "queue           0 waiting, 0 held\n" in said
    assert "here            1 domains, 0 accounts, 0 aliases\n" in said
