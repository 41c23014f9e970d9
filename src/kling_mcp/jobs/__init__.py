"""WHERE a paid job stands.

SQL lives in ``ledger``, ``schema`` and ``store`` and nowhere else; ``moves``, ``doubts``, ``results``, ``whole`` and
``choice`` are pure; ``steps``, ``fetcher``, ``plans`` and ``joins`` do what the moves say, as often as the ``worker``
calls them.
"""
