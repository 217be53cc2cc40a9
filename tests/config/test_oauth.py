from postroom.config.oauth import Oauth


def test_without_an_endpoint_no_token_is_taken() -> None:
    oauth = Oauth()
    assert oauth.introspection is None
    assert (oauth.claim, oauth.audience, oauth.scope) == ("email", "", "")
