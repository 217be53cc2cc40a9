#!/bin/sh
# Pin every dependency with its hashes into requirements/*.txt, newest versions first.
# Run it with the oldest Python that is supported, so that the pins suit every newer one.
set -eu
cd "$(dirname "$0")/../requirements"
lock() {
    ../.venv/bin/pip-compile --quiet --upgrade --strip-extras --generate-hashes --allow-unsafe \
        --no-header --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
        --no-emit-options --annotation-style=line --output-file "$@"
}
lock build.txt build.in
lock run.txt --extra postgres --extra ldap --extra oidc --extra webauthn ../pyproject.toml
lock dev.txt dev.in
