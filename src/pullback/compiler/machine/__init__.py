"""The machine: IR becomes code that a call enters.

`jit.py` hands modules to LLVM, for the features of this processor, and `cache.py` keeps what comes of it on disk;
`kept.py` keeps what a call has to know besides, its `outline.py`, so that a later process needs nothing else.
`load.py` makes an `executable.py`, which has a program as code; `mixed.py` has what NumPy runs in between; `frame.py`
has the memory of one call. `entry/` leads from Python's objects into it, and `threads/` has workers that wait inside.
"""
