from postroom.policy.suspicion import NONE, Mark, Suspicion


def test_marks_add_up() -> None:
    assert NONE.score == 0
    assert NONE.reasons == ()
    found = NONE.and_([Mark("no name", 1), None, Mark("listed", 3)]).and_([Mark("good", -2)])
    assert found == Suspicion((Mark("no name", 1), Mark("listed", 3), Mark("good", -2)))
    assert found.score == 2
    assert found.reasons == ("no name (+1)", "listed (+3)", "good (-2)")
