"""The version, where all floors can read it."""

from typing import Final

__version__: Final = "0.1.0"

__array_api_version__ = "2025.12"  # of the standard whose main namespace `pullback` is
