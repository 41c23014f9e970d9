"""WHERE a paid job stands.

SQL lives in ``ledger`` and nowhere else. What is decided is decided by pure modules: what an answer means
(``outcomes``) and makes of a job (``moves``, ``doubts``, ``orphans``, ``results``, ``whole``), who may be posted
(``slots``, ``circuits``) and at what price (``spend``), whom to look at (``polling``), what a bill shows (``billing``,
``audit``). ``posting``, ``sweeping``, ``fetcher``, ``plans``, ``joins`` and ``strays`` do what they say, as often as
``worker`` and ``upkeep`` call them. ``runner`` is what the tools see of it all.
"""
