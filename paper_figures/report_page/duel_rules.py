"""Findings and verdicts on accuracy: runs with recall and outer norm against all others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from .grounds import Grounds
from .ruling import Judgement, Ruling, TrainedFinding
from .trained_runs import Duel, Tally, duels


def ahead(evidence: Grounds) -> TrainedFinding:
    """How often recall with outer norm answers more after 500 iterations, over all tasks."""
    found = list(duels(evidence.runs))
    tally = Tally.of(found)
    if not found:
        return TrainedFinding("Not compared.")
    return TrainedFinding(
        "On the hardest level after 500 iterations, recall with outer norm is ahead of other runs"
        f" of its task, recipe and seed in {tally}.",
        {"tally": _numbers(tally), "all": [_row(duel) for duel in found]},
        _runs(found),
    )


def tracks(evidence: Grounds) -> Ruling:
    """Holds if the interval of the share of duels won lies above one half."""
    tally = Tally.of(list(duels(evidence.runs)))
    if not tally.duels:
        return Ruling(Judgement.OPEN, "no runs were compared.")
    low, high = tally.interval
    share = f"recall with outer norm wins {tally}"
    if low > 0.5:
        return Ruling(
            Judgement.HOLDS,
            f"over all tasks {share}; runs share partners, so the interval is too narrow.",
        )
    if high < 0.5:
        return Ruling(Judgement.CORRECTED, f"the architectures it recommends lose: {share}.")
    return Ruling(Judgement.OPEN, f"the interval contains one half: {share}.")


def by_group(evidence: Grounds) -> TrainedFinding:
    """The same for each task and each of the other architectures."""
    found = list(duels(evidence.runs))
    tasks, kinds = _tasks(found), _kinds(found)
    if not found:
        return TrainedFinding("Not compared.")
    return TrainedFinding(
        f"Ahead by task: {_listed(tasks)}. By the other architecture: {_listed(kinds)}.",
        {
            "tasks": {key: _numbers(tally) for key, tally in tasks.items()},
            "architectures": {key: _numbers(tally) for key, tally in kinds.items()},
        },
        _runs(found),
    )


def across(evidence: Grounds) -> Ruling:
    """Holds if the interval of every task and of every architecture lies above one half."""
    found = list(duels(evidence.runs))
    groups = _tasks(found) | _kinds(found)
    if not groups:
        return Ruling(Judgement.OPEN, "no runs were compared.")
    against = {key: tally for key, tally in groups.items() if tally.interval[1] < 0.5}
    unclear = {
        key: tally for key, tally in groups.items() if key not in against and not _clear(tally)
    }
    if against:
        return Ruling(Judgement.CORRECTED, f"it loses in {_listed(against)}.")
    if unclear:
        clear = [key for key in groups if key not in unclear]
        return Ruling(
            Judgement.OPEN,
            f"clear for {', '.join(clear) or 'no group'}; the interval contains one half for"
            f" {_listed(unclear)}.",
        )
    return Ruling(Judgement.HOLDS, "in every task and against every other architecture.")


def _runs(found: Sequence[Duel]) -> int:
    return len({run.name for duel in found for run in (duel.other, *duel.partners)})


def _clear(tally: Tally) -> bool:
    return tally.interval[0] > 0.5


def _tasks(found: Sequence[Duel]) -> dict[str, Tally]:
    """Tallies by task; widths and lengths of one task are counted together."""
    return _grouped(found, lambda duel: duel.other.task.partition(",")[0])


def _kinds(found: Sequence[Duel]) -> dict[str, Tally]:
    return _grouped(found, lambda duel: duel.other.architecture)


def _grouped(found: Sequence[Duel], key: Callable[[Duel], str]) -> dict[str, Tally]:
    names = sorted({key(duel) for duel in found})
    return {name: Tally.of([duel for duel in found if key(duel) == name]) for name in names}


def _listed(groups: Mapping[str, Tally]) -> str:
    return ", ".join(f"{key} {tally}" for key, tally in groups.items())


def _numbers(tally: Tally) -> dict[str, object]:
    return {
        "ahead": tally.ahead,
        "equal": tally.equal,
        "behind": tally.behind,
        "interval": tally.interval,
    }


def _row(duel: Duel) -> dict[str, object]:
    return {
        "run": duel.other.name,
        "against": [run.name for run in duel.partners],
        "level": duel.other.level,
        "ahead by": duel.ahead,
    }
