"""The JSON API under ``/api/v1``: every operation of ``admin``, for programs; a module a noun."""
