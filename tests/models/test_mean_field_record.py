"""Records of the mean-field map: what is measured, written and read, and files that are refused."""

from __future__ import annotations

import dataclasses

import pytest

from loopstab.models.measure.mean_field_record import mean_field_record, read_records, write_records
from loopstab.models.network.model_config import ModelConfig
from loopstab.models.network.transformer import LoopedTransformer
from loopstab.models.tasks.prefix_sums import PrefixSums
from loopstab.support.errors import LoopstabError, UsageError
from loopstab.theory.architecture import Architecture

SETTINGS = {"inputs": 2, "loops": 300, "seed": 0}


def test_records_come_back_and_a_short_orbit_has_no_point(tmp_path):
    model, task = LoopedTransformer(ModelConfig(width=8, heads=2)).double(), PrefixSums(4)
    settled = mean_field_record(model, task, "4", checkpoint="one", **SETTINGS)
    moving = mean_field_record(model, task, "4", checkpoint="two", **{**SETTINGS, "loops": 1})
    assert settled.settled == len(settled.points) == 2
    assert (moving.settled, moving.points) == (0, ())
    write_records(tmp_path / "f", "command", SETTINGS, [settled, moving])
    assert read_records(tmp_path / "f") == (SETTINGS, [settled, moving])


def test_large_states_are_refused():
    model = LoopedTransformer(ModelConfig(width=64)).double()
    with pytest.raises(UsageError, match="choose a shorter level"):
        mean_field_record(model, PrefixSums(32), "32")


def test_a_loop_without_outer_norm_is_refused_before_its_orbit_is_followed():
    config = ModelConfig(Architecture.parse("internal/peri"), width=8, heads=2)
    with pytest.raises(UsageError, match="no outer norm"):
        mean_field_record(LoopedTransformer(config).double(), PrefixSums(4), "4", loops=0)


@pytest.mark.parametrize("text", ["", "{}", '{"command": "c", "settings": {}, "records": [{}]}'])
def test_other_files_are_refused(text: str, tmp_path):
    (tmp_path / "f").write_text(text)
    with pytest.raises(LoopstabError, match="holds no records"):
        read_records(tmp_path / "f")


def test_numbers_must_be_finite(tmp_path):
    model = LoopedTransformer(ModelConfig(width=8, heads=2)).double()
    record = mean_field_record(model, PrefixSums(4), "4", checkpoint="one", **SETTINGS)
    broken = dataclasses.replace(record.points[0], rho=float("inf"))
    write_records(tmp_path / "f", "c", SETTINGS, [dataclasses.replace(record, points=(broken,))])
    with pytest.raises(LoopstabError, match="rho"):
        read_records(tmp_path / "f")
