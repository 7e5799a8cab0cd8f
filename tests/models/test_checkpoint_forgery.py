"""Checkpoint files with contents that no run writes, and a checksum that agrees with them."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from altered_checkpoint import altered, both, setting, weight

from loopstab.models.grid.pack import pack
from loopstab.models.grid.workers import RUNS
from loopstab.models.measure.crossvalidate import crossvalidate
from loopstab.models.network.checkpoint import Checkpoint
from loopstab.models.network.metadata import entries
from loopstab.models.training.train import MODEL
from loopstab.models.zoo import zoo
from loopstab.support.errors import LoopstabError

FORGED = {
    "width 10^9": (both("width", 10**9), "model.width must be a whole number from 1 to 65536"),
    "width true": (both("width", True), "model.width must be a whole number"),
    "width 8.0": (both("width", 8.0), "model.width must be a whole number"),
    "no width": (both("width", None), "model.width is missing"),
    "wider": (both("width", 4096), "it has 1124 numbers, and needs 251736076"),
    "more weights than any": (both("blocks", 1024), "numbers, and needs"),
    "too large as a whole": (
        lambda c: [both(k, v)(c) for k, v in (("width", 65536), ("blocks", 9))],
        "weights, more than 20000000000",
    ),
    "heads": (both("heads", 3), "width 8 is not divisible by 3 heads"),
    "eps": (both("eps", 0), "model.eps must be a finite number above 0 up to 1"),
    "architecture": (both("architecture", "inner/post"), "unknown recall"),
    "another name": (setting("run.architecture", "none/post"), "run.architecture is none/post"),
    "depth": (both("depth", 2), "'depth' is unknown"),
    "another network": (both("architecture", "none/post/add"), "the network is none/post"),
    "two networks": (setting("model.eps", 1e-5), "model and run.config.model differ"),
    "no network": (setting("model", None), "no model configuration"),
    "no run": (setting("run", None), "no record of a run"),
    "a run that is a list": (setting("run", [1]), "run must be an object, not a list"),
    "no task": (setting("run.task", None), "run.task is missing"),
    "another task": (setting("run.task", "go"), "unknown task 'go'"),
    "a task of boards": (setting("run.task", "kqk"), ""),
    "data of no length": (setting("run.data", "prefix-sums-x"), "from 1 to 100000"),
    "data of a huge length": (setting("run.data", "prefix-sums-999999999"), "from 1 to 100000"),
    "a huge level": (setting("run.level_reached", "99999999"), "no level '99999999'"),
    "no level": (setting("run.level_reached", "\x1b[2J"), "no level '\\x1b[2J'"),
    "loops down": (setting("run.loops", [2, 1]), "run.loops is not ascending"),
    "loops from zero": (setting("run.loops", [0, 1]), "run.loops[0] must be a whole number from 1"),
    "no loops": (setting("run.loops", []), "run.loops has 0 entries"),
    "a short curve": (setting("run.accuracy.8", [0.5]), "run.accuracy.8 has 1 entries"),
    "an accuracy of 2": (setting("run.accuracy.8", [2]), "must be a finite number from 0 up to 1"),
    "levels without samples": (setting("run.samples", {}), "samples and accuracy are about other"),
    "a choice of none": (setting("run.choice.loops", 499), "choice.loops is 499"),
    "seconds": (setting("run.seconds", -1), "run.seconds must be a finite number from 0"),
    "seed": (setting("run.config.seed", 2**60), "run.config.seed must be a whole number from 0"),
    "schedule": (setting("run.config.schedule.kind", "daily"), "run.config.schedule.kind must be"),
    "history": (setting("history", {}), "history must be a list"),
    "history of texts": (setting("history", ["a"]), "history[0] must be an object, not 'a'"),
    "a loss of text": (
        setting("history", [{"step": 1, "level": "4", "loss": "0", "gradient": 0, "solved": 0}]),
        "history[0].loss must be a finite",
    ),
    "weights that are not numbers": (
        weight("encoder.bias", torch.full((8,), torch.nan)),
        "the tensor 'encoder.bias' in",
    ),
    "infinite weights": (weight("encoder.bias", torch.full((8,), torch.inf)), "is not finite"),
    "one weight more": (weight("other", torch.zeros(3)), "numbers, and needs"),
    "one weight less": (lambda c: c.tensors.pop("encoder.bias"), "numbers, and needs"),
    "another shape": (
        weight("encoder.weight", torch.zeros(1, 8)),
        "'encoder.weight' has the shape (1, 8), not (8, 1)",
    ),
    "entries without tensors": (
        lambda c: c.meta.update(entries={"a": {k: c.meta[k] for k in ("run", "model")}}),
        "the run 'a' has no tensors",
    ),
}
"""A change of the contents, whose checksum is right, and what is said of it."""


@pytest.mark.parametrize(("change", "words"), FORGED.values(), ids=FORGED)
def test_files_that_are_forged(run, tmp_path, change, words):
    file = altered(run / MODEL, tmp_path / MODEL, change)
    others = () if words.startswith("no level") else (lambda path: zoo.verify(str(path)),)
    for read in (crossvalidate, *others):  # a verification does not use the level reached
        with pytest.raises(LoopstabError) as error:
            read(file)
        assert words in str(error.value)
        assert "\n" not in str(error.value)


def test_what_a_finished_run_must_say(run, tmp_path):
    """A record without accuracies is enough to measure a network, and not to verify or pack it."""
    (tmp_path / RUNS / "a").mkdir(parents=True)
    found = Checkpoint.load(run / MODEL)
    for key in ("loops", "accuracy", "samples", "choice"):
        del found.meta["run"][key]
    file = found.save(tmp_path / RUNS / "a" / MODEL)
    assert crossvalidate(file, inputs=1, loops=32, limit=32, spectra=0).inputs == 1
    for read in (
        lambda: zoo.verify(str(file)),
        lambda: pack(tmp_path, tmp_path / "packed"),
        lambda: entries(file),
    ):
        with pytest.raises(LoopstabError, match=r"\(run\.loops is missing\)"):
            read()


# the peak of getrusage would be that of the process that starts this one, where it is larger
CLAIM = """
import re, sys
from pathlib import Path
from loopstab.paper_figures.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    print(end.code, re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is that of Linux")
@pytest.mark.parametrize("width", [10**9, 65536])
def test_no_memory_is_taken_for_a_claim(run, tmp_path, width):
    file = altered(run / MODEL, tmp_path / MODEL, both("width", width))
    done = subprocess.run(
        [sys.executable, "-c", CLAIM, "crossvalidate", str(file)], capture_output=True, text=True
    )
    code, peak = map(int, done.stdout.split())
    assert code == 1
    assert peak < 10**6  # KiB
    assert done.stderr.count("\n") == 1
    assert "width" in done.stderr or "numbers, and needs" in done.stderr
