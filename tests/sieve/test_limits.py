from postroom.sieve.limits import MAX_CAPTURES, MAX_VARIABLE, MAX_VARIABLES, Limits


def test_the_least_the_standards_ask_for() -> None:
    assert MAX_VARIABLE >= 4000  # RFC 5229 §6
    assert MAX_VARIABLES >= 128
    assert MAX_CAPTURES >= 9
    assert Limits().max_depth >= 3  # RFC 6609 §3.1
    assert Limits().max_redirects == 4
