"""Object code on disk: what was stored or nothing, from nobody else's hands, in bounded space."""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback
from pullback.compiler.machine import cache as module
from pullback.compiler.machine.cache import HEADER, ObjectCache, user_folder
from pullback.core.errors import OptionError

SOURCE = Path(pullback.__file__).parents[1]
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
root = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture
def stored(tmp_path):
    return ObjectCache(tmp_path / "a" / "objects")


def only_file(cache):
    (path,) = cache.folder.iterdir()
    return path


@given(code=st.binary(max_size=200), other=st.binary(max_size=20))
def test_what_was_stored_comes_back(tmp_path_factory, code, other):
    cache = ObjectCache(tmp_path_factory.mktemp("objects"))
    assert cache.load("one") is None
    cache.store("one", code)
    cache.store("two", other)
    assert (cache.load("one"), cache.load("two"), cache.load("three")) == (code, other, None)
    cache.store("one", other)
    assert cache.load("one") == other


def flipped(place):
    def change(content):
        changed = bytearray(content)
        changed[place] ^= 1
        return bytes(changed)

    return change


DAMAGES = {
    "empty": lambda content: b"",
    "header only": lambda content: content[: HEADER.size],
    "in the header": lambda content: content[: HEADER.size // 2],
    "last byte missing": lambda content: content[:-1],
    "one byte more": lambda content: content + b"\0",
    "zeros, as after a crash": lambda content: bytes(len(content)),
    "another format": lambda content: content[:8] + (module.FORMAT + 1).to_bytes(4, "little") + content[12:],
    **{f"byte {place}": flipped(place) for place in (0, 7, 8, 12, 19, 20, 51, 52, 60, -1)},
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_entry_is_missing_and_is_replaced(stored, name):
    stored.store("entry", b"some code, long enough")
    path = only_file(stored)
    damaged = DAMAGES[name](path.read_bytes())
    assert damaged != path.read_bytes()
    path.write_bytes(damaged)
    assert stored.load("entry") is None
    stored.store("entry", b"some code, long enough")
    assert stored.load("entry") == b"some code, long enough"


def test_an_entry_under_another_name_is_missing(stored):
    stored.store("entry", b"code")
    path = only_file(stored)
    path.rename(path.with_name(path.name.replace("entry", "other")))
    assert stored.load("other") is None


@posix
def test_only_the_user_can_read_it(tmp_path):
    before = os.umask(0)
    try:
        cache = ObjectCache(tmp_path / "objects")
        cache.store("entry", b"code")
    finally:
        os.umask(before)
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(only_file(cache).stat().st_mode) == 0o600


@posix
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702, 0o1777])
def test_a_folder_that_others_can_write_to(stored, mode):
    stored.store("entry", b"code")
    stored.folder.chmod(mode)
    again = ObjectCache(stored.folder)
    assert "others can write" in again.obstacle
    assert again.load("entry") is None
    again.store("new", b"code")
    assert len(list(stored.folder.iterdir())) == 1


@posix
def test_a_folder_of_somebody_else(stored, monkeypatch):
    stored.store("entry", b"code")
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    assert stored.load("entry") is None  # the file is not theirs either
    assert "somebody else" in ObjectCache(stored.folder).obstacle


@posix
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_can_write_to(stored, mode):
    stored.store("entry", b"code")
    only_file(stored).chmod(mode)
    assert stored.load("entry") is None


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "file", tmp_path / "file" / "objects"):
        cache = ObjectCache(path)
        assert "cannot be used" in cache.obstacle
        cache.store("entry", b"code")
        assert cache.load("entry") is None


@posix
def test_a_folder_that_cannot_be_written_to(stored, monkeypatch):
    stored.folder.chmod(0o500)
    if root:  # who may do everything
        monkeypatch.setattr(os, "access", lambda path, how: False)
    cache = ObjectCache(stored.folder)
    assert "cannot be written to" in cache.obstacle
    cache.store("entry", b"code")
    stored.folder.chmod(0o700)
    assert list(stored.folder.iterdir()) == []


def test_a_full_disk(stored, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        stored.store("entry", b"code")
    assert "No space left" in stored.obstacle
    assert list(stored.folder.iterdir()) == []
    monkeypatch.setattr(os, "fdopen", full)
    other = ObjectCache(stored.folder)
    other.store("entry", b"code")
    assert "No space left" in other.obstacle


def test_a_folder_that_goes_away(stored):
    stored.folder.rmdir()
    assert stored.load("entry") is None
    stored.store("entry", b"code")
    assert "cannot be written to" in stored.obstacle


def test_the_environment_chooses(tmp_path, monkeypatch):
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "named"))
    monkeypatch.setenv("PULLBACK_CACHE_SIZE", "1000")
    cache = ObjectCache.of_user()
    assert (cache.folder, cache.most, cache.obstacle) == (tmp_path / "named", 1000, None)
    for off in ("", "0"):
        monkeypatch.setenv("PULLBACK_CACHE", off)
        assert "switches it off" in ObjectCache.of_user().obstacle
    monkeypatch.delenv("PULLBACK_CACHE")
    monkeypatch.delenv("PULLBACK_CACHE_SIZE")
    monkeypatch.setenv("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME", str(tmp_path / "usual"))
    cache = ObjectCache.of_user()
    assert (cache.folder, cache.most) == (tmp_path / "usual" / "pullback" / "objects", 256 << 20)
    monkeypatch.setenv("PULLBACK_CACHE_SIZE", "much")
    with pytest.raises(OptionError, match=r"PULLBACK_CACHE_SIZE(.|\n)*much"):
        ObjectCache.of_user()


@posix
def test_where_users_have_their_caches(monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("PULLBACK_CACHE")
    monkeypatch.setattr(sys, "platform", "linux")
    assert user_folder() == Path("~/.cache")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert user_folder() == Path("~/Library/Caches")

    def homeless(path):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", homeless)
    assert "no home" in ObjectCache.of_user().obstacle


def aged(cache, name, seconds):
    moment = time.time() - seconds
    os.utime(cache.folder / f"{name}.object", (moment, moment))


def names(cache):
    return {path.stem for path in cache.folder.iterdir()}


def test_what_was_used_longest_ago_goes_first(tmp_path):
    cache = ObjectCache(tmp_path / "objects", most=3 * (HEADER.size + 100))
    for age, name in enumerate("abc"):
        cache.store(name, bytes(100))
        aged(cache, name, 100 - age)
    assert cache.load("a") == bytes(100)  # so b is the oldest now
    cache.store("d", bytes(100))
    assert names(cache) == {"a", "c", "d"}
    for name in "acd":
        aged(cache, name, -1000)  # a clock that was wrong
    cache.store("e", bytes(100))
    assert "e" in names(cache)
    assert len(names(cache)) == 3
    cache.store("f", bytes(300 + 2 * HEADER.size))
    assert names(cache) == {"f"}
    cache.store("g", bytes(301 + 2 * HEADER.size))
    assert names(cache) == {"f"}


def test_what_was_never_finished_goes_too(stored):
    old, new, foreign = (stored.folder / name for name in (".1.tmp", ".2.tmp", "notes.txt"))
    for path in (old, new, foreign):
        path.write_bytes(b"")
    for path in (old, foreign):
        os.utime(path, (0, 0))
    stored.store("entry", b"code")
    assert {path.name for path in stored.folder.iterdir()} == {".2.tmp", "notes.txt", "entry.object"}


def python(program, folder):
    environment = {**os.environ, "PULLBACK_CACHE": str(folder), "PYTHONPATH": str(SOURCE)}
    return subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True)


WRITER = """
from pullback.compiler.machine.cache import ObjectCache
cache, found = ObjectCache.of_user(), set()
for n in range(300):
    cache.store("entry", bytes([n % 2]) * 50_000)
    code = cache.load("entry")
    found.add(code is not None and code in (bytes(50_000), bytes([1]) * 50_000))
print(found, cache.obstacle)
"""


def test_several_processes_write_the_same_entry(tmp_path):
    running = [python(WRITER, tmp_path / "objects") for _ in range(3)]
    assert [process.communicate()[0].strip() for process in running] == ["{True} None"] * 3
    assert names(ObjectCache(tmp_path / "objects")) == {"entry"}


# Libraries.


def answering(number):
    return f"define i64 @answer() {{\n  ret i64 {number}\n}}"


@pytest.fixture
def jit(tmp_path, monkeypatch):
    pytest.importorskip("llvmlite", reason="libraries are compiled through llvmlite")
    from pullback.compiler.machine import jit

    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "objects"))
    return jit


def ask(jit, number, key="key", exported=("answer",)):
    """What a library answers, whether it was on disk, and how often it was built."""
    built = []

    def build():
        built.append(number)
        return answering(number)

    library = jit.Library(build, exported, key=key)
    return library.function("answer", result=ctypes.c_int64)(), library.found, len(built)


def test_a_library_from_the_cache_is_not_built(jit):
    assert ask(jit, 1) == (1, False, 1)
    assert ask(jit, 2) == (1, True, 0)  # as the key says that it is the same
    assert ask(jit, 2, key="another") == (2, False, 1)
    assert ask(jit, 2, exported=("answer", "answer")) == (2, False, 1)


def test_a_library_without_a_key_is_not_kept(jit, tmp_path):
    library = jit.Library(answering(3), ["answer"])
    assert library.function("answer", result=ctypes.c_int64)() == 3
    assert (library.found, library.cache) == (False, None)
    assert not (tmp_path / "objects").exists()


def test_versions_and_processor_are_part_of_the_name(jit, monkeypatch):
    import llvmlite

    target = jit._target()
    assert ask(jit, 1) == (1, False, 1)
    for part in (jit.__version__, llvmlite.__version__, target.machine.triple):
        assert part in target.versions
        changed = target._replace(versions=target.versions.replace(part, "other"))
        with monkeypatch.context() as patch:
            patch.setattr(jit, "_target", lambda changed=changed: changed)
            assert ask(jit, 2, key="key") == (2, False, 1)
    assert ask(jit, 2) == (1, True, 0)
    import llvmlite.binding as llvm

    for part in (llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten(), str(llvm.llvm_version_info)):
        assert part in target.versions


def test_the_compilers_own_source_is_part_of_the_name(jit, tmp_path, monkeypatch):
    (tmp_path / "part").mkdir()
    files = [tmp_path / "function.py", tmp_path / "part" / "loops.py"]
    for path in files:
        path.write_text("x = 1\n")
    monkeypatch.setattr(jit, "SOURCES", (tmp_path,))
    seen = [jit._source()]
    for path in files:
        path.write_text("x = 10\n")
        seen.append(jit._source())
    assert seen[0] != seen[1] != seen[2]


def test_no_cache(jit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for off in ("", "0"):
        monkeypatch.setenv("PULLBACK_CACHE", off)
        assert ask(jit, 1) == (1, False, 1)
        assert ask(jit, 2) == (2, False, 1)
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "file"))
    assert ask(jit, 3) == (3, False, 1)
    assert "cannot be used" in jit.Library(answering(1), ["answer"], key="key").cache.obstacle
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_damaged_object_code_is_compiled_again(jit, tmp_path):
    ask(jit, 1)
    path = only_file(ObjectCache(tmp_path / "objects"))
    path.write_bytes(path.read_bytes()[:-9])
    assert ask(jit, 2) == (2, False, 1)
    assert ask(jit, 3) == (2, True, 0)


@pytest.mark.parametrize("code", [b"", b"no object code", b"\x7fELF" + bytes(200)])
def test_code_that_cannot_be_linked_is_compiled_again(jit, tmp_path, code, capfd):
    ask(jit, 1)
    cache = ObjectCache(tmp_path / "objects")
    cache.store(only_file(cache).stem, code)
    assert ask(jit, 2) == (2, False, 1)
    assert ask(jit, 3) == (2, True, 0)
    capfd.readouterr()  # LLVM says so on stderr


def test_what_is_wrong_with_a_module_is_said_each_time(jit, tmp_path, capfd):
    for _ in range(2):
        with pytest.raises(RuntimeError, match="expected"):
            jit.Library("nonsense", ["answer"], key="wrong")
        with pytest.raises(RuntimeError, match="missing"):
            jit.Library(answering(1), ["missing"], key="wrong")
    assert list((tmp_path / "objects").iterdir()) == []
    capfd.readouterr()


LIBRARY = """
import ctypes
from pullback.compiler.machine.jit import Library
library = Library("define i64 @answer() {\\n  ret i64 7\\n}", ["answer"], key="shared")
print(library.function("answer", result=ctypes.c_int64)(), library.found)
"""


def test_other_processes_find_it(jit, tmp_path):
    running = [python(LIBRARY, tmp_path / "objects") for _ in range(2)]
    said = [process.communicate()[0].split() for process in running]
    assert [number for number, _ in said] == ["7", "7"]
    assert python(LIBRARY, tmp_path / "objects").communicate()[0].split() == ["7", "True"]


def test_ir_and_instructions_of_what_came_from_the_cache(jit):
    first, second = (jit.Library(answering(41), ["answer"], key="key") for _ in range(2))
    assert second.found
    for library in (first, second):
        assert "ret i64 41" in library.ir()
        assert "41" in library.asm()
        assert "answer" in library.asm()


def test_the_pool_and_the_entry_are_kept(jit, tmp_path):
    program = """
from pullback.compiler.machine.entry.native import _library
from pullback.compiler.machine.threads import pool
pool.ensure()
print(pool._library.found, _library().found)
"""
    said = [python(program, tmp_path / "objects").communicate()[0].strip() for _ in range(2)]
    assert said == ["False False", "True True"]
