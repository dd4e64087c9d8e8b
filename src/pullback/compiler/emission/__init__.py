"""Emission: from a plan to LLVM IR.

A plan is cut into parts, native ones and calls of NumPy. The module of a native part has one function a kernel, and
`run`, which goes through its regions. `loops.py` writes a nest, `values.py` its equations at a `point.py` of the loops,
`accumulate.py` its sums; `products.py` writes what lies around a contraction.
"""
