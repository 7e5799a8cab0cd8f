"""Changes of a loop in a Python file, or of a trained checkpoint, each tried on its weights."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from ...support.errors import UsageError, check_seed_and_jobs
from ...support.jsonable import json_text
from ...support.option_bounds import COUNT, INPUTS, check_options
from ...support.schema import Maybe
from ...support.user_module import load
from .user_file import loop_of, one_line

if TYPE_CHECKING:
    from ...numerics.verdicts.advice import Advice

CHECKPOINT_INPUTS = 8
"""Inputs of a checkpoint, unless another number is asked for."""


def advise(
    source: Annotated[str, tyro.conf.Positional],
    inputs: int | None = None,
    loops: int = 500,
    limit: int | None = None,
    products: int = 300,
    data: Path | None = None,
    level: str | None = None,
    seed: int = 0,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Try changes of your loop on its weights, and tell what they do.

    A Python file is read as by `loopstab diagnose`: it defines step, initial and e, and it is
    executed. It may also define readout(h), the answer at a state (of tensors, if the step is on
    tensors), as integers, truth values or text. A checkpoint is measured on random inputs of its
    task, and its right answers are counted.

    Tried are damping, an RMSNorm after the step, recall, stronger recall, another start, a solver
    instead of iteration, and fewer loops, as far as something is wrong that they could mend. What
    moves the fixed points needs retraining or a check of the accuracy; nothing is promised.

    Examples: loopstab advise mine.py --inputs 8
     loopstab advise internal-peri --inputs 4 --loops 300 --json

    Exit status: 0 if the changes were tried, 1 for a damaged checkpoint, 2 for a wrong request or
    an error in the file.

    Args:
        source: Python file, name of a shipped checkpoint, or path of a model.safetensors file.
        inputs: Number of inputs: of a file the first rows of e, each an input of its own (default:
            e is one input); of a checkpoint random ones (default 8).
        loops: Iterations before the first look at an orbit.
        limit: The most iterations of an undecided orbit; default: 4 times --loops.
        products: The most products with the Jacobian for one spectral radius.
        data: Prepared data file, for a checkpoint whose task needs one.
        level: Level from which the inputs are drawn; default: the one that the training reached.
        seed: Seed of a checkpoint's inputs, of the perturbations and of the solvers.
        json_: Print the advice as a JSON object.
    """
    check_seed_and_jobs(seed)
    check_options(inputs=(inputs, Maybe(INPUTS)), products=(products, COUNT))
    check_options(loops=(loops, COUNT), limit=(limit, Maybe(COUNT)))
    options: dict[str, Any] = {"loops": loops, "limit": limit, "products": products, "seed": seed}
    options["progress"] = not json_
    if source.endswith(".py"):
        if data is not None or level is not None:
            raise UsageError("--data and --level are for checkpoints: the file gives its inputs")
        found = _of_file(Path(source), inputs, options)
    else:
        found = _of_checkpoint(source, inputs, data, level, options)
    print(json_text(found.to_json()) if json_ else found)
    return 0


def _of_file(file: Path, inputs: int | None, options: dict[str, Any]) -> Advice:
    from ...numerics.verdicts.advise import advise as tried

    file = file.absolute()  # tracebacks name files like this
    module = load(file, ("loop",), ("step", "initial"))
    loop, e = loop_of(file, module)
    own = getattr(module, "readout", None)
    readout = None if own is None else _reading(loop, e, one_line(file, "readout", own))
    return tried(loop, _rows(e, inputs), readout=readout, **options)


def _reading(loop: Any, e: Any, readout: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The readout, on tensors where the step is; `certify` gives the same function tensors too."""
    if "torch" not in sys.modules:
        return readout
    import optree
    import torch

    from ...models.loops.torch_loop import TorchLoop

    if not isinstance(loop, TorchLoop):
        return readout
    device = loop.device(e)
    return lambda h: readout(optree.tree_map(lambda x: torch.tensor(x, device=device), h))


def _rows(e: Any, inputs: int | None) -> Any:
    """The first rows of an input, or the whole as one input."""
    import optree

    if inputs is None:
        return [e]
    leaves = optree.tree_leaves(e)
    rows = {len(leaf) for leaf in leaves if getattr(leaf, "shape", ())}
    if len(rows) != 1 or not all(getattr(leaf, "shape", ()) for leaf in leaves):
        raise UsageError(
            "--inputs counts rows of e, and its arrays have no common first axis: leave --inputs"
            " out to take e as one input"
        )
    if inputs > (most := rows.pop()):
        raise UsageError(f"e has {most} rows: ask for at most {most} --inputs, not {inputs}")
    return optree.tree_map(lambda leaf: leaf[:inputs], e)


def _of_checkpoint(
    name: str, inputs: int | None, data: Path | None, level: str | None, options: dict[str, Any]
) -> Advice:
    from ...models.measure.advise_trained import advise_trained
    from ...models.measure.trained import TrainedLoop
    from ...models.zoo import zoo

    trained = TrainedLoop.open(zoo.load(name), data, level)
    return advise_trained(trained, CHECKPOINT_INPUTS if inputs is None else inputs, **options)
