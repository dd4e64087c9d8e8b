"""The machine: IR becomes code that a call enters.

`jit.py` hands modules to LLVM, for the features of this processor, and `cache.py` keeps what comes of it on disk;
`entry/` leads from Python's objects into it, and `threads/` has workers that wait inside.
"""
