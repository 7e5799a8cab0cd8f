"""Commands that write, killed once by SIGKILL and once by SIGTERM; benchmarks/fuzz.py --kills does
more, and all of them.
"""

from random import Random

import pytest
from fuzz_cases import work_folder
from fuzz_kills import damaged, kill_often, undisturbed, unfinished


@pytest.mark.slow
@pytest.mark.parametrize("name", ["train", "attack", "generate"])
def test_what_a_killed_command_leaves_is_whole(name, corpus):
    seconds, expected = undisturbed(name, corpus)
    assert kill_often(name, 1, Random(0), corpus, seconds, expected) == []


def test_every_kind_of_damage_is_seen(corpus):
    """A file that is cut off, of each kind that the commands write."""
    for path in (
        corpus.run / "result.json",
        corpus.run / "model.safetensors",
        corpus.run / "metrics.jsonl",
        corpus.phase / "phase.npz",
        corpus.phase / "phase.png",
        corpus.phase / "phase.svg",
        corpus.attack / "results.jsonl",
    ):
        with work_folder() as folder:
            (folder / path.name).write_bytes(path.read_bytes())
            assert damaged(folder) == []
            (folder / path.name).write_bytes(path.read_bytes()[:-40])
            assert len(damaged(folder)) == 1
            (folder / f".{path.name}.host.1.2.tmp").write_text("")
            assert len(unfinished(folder)) == 1
