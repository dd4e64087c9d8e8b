"""Fusion: from equations to groups that run together.

Movement becomes views, which cost nothing. Each equation joins the group of loops, or the product of matrices, that
makes its operands, where the loops agree; what stays inside a group is never stored.
"""
