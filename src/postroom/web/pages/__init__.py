"""The pages of the administration and of each person: they ask ``admin`` and fill templates."""
