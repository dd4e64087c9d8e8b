"""Primitives of linear algebra, on stacks of matrices: the last two axes are rows and columns, others batches."""
