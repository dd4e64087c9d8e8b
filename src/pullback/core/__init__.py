"""Floor 0: what a value, a primitive and a graph are. NumPy only."""
