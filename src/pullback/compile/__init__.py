"""Compile: a recorded step as one program (being built; see docs/architecture.md)."""
