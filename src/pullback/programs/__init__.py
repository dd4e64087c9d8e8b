"""Programs: what a function did, as a value.

A *program* is a flat list of equations; a `loop` is an equation with a body. A tracer writes a program down while the
function runs in the ordinary way; a *record* ties it to the tensors that it reads and writes; a ledger can undo what
the recorded call changed; the interpreter runs it on NumPy. Nothing here knows the compiler, so that programs serve
whoever needs one: to compile, to draw, to export.
"""
