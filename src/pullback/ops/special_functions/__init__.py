"""Primitives of SciPy's special functions: SciPy has the values, a row each has the derivatives."""
