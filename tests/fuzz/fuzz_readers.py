"""What reads files, as functions of a path: the server runs them where no command does so quickly.

All of them raise `LoopstabError` for a file that they refuse, and return nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from loopstab.models.certificates.certificate_file import CertificateFile
from loopstab.models.certificates.module_file import ModuleFile
from loopstab.models.grid.plan import Plan
from loopstab.models.measure.recall_comparison import RecordFile
from loopstab.models.measure.trained import TrainedLoop
from loopstab.models.network.checkpoint import Checkpoint, load_model
from loopstab.models.network.metadata import entries
from loopstab.models.network.run_record import read_result
from loopstab.models.tasks.part_file import PartFile
from loopstab.models.tasks.table import Table
from loopstab.numerics.attack.journal import Journal
from loopstab.numerics.phase.diagram import PhaseDiagram
from loopstab.numerics.phase.store import Store
from loopstab.paper_figures.text.attack_results import Attacks


def _part(path: Path) -> None:
    with PartFile(path) as part:
        part.note()


def _model(path: Path) -> None:
    loop, e = TrainedLoop.open(path).loop_and_input(0)
    state = loop.initial(e)
    for _ in range(3):
        state = loop.step(state, e)


def _diagram(folder: Path) -> None:
    PhaseDiagram.load(folder).to_json()


def _attacks(folder: Path) -> None:
    found = Attacks.read(folder)
    print(found.line(), *found.complaints, *found.notes, sep="\n")
    found.to_json()


READERS: dict[str, Callable[[Path], object]] = {
    "checkpoint": Checkpoint.load,
    "model": _model,
    "weights": load_model,
    "entries": entries,
    "result": read_result,
    "table": Table.load,
    "plan": Plan.load,
    "certificate": CertificateFile.load,
    "module certificate": ModuleFile.load,
    "recall": lambda path: RecordFile(path, {}),
    "part": _part,
    "store": Store,
    "diagram": _diagram,
    "journal": Journal,
    "attacks": _attacks,
}
