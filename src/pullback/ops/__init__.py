"""Floor 1: one row a primitive; every derivative lives here, once."""
