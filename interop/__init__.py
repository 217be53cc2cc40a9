"""Real clients and peers from Debian packages against a real Postroom."""
