"""Floor 3: compositions of operations; no derivative rule stands here."""
