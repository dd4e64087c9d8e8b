"""From a call to its program: what a call gives, what a program depends on, and which program may run.

The first two calls of a kind are recorded, and the records must agree; what the function could see of Python's values
is found from its bytecode and guarded. From then on a call is compared with what a guarded program was made for, and
runs it.
"""
