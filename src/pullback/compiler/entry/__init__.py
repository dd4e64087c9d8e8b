"""From Python into native code in a fraction of a microsecond, with every array looked at on the way."""

from pullback.compiler.entry.entry import Block as Block
from pullback.compiler.entry.entry import Entry as Entry
from pullback.compiler.entry.layout import Layout as Layout
from pullback.compiler.entry.native import nothing as nothing
