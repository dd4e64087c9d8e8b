"""Emission: from a plan to LLVM IR.

A module has one function a kernel and one, `run`, that goes through the regions. `loops.py` writes a nest, `values.py`
its equations at a `point.py` of the loops, `accumulate.py` its sums.
"""
