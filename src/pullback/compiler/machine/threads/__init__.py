"""Threads that cost microseconds: parallel regions in native code, and the pool of workers behind them."""

from pullback.compiler.machine.threads.pool import pool as pool
from pullback.compiler.machine.threads.pool import symbols as symbols
