"""The command as a whole."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import pullback as pb
from pullback import cli
from pullback.cli.app import COMMANDS, MAP
from pullback.cli.information import EXTRAS


def test_help_lists_the_commands(pullback):
    done = pullback("--help")
    assert done.code == 0
    for command, _, _ in COMMANDS:
        assert f"  {command.__name__} " in done.out


def test_the_module_shows_the_same_map(pullback, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    help = pullback("--help").out
    done = subprocess.run([sys.executable, "-m", "pullback", "--help"], capture_output=True, text=True, check=True)
    assert done.stdout == help
    for line in MAP.splitlines()[1:]:
        assert line in help
    for part in re.findall(r"\bpb\.(\w+)", help):
        assert hasattr(pb, part)


@pytest.mark.parametrize(("command", "lines"), [(command, lines) for command, _, lines in COMMANDS])
def test_each_command_explains_itself(command, lines, pullback):
    done = pullback(command.__name__, "--help")
    assert done.code == 0
    for line in lines.strip().splitlines():
        assert f"    {line.strip()}\n" in done.out


@pytest.mark.parametrize(
    "line", [line.strip() for _, _, lines in COMMANDS for line in lines.split("\n") if "grad" in line]
)
def test_the_formulas_of_the_help_work(line, pullback):

    assert pullback(*shlex.split(line)[1:]).code == 0


def test_no_arguments_give_the_help(pullback):
    done = pullback()
    assert "Commands:" in done.out + done.err


def test_the_version_is_the_package_s(pullback):
    assert pullback("--version") == (0, f"pullback {pb.__version__}\n", "")


def test_info_tells_what_a_report_needs(pullback, tmp_path, monkeypatch):
    monkeypatch.setenv("PULLBACK_DATA", str(tmp_path))
    done = pullback("info")
    assert done.code == 0
    for word in ("python", "numpy", "openblas", "OMP_NUM_THREADS", "digits", "mnist", *EXTRAS):
        assert word in done.out.lower() or word in done.out
    assert "not here" in done.out
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (tmp_path / f"{name}-ubyte.gz").write_bytes(b"")
    assert f"in {tmp_path}" in pullback("info").out


def test_info_knows_the_extras_of_the_project():

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert EXTRAS.keys() == project["optional-dependencies"].keys() - {"all"}


def test_it_runs_as_a_module(environment):
    done = subprocess.run(
        [sys.executable, "-m", "pullback", "grad", "x**2", "x=3"],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    assert "gradient  x  6" in done.stdout


def test_a_ctrl_c_while_it_loads_is_no_traceback(monkeypatch):
    class Stopped:
        def find_spec(self, name, *rest):
            if name == "pullback.cli.app":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "pullback.cli.app")
    monkeypatch.delattr(cli, "app")
    monkeypatch.setattr(sys, "meta_path", [Stopped(), *sys.meta_path])
    with pytest.raises(SystemExit) as left:
        cli.main(["info"])
    assert left.value.code == 130
