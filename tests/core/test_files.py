"""What is read is a file, of a size that is known before."""

from __future__ import annotations

import os

import pytest

from pullback.core.files import opened, read_file

needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes")


@needs_pipes
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="pipe or a device"):
        opened(tmp_path / "pipe")


@pytest.mark.parametrize(("name", "error"), [("", IsADirectoryError), ("absent", FileNotFoundError), ("a\0b", OSError)])
def test_what_is_no_file_is_named(name, error, tmp_path):
    with pytest.raises(error) as caught:
        opened(str(tmp_path) + "/" + name)
    assert caught.value.strerror
    assert caught.value.filename == str(tmp_path) + "/" + name


def test_what_is_too_large_is_not_read(tmp_path):
    with (tmp_path / "holes").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError, match="at most 10 are read"):
        read_file(tmp_path / "holes", most=10)
    (tmp_path / "ten").write_bytes(b"0123456789")
    assert read_file(tmp_path / "ten", most=10) == b"0123456789"
