"""JMAP: mail for programs that speak JSON over HTTP (RFC 8620, RFC 8621).

A request is read by ``request``, its methods are those of ``methods``, each found in the module
of its noun; ``method`` is what a method gets, ``arguments`` and ``setting`` what all share.
"""
