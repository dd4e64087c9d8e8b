"""Lowering: from groups to kernels, for arrays that lie in memory in given ways, and to a plan of when and where.

A group becomes a nest of loops, a product of matrices, or a call of NumPy, with the strides of all that it reads and
writes. The plan says which kernels run at once, where temporaries lie, and what is written over what it replaces.
"""
