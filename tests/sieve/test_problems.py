from postroom.sieve.problems import Place, Problem, ScriptError, fail


def test_a_problem_says_where() -> None:
    assert str(Problem(3, 7, "it is wrong")) == "line 3, column 7: it is wrong"


def test_an_error_shows_all_problems() -> None:
    error = ScriptError([Problem(1, 1, "a"), Problem(2, 1, "b")])
    assert str(error) == "line 1, column 1: a\nline 2, column 1: b"
    assert fail(Place(4, 5), "c").problems == (Problem(4, 5, "c"),)
