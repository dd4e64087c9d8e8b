"""The works, one module each."""
