from postroom.access.keywords import MAX_TEXTS, Keywords


def test_learns_in_order_and_without_case() -> None:
    known = Keywords(["$Junk Work"])
    known.learn(["", "work $JUNK", "later"])
    known.learn(["later"])
    assert list(known) == ["$Junk", "Work", "later"]
    assert len(known) == 3


def test_knows_every_keyword_of_more_texts_than_it_remembers() -> None:
    known = Keywords()
    known.learn(f"k{number} shared" for number in range(MAX_TEXTS + 1))
    known.learn(["k0 shared", "one"])
    assert len(known) == MAX_TEXTS + 3
