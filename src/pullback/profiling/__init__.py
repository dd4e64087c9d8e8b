"""Where the time goes: what operations, walks, layers and kernels take, by line, and how near the machine's limits."""

from pullback.profiling.profiles import Profile as Profile
from pullback.profiling.profiles import profile as profile
from pullback.profiling.tables import Row as Row
from pullback.profiling.tables import Table as Table
from pullback.profiling.timeline import Event as Event
