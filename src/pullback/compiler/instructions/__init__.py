"""Instructions: LLVM's, of numbers and of vectors, and the functions that are written with them.

`llvm.py` writes modules and functions as text, `vectors.py` what all lanes of a vector do together, and `mathematics/`
elementary functions as additions and multiplications.
"""
