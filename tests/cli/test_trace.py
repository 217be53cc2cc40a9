import re

from tests.cli.conftest import Shell
from tests.cli.test_queue import queued


def test_a_story_is_told(shell: Shell) -> None:
    (ident,) = queued(shell, ("ann@demo.test", ("b@other.test",)))
    said = shell.says("trace", ident)
    assert said.splitlines()[0] == f"id          {ident}"
    assert re.search(r"^accepted +\S+ \S+ from 192.0.2.1 \(mx\)$", said, re.MULTILINE)
    assert re.search(r"^story +\S+ \S+ queued b@other.test \(other.test\)$", said, re.MULTILINE)
    assert re.search(r"^waiting +b@other.test: waiting, next attempt", said, re.MULTILINE)
    assert shell.says("trace", "ann@demo.test") == said
    assert shell.says("trace", "<m@x>") == said
    (one,) = shell.json("trace", ident)["messages"]
    assert one["facts"][0]["kind"] == "queued"


def test_several_stories_oldest_first(shell: Shell) -> None:
    ids = queued(shell, *[("ann@demo.test", ("b@other.test",))] * 3)
    said = shell.says("trace", "ann@demo.test")
    assert re.findall(r"^id +(\w+)$", said, re.MULTILINE) == ids
    result = shell.run("trace", "ann@demo.test", "--limit", "2")
    assert re.findall(r"^id +(\w+)$", result.stdout, re.MULTILINE) == ids[1:]
    assert "--limit 20" in result.stderr


def test_refusals_are_told(shell: Shell) -> None:
    shell.says("domain", "list")
    log = shell.config.parent / "data" / "log" / "postroom.jsonl"
    log.parent.mkdir()
    log.write_text(
        '{"at":"2026-09-21T14:13:20.000Z","event":"recipient.refused","session":"s","peer":'
        '"192.0.2.7","status":"5.1.1","sender":"","recipient":"x@demo.test","reason":"unknown"}\n'
    )
    assert shell.says("trace", "x@demo.test") == (
        "2026-09-21T14:13:20.000Z refused 5.1.1 from <> to <x@demo.test> by 192.0.2.7: unknown\n"
    )


def test_what_is_not_known(shell: Shell) -> None:
    assert shell.refuses("trace", "x@demo.test") == (
        "nothing is known of x@demo.test; stories are kept 90 days"
    )
    shell.misuses("trace")
