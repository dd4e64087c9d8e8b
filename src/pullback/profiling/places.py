"""Where the user's code is that called what is timed."""

from __future__ import annotations

import sys
from types import CodeType
from typing import Final, TypeAlias

from pullback.core.origin import owner_of, user_line

Place: TypeAlias = str | tuple[CodeType, int]  # a line, or code and which of its instructions
_users: Final[set[str]] = set()  # files of the user's, as code knows them


def place_now() -> Place:
    """Where the user's code is that called what is timed: of most calls the very next frame, and no more is asked."""
    frame = sys._getframe(2)
    code = frame.f_code
    if code.co_filename in _users:
        return code, frame.f_lasti
    if owner_of(code.co_filename) == "user":
        _users.add(code.co_filename)
    return user_line()
