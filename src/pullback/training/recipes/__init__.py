"""The recipes that come with Pullback, a family a file; `catalogue.py` has their rows."""
