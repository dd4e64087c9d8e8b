"""Make `.venv` hold what parts of pyproject.toml ask for, and print the path of its Python.

Called by `scripts/setup`. A part is the name of a dependency group or of an extra. The core, this checkout
and what a group names must install. What an extra brings, and the peers that the benchmarks measure, are left
out by name where this platform has no build of them. A stamp file tells what is installed, so that a second
call costs nothing.

uv does the work where it is present and can; otherwise venv and pip, as configured on this machine. The
requirements are read from pyproject.toml here, because the pip of an older Python knows no dependency groups.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
VENV: Final = ROOT / ".venv"
PYTHON: Final = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP: Final = VENV / "installed.json"

OPTIONAL_GROUPS: Final = {"bench"}

# Its source does not build without a matching LLVM, so a platform without a wheel does without it at once.
WHEELS_ONLY: Final = "--only-binary=llvmlite"

# uv does not read pip's settings. What names the machine's package index holds for both.
UV_NAMES: Final = {
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
    "PIP_CERT": "SSL_CERT_FILE",
}


def say(line: str) -> None:
    """Tell the person who waits; the standard output is kept for the answer."""
    print(line, file=sys.stderr, flush=True)


def requirements(project: dict[str, Any], part: str, *, optional: bool = False) -> Iterator[tuple[str, bool]]:
    """Give each requirement of a group or an extra, and whether it may be left out."""
    groups, extras = project["dependency-groups"], project["project"]["optional-dependencies"]
    if part not in groups and part not in extras:
        sys.exit(f"setup: there is no such part\n  got  {part}\n  fix  one of {', '.join([*groups, *extras])}")
    optional = optional or part in OPTIONAL_GROUPS or part in extras
    for requirement in groups.get(part) or extras[part]:
        own_extras = isinstance(requirement, str) and re.fullmatch(r"pullback\[(.+)\]", requirement)
        if own_extras:
            for extra in own_extras[1].split(","):
                yield from requirements(project, extra.strip(), optional=optional)
        elif isinstance(requirement, dict):
            yield from requirements(project, requirement["include-group"], optional=optional)
        else:
            yield requirement, optional


def run(*command: str | Path) -> str | None:
    """Run a command; give back what it complained about, or None where it succeeded."""
    environment = dict(os.environ)
    for pip_name, uv_name in UV_NAMES.items():
        if pip_name in environment:
            separator = "," if uv_name == "UV_FIND_LINKS" else " "
            environment.setdefault(uv_name, separator.join(environment[pip_name].split()))
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return None if done.returncode == 0 else (done.stderr + done.stdout).strip() or f"exit status {done.returncode}"


def create() -> None:
    """Make an empty `.venv` of the Python that runs this."""
    base = getattr(sys, "_base_executable", sys.executable)  # the real one, should this be a virtual environment's
    ways = [[base, "-m", "venv", VENV]]
    if uv := shutil.which("uv"):
        ways.insert(0, [uv, "venv", "--quiet", "--python", base, VENV])
    for way in ways:
        shutil.rmtree(VENV, ignore_errors=True)
        complaint = run(*way)
        if complaint is None:
            return
    sys.exit(f"{complaint}\nsetup: could not make .venv\n  fix  install python3-venv (on Debian), or uv")


def install(wanted: list[str]) -> str | None:
    """Install this checkout and what is wanted beside it; give back the complaint, or None."""
    what: list[str | Path] = ["--quiet", WHEELS_ONLY, "--editable", ROOT, *wanted]
    uv = shutil.which("uv")
    if uv and run(uv, "pip", "install", "--python", PYTHON, *what) is None:
        return None
    if run(PYTHON, "-m", "pip", "--version") is not None:
        run(PYTHON, "-m", "ensurepip")  # uv makes environments without pip
    return run(PYTHON, "-m", "pip", "install", "--disable-pip-version-check", *what)


def install_what_can_be(required: list[str], optional: list[str]) -> None:
    """Install everything at once; where that fails, what is required, then each optional thing alone."""
    if install([*required, *optional]) is None:
        return
    complaint = install(required)
    if complaint is not None:
        sys.exit(f"{complaint}\nsetup: the installer failed; its words are above")
    for requirement in optional:
        complaint = install([*required, requirement])
        if complaint is not None:
            say(f"setup: left out {requirement} ({complaint.splitlines()[-1]})")


def version_in_place() -> str | None:
    """Tell the Python version that `.venv` runs, or None where it runs none."""
    probe = "import sys; print(*sys.version_info[:2], sep='.')"
    try:
        return subprocess.run([PYTHON, "-c", probe], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def main(parts: list[str]) -> None:
    """Bring `.venv` up to date for the parts, and print its Python's path."""
    source = (ROOT / "pyproject.toml").read_bytes()
    project = tomllib.loads(source.decode())
    wanted: dict[str, bool] = {}  # whether each requirement may be left out
    for requirement, optional in (pair for part in parts for pair in requirements(project, part)):
        wanted[requirement] = optional and wanted.get(requirement, True)

    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    stamp = {"pyproject": hashlib.sha256(source).hexdigest(), "checkout": str(ROOT), "python": version}
    try:
        before = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        before = {}
    same = PYTHON.exists() and before.items() >= stamp.items()
    installed = set(before["requirements"]) if same else set()

    if not same or not wanted.keys() <= installed:
        say(f"setup: preparing .venv with Python {version} for {', '.join(parts)} (a minute or two, once)")
        STAMP.unlink(missing_ok=True)
        if version_in_place() != version:
            create()
        required = [requirement for requirement, optional in wanted.items() if not optional]
        install_what_can_be(required, [requirement for requirement, optional in wanted.items() if optional])
        run(PYTHON, "-m", "compileall", "-q", ROOT / "src")  # so that nobody's first import compiles it
        STAMP.write_text(json.dumps({**stamp, "requirements": sorted(installed | wanted.keys())}))
    print(PYTHON)


if __name__ == "__main__":
    main(sys.argv[1:])
