"""Certificates of this server: which it wants, how names are proven, new ones handed to the doors."""
