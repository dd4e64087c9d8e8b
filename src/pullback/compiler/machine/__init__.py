"""The machine: IR becomes code that a call enters.

`jit.py` hands modules to LLVM, for the features of this processor, and `cache.py` keeps what comes of it on disk.
`executable.py` has a program as code, `frame.py` the memory of one call; `entry/` leads from Python's objects into it,
and `threads/` has workers that wait inside.
"""
