"""Instructions: LLVM's, of numbers and of vectors, and the functions that are written with them.

`llvm.py` writes modules and functions as text, `elementwise.py` an elementwise equation in registers, and
`mathematics/` has elementary functions as additions and multiplications.
"""
