"""From Python into native code in a fraction of a microsecond, with every array looked at on the way."""

from pullback.compiler.machine.entry.entry import Block as Block
from pullback.compiler.machine.entry.entry import Entry as Entry
from pullback.compiler.machine.entry.layout import Layout as Layout
from pullback.compiler.machine.entry.native import nothing as nothing
