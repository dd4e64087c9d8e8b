"""A program as a file of C99 that needs nothing else: what loops are emitted from, for another target."""

from pullback.compiler.portable.source import source_of as source_of
from pullback.compiler.portable.source import write_source as write_source
