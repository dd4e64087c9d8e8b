"""Passes: from programs to programs that mean the same, one a file.

`rolling` makes loops of what recurs, `expand` writes composites out, `simplify` applies algebra that changes no bit,
`deduplicate` computes once what is said twice, `prune` leaves out what nothing uses; `stages.py` runs them in order.
"""
