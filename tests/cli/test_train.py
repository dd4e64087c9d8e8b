"""`pullback train`, `evaluate` and `predict`, from the first run to a resumed one."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pullback.cli import main
from pullback.cli.evaluate import trained as trained_network
from pullback.cli.options import flag_of
from pullback.compiler import compile
from pullback.core.errors import OptionError
from pullback.data import digits
from pullback.training import checkpoint, pictures, step
from pullback.training.evaluation import classify
from pullback.training.run_folder import RunFolder
from pullback.training.settings import ROWS, layered
from pullback.training.task import task_of

QUICK = ("--epochs", "2", "--hidden", "16")


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A run of two epochs on the embedded digits."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    with pytest.raises(SystemExit) as left:
        main(["train", *QUICK, "--quiet", "--out", str(folder)])
    assert not left.value.code
    return folder


@pytest.fixture
def run(trained, tmp_path):
    """A copy of it, in the folder where the commands run."""
    return shutil.copytree(trained, tmp_path / "run")


def test_the_default_run_reads_digits(pullback, tmp_path, monkeypatch, drawn):
    monkeypatch.setattr("pullback.training.progress._LINE_EVERY", float("inf"))  # however slow the machine
    done = pullback("train")
    *_, before, last = done.out.splitlines()
    assert done.code == 0
    assert before.startswith("1,350 steps in ")
    assert ": loss 0." in before
    assert float(last.split()[2].rstrip("%")) > 95
    assert last.endswith("pictures in runs/digits-1: curves.png, confusion.png, mistakes.png, report.html")
    assert {path.name for path in (tmp_path / "runs" / "digits-1").iterdir()} == {
        "config.toml", "metrics.jsonl", "model.safetensors", "curves.png", "confusion.png", "mistakes.png",
        "report.html",
    }  # fmt: skip
    assert done.err == ""  # no bar where there is no terminal


def test_quiet_says_the_last_line_only(pullback):
    done = pullback("train", *QUICK, "--quiet")
    assert len(done.out.splitlines()) == 1
    assert done.out.startswith("test accuracy")
    assert done.err == ""


def test_without_matplotlib_one_line_tells_how_to_get_pictures(pullback, monkeypatch, drawn):
    monkeypatch.setattr(pictures, "find_spec", lambda name: None)
    done = pullback("train", *QUICK, "--out", "run")
    assert done.code == 0
    assert "pip install 'pullback[viz]', then pullback evaluate run" in done.out.splitlines()[-1]


def test_options_come_before_the_file_and_both_before_what_is_usual(pullback, tmp_path):
    (tmp_path / "a.toml").write_text('hidden = [16]\nepochs = 9\nlr = 0.5\noptimizer = "sgd"\n')
    done = pullback("train", "--config", "a.toml", "--steps", "3", "--lr", "0.25", "--out", "run")
    assert done.code == 0
    kept = (tmp_path / "run" / "config.toml").read_text()
    for line in ("hidden = [16]", "steps = 3", "lr = 0.25", 'optimizer = "sgd"', "momentum = 0.9", "batch_size = 32"):
        assert line in kept.splitlines()
    assert "epochs" not in kept


def test_a_run_s_file_repeats_the_run(pullback, run, tmp_path):
    assert pullback("train", "--config", "run/config.toml", "--out", "again").code == 0
    assert weights(tmp_path / "again") == weights(run)


def weights(folder):
    return {name: array.tobytes() for name, array in checkpoint.load(folder / "model.safetensors").model.items()}


def test_every_setting_is_an_option(pullback):
    text = pullback("train", "--help").out
    for name in ROWS:
        assert ("[MODULE:FACTORY]" if name == "factory" else flag_of(name)) in text
    assert "Try:\n    pullback train\n" in text


def test_a_longer_run_goes_on(pullback, run, tmp_path):
    assert pullback("train", *QUICK, "--epochs", "3", "--out", "straight").code == 0
    done = pullback("train", "--resume", "run", "--epochs", "3")
    assert done.code == 0
    assert "135 steps, from step 90" in done.out
    assert "epochs = 3" in (run / "config.toml").read_text()
    assert weights(run) == weights(tmp_path / "straight")


def test_a_finished_run_is_evaluated_once_more(pullback, run):
    before = weights(run)
    done = pullback("train", "--resume", "run")
    assert done.code == 0
    assert "0 steps" in done.out
    assert weights(run) == before


START = "from pullback.cli import main; main()"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_saves_and_stops_and_resuming_is_exact(number, code, pullback, environment, tmp_path):
    arguments = ["train", "--steps", "20000", "--hidden", "16", "--dropout", "0.2", "--batch-size", "64"]
    process = subprocess.Popen(
        [sys.executable, "-c", START, *arguments, "--out", "run"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=environment,
    )  # fmt: skip
    for line in process.stdout:
        if line.startswith("run "):
            break  # from here on, signals are noted
    process.send_signal(number)
    out, err = process.communicate()
    assert process.returncode == code
    assert "Traceback" not in err
    step = checkpoint.load(tmp_path / "run" / "model.safetensors").rest["step"]
    assert out.splitlines()[-1] == f"stopped at step {step:,} of 20,000; go on: pullback train --resume run"
    assert 0 < step < 20_000
    if number != signal.SIGINT:
        return  # what is saved and how it goes on is the same whatever stopped it
    assert pullback("train", "--resume", "run", "--steps", str(step + 30)).code == 0
    straight = [*arguments, "--steps", str(step + 30), "--out", "straight"]
    assert pullback(*straight).code == 0
    assert weights(tmp_path / "run") == weights(tmp_path / "straight")


def test_evaluate_repeats_the_last_line(pullback, run, drawn):
    first = pullback("train", "--resume", "run").out.splitlines()[-1]
    for picture in run.glob("*.png"):
        picture.unlink()
    done = pullback("evaluate", "run")
    assert done.code == 0
    assert done.out.splitlines()[-1] == first
    assert len(list(run.glob("*.png"))) == 3


def test_predict_reads_the_test_images_as_evaluate_does(pullback, run):
    images, _ = digits().test.arrays
    task, _ = trained_network(RunFolder(run))
    network = task.trainer.model
    expected = classify(network, images[:40])
    for place in range(40):
        Image.fromarray(np.round(255 - images[place] * 255).astype(np.uint8)).save(f"{place}.png")
    done = pullback("predict", "run", *[f"{place}.png" for place in range(40)])
    head, *rows = done.out.splitlines()
    assert head.split() == ["image", "digit", *"0123456789"]
    for row, shares in zip(rows, expected, strict=True):
        _, digit, *cells = row.split()
        assert digit == str(shares.argmax())
        told = [0.0 if cell == "·" else float(cell.rstrip("%")) / 100 for cell in cells]
        assert told == pytest.approx(shares, abs=0.004)


def test_predict_tells_what_it_could_read_beside_what_it_could_not(pullback, run):
    images, _ = digits().test.arrays
    Image.fromarray(np.round(255 - images[0] * 255).astype(np.uint8)).save("good.png")
    Path("folder.png").mkdir()
    alone = pullback("predict", "run", "good.png").out
    done = pullback("predict", "run", "absent.png", "good.png", "folder.png")
    assert done.code == 1
    assert [line.split() for line in done.out.splitlines()] == [line.split() for line in alone.splitlines()]
    assert "no such file" in done.err
    assert "folder.png\n  got   Is a directory" in done.err


def test_an_accuracy_is_told_where_pictures_cannot_be_written(pullback, run, drawn):
    (run / "confusion.png").unlink(missing_ok=True)
    (run / "confusion.png").mkdir()
    done = pullback("evaluate", "run")
    assert done.code == 1
    assert "test accuracy" in done.out
    assert "a picture cannot be written" in done.err


def test_metrics_are_standard_lines(run):
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert {tuple(row) for row in rows} == {("step", "split", "name", "value", "time")}
    assert {(row["split"], row["name"]) for row in rows if row["split"] in ("train", "test")} == {
        ("train", "loss"), ("test", "loss"), ("test", "accuracy"), ("train", "accuracy"),
    }  # fmt: skip
    assert {row["split"] for row in rows} == {"train", "test", "weight", "gradient", "rate", "dead"}  # for the report
    assert [row["step"] for row in rows if row["name"] == "accuracy" and row["split"] == "test"] == [45, 90]


# What is wrong, the exit code, and what must be said.
WRONG = [
    (["train", "--epoch", "3"], 2, "--epochs"),
    (["train", "--epochs", "three"], 2, "Invalid value for '--epochs'"),
    (["train", "--data", "cifar"], 2, "digits or mnist"),
    (["train", "--lr", "-1"], 2, "lr cannot be so"),
    (["train", "--lr", "nan"], 2, "lr cannot be so"),
    (["train", "--epochs", "1", "--steps", "1"], 2, "give one of them"),
    (["train", "--batch-size", "5000"], 1, "a batch is larger than the data set"),
    (["train", "--config", "absent.toml"], 2, "absent.toml"),
    (["train", "--config", "wrong.toml"], 2, "near names: batch_size"),
    (["train", "--config", "wrong.toml"], 2, "file  wrong.toml"),
    (["train", "--out", "file/run"], 2, "cannot be written"),
    (["train", "--out", "run"], 2, "--resume run"),
    (["train", "--resume", "absent"], 2, "no run lies there"),
    (["train", "--resume", "run", "--seed", "1"], 2, "keeps its settings"),
    (["train", "--resume", "run", "--epochs", "1"], 2, "further than that"),
    (["train", "--resume", "run", "--out", "b", "--config", "c"], 2, "--config, --out"),
    (["train", "--data", "mnist", "--data-dir", "damaged"], 1, "train-images-idx3-ubyte"),
    (["train", "--optimizer", "sgd", "--lr", "1e30", "--steps", "90"], 1, "the loss is not finite"),
    (["evaluate", "absent"], 2, "no run lies there"),
    (["predict", "run", "wrong.toml"], 1, "no image"),
    (["predict", "run", "absent.png"], 1, "no such file"),
    (["predict", "run"], 2, "IMAGE"),
    (["nonsense"], 2, "nonsense"),
    (["train", "extra"], 2, "extra"),
]


@pytest.mark.parametrize(("arguments", "code", "words"), WRONG, ids=[" ".join(row[0]) for row in WRONG])
def test_what_is_wrong_is_told_without_a_traceback(arguments, code, words, pullback, run, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "wrong.toml").write_text("batchsize = 3\n")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "train-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03")
    before = weights(run)
    done = pullback(*arguments)
    assert done.code == code
    assert words in done.err
    assert "Traceback" not in done.err
    assert weights(run) == before
    if "not finite" not in words:
        assert not (tmp_path / "runs").exists()  # nothing is begun before all is known to fit


COMMANDS = [["train", "--resume", "run"], ["evaluate", "run"], ["predict", "run", "a.png"]]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_checkpoint_that_does_not_fit_is_named(command, pullback, run):
    content = (run / "model.safetensors").read_bytes()
    model, rest = checkpoint.load(run / "model.safetensors")
    checkpoint.save(run / "model.safetensors", {**model, "1.weight": model["1.weight"][1:]}, rest)
    done = pullback(*command)
    assert done.code == 1
    assert "run/model.safetensors" in done.err
    assert "1.weight" in done.err
    (run / "model.safetensors").write_bytes(content[:-1])
    done = pullback(*command)
    assert done.code == 1
    assert "damaged" in done.err


def test_the_checkpoint_of_another_run_is_not_gone_on_with(pullback, run):
    pullback("train", "--steps", "1", "--hidden", "8", "--out", "other")
    shutil.copy(run.parent / "other" / "model.safetensors", run)
    done = pullback("train", "--resume", "run")
    assert done.code == 2
    assert "hidden: (8,) in the checkpoint, (16,) here" in done.err
    assert "1 steps" in pullback("evaluate", "run").out  # which tells of the checkpoint, whatever lies beside it


def test_looking_changes_nothing_but_pictures(pullback, run, drawn):
    half = run / ".model.safetensors.1234abcd.tmp"
    half.write_bytes(b"being written by a training that is alive")
    with RunFolder(run).held():  # that training
        half.write_bytes(b"being written by a training that is alive")
        before = {path.name: path.read_bytes() for path in run.iterdir() if path.suffix != ".png"}
        assert pullback("evaluate", "run").code == 0
        pullback("predict", "run", "absent.png")
        assert {path.name: path.read_bytes() for path in run.iterdir() if path.suffix != ".png"} == before
        for way in (["--resume", "run"], ["--out", "run"]):
            done = pullback("train", *way)
            assert done.code == 2
            assert "another training works there" in done.err


def test_evaluate_tells_of_the_checkpoint_and_of_nothing_later(pullback, run):
    before = pullback("evaluate", "run").out
    with (run / "metrics.jsonl").open("a") as file:  # as a training does that has not saved yet
        file.write(json.dumps({"step": 91, "split": "train", "name": "loss", "value": 99.0, "time": 1.0}) + "\n")
    assert pullback("evaluate", "run").out == before


def test_a_damaged_line_is_told_and_costs_itself(pullback, run):
    lines = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    (run / "metrics.jsonl").write_text("".join([lines[0], lines[1].replace('"', "#"), *lines[2:]]))
    done = pullback("train", "--resume", "run", "--epochs", "3")
    assert done.code == 0
    assert done.err.splitlines()[0] == "warning: metrics: damaged lines are left out"
    assert (run / "metrics.jsonl").read_text().startswith("".join([lines[0], *lines[2:]]))


def test_a_rate_that_is_changed_on_purpose_is_noted(pullback, run):
    done = pullback("train", "--resume", "run", "--epochs", "3", "--lr", "0.5")
    assert done.code == 0
    assert "note   from step 90 on: lr = 0.5, before 0.002" in done.out.splitlines()
    assert "# from step 90 on: lr = 0.5, before 0.002" in (run / "config.toml").read_text().splitlines()


def test_a_run_that_stopped_at_once_points_to_one_way_out(pullback, run):
    (run / "model.safetensors").unlink()
    (run / "metrics.jsonl").unlink()
    for command in (["evaluate", "run"], ["predict", "run", "a.png"], ["train", "--out", "run"]):
        done = pullback(*command)
        assert done.code == 2
        assert "--resume run" in done.err
    assert pullback("train", "--resume", "run", "--quiet").code == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes")
@pytest.mark.parametrize("name", ["config.toml", "metrics.jsonl", "model.safetensors"])
@pytest.mark.parametrize("kind", ["pipe", "folder"])
@pytest.mark.parametrize("command", COMMANDS)
def test_pipes_and_folders_where_files_should_be(name, kind, command, pullback, run):
    (run / name).unlink()
    os.mkfifo(run / name) if kind == "pipe" else (run / name).mkdir()
    Image.new("L", (30, 30), 255).save("a.png")
    done = pullback(*command)
    assert "Traceback" not in done.err
    if done.err and "nothing stands out" not in done.err:
        assert "no file" in done.err or "Is a directory" in done.err
        assert name in done.err or "folder  run" in done.err


@pytest.mark.parametrize(
    "content",
    [b"[" * 5_000, b"\0" * 100, b"\xff\xfe", b"seed = " + b"1" * 5_000, b"lr = 1" + b"0" * 400, b"lr = inf",
     b"hidden = {}", b"epochs = [[[[1]]]]", b"[data]\nname = 1", b"batch-size = 3\nbatch_size = 3",
     b'data_dir = "\\u0000"', b"a" * 2_000_000],
)  # fmt: skip
def test_a_file_of_settings_that_is_wrong_in_any_way(content, pullback, tmp_path):
    (tmp_path / "wrong.toml").write_bytes(content)
    done = pullback("train", "--config", "wrong.toml")
    assert done.code == 2
    assert done.err.startswith("error: settings: ")
    assert "wrong.toml" in done.err
    assert len(done.err) < 1_000


EXAMPLES = {
    ("--hidden", "a,b"): "--hidden 64,32", ("--hidden", "0"): "--hidden 64,32",
    ("--hidden", "9" * 5_000): "--hidden 64,32", ("--epochs", "many"): "--epochs 30", ("--epochs", "-1"): "--epochs 30",
    ("--lr", "x"): "--lr 0.001", ("--lr", "0"): "--lr 0.001", ("--optimizer", "rms"): "--optimizer adam",
    ("--data", "cats"): "--data digits", ("--seed", "1.5"): "--seed 1", ("--dropout", "1"): "--dropout 0.2",
    ("--momentum", "2"): "--momentum 0.9", ("--batch-size", "0"): "--batch-size 32", ("--hidden",): "--hidden 64,32",
    ("--weight-decay", "-1"): "--weight-decay 0.01", ("--threads", "0"): "--threads 2",
    ("--steps", "x"): "--steps 5000",
    ("--batch-size",): "--batch-size 32",
}  # fmt: skip


@pytest.mark.parametrize("arguments", EXAMPLES, ids=" ".join)
def test_a_complaint_of_an_option_shows_one_that_is_right(arguments, pullback):
    done = pullback("train", *arguments)
    assert done.code == 2
    assert EXAMPLES[arguments] in done.err
    assert len(done.err) < 400


@pytest.mark.parametrize("how", ["option", "environment"])
def test_the_traceback_can_be_seen(how, pullback, monkeypatch):
    monkeypatch.setenv("PULLBACK_TRACEBACK", "1" if how == "environment" else "")
    arguments = ["--traceback"] if how == "option" else []
    with pytest.raises(OptionError):
        main([*arguments, "train", "--lr", "-1"])


@pytest.mark.parametrize("installed", [True, False])
def test_the_compiler_is_used_where_it_is(installed, monkeypatch):
    made = []
    monkeypatch.setattr(step, "find_spec", lambda name: name if installed else None)
    monkeypatch.setattr(step, "compile", lambda function: made.append(function) or compile(function))
    for wanted in (False, True):
        settings = layered({"compile": wanted, "batch_size": 64, "hidden": 4})
        task = task_of(settings)
        task.trainer.learn([next(task.train.batches(0))])
        assert bool(made) == (installed and wanted)


def test_nothing_of_the_environment_is_left(pullback, drawn):
    before = dict(os.environ)
    pullback("train", *QUICK)
    assert dict(os.environ) == before


def test_a_profile_of_some_steps(pullback, tmp_path):
    done = pullback("train", *QUICK, "--profile", "--out", "run")
    assert done.code == 0
    assert "profile of 100 steps in run: profile.html, trace.json" in done.out
    assert "Operations, of" in done.out
    events = json.loads((tmp_path / "run" / "trace.json").read_text(encoding="utf-8"))["traceEvents"]
    assert sum(event.get("cat") == "call" for event in events) == 80, "the run has no more steps"
    assert "<canvas" not in (tmp_path / "run" / "profile.html").read_text(encoding="utf-8").partition("<script")[0]
    assert pullback("train", "--resume", "run", "--epochs", "3", "--quiet").code == 0, (
        "a checkpoint knows nothing of it"
    )
