"""Follow the training path of a GPU with fake CUDA tensors: the dtypes of states, and the kernels
that would run.

No GPU is needed, but a CUDA build of torch, which is not part of the test environment. In a virtual
environment of its own, in the root of the repository:

    pip install torch==2.11.0 numpy safetensors tqdm     # several GB on Linux
    mkdir -p /tmp/site && ln -s "$PWD" /tmp/site/loopstab
    PYTHONPATH=/tmp/site python tests/gpu/fake_cuda.py

It prints a line for each architecture and exits with status 1 when it finds a fault.

Fake tensors have a device and a dtype but no content: every operation is dispatched as on the
device and nothing is computed. The backward pass and the choice of a fused attention kernel need a
real device and are left out.
"""

from __future__ import annotations

import collections
import sys

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from loopstab.models.network.arithmetic import Arithmetic
from loopstab.models.network.transformer import LoopedTransformer
from loopstab.models.tasks.task import Batch
from loopstab.models.training.run_spec import RunSpec

ARCHITECTURES = (
    "internal/post",
    "external/post",
    "none/post",
    "internal/peri",
    "internal/pre",
    "external/sandwich",
    "internal/peri/gru",
)
SIZE = {
    "width": 256,
    "heads": 8,
    "batch": 256,
    "loops": 16,
    "gradient_loops": 4,
    "supervision": "each",
    "positions": "one-hot",
}


class Kernels(TorchDispatchMode):
    """Operations by name, and matrix products by the dtype of their result."""

    def __init__(self) -> None:
        super().__init__()
        self.names, self.products = collections.Counter(), collections.Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        name = func.__name__.split(".")[0]
        self.names[name] += 1
        if name in ("mm", "addmm", "bmm"):
            self.products[str(out.dtype).removeprefix("torch.")] += 1
        return out


def follow(architecture: str, task_name: str, gradient: str) -> list[str]:
    """Follow the forward pass of one training step; returns the faults that were found."""
    size = (
        SIZE if task_name != "prefix-sums" else {**SIZE, "positions": "none", "decay": "published"}
    )
    spec = RunSpec(task=task_name, architecture=architecture, encoder_gradient=gradient, **size)
    config, task = spec.build()
    batch = task.batch(spec.batch, task.levels[0], torch.Generator().manual_seed(0))
    faults: list[str] = []
    with FakeTensorMode(allow_non_fake_inputs=True):
        model = LoopedTransformer(config.model)
        for module in model.modules():
            for name, p in list(module._parameters.items()):
                if p is not None:
                    module._parameters[name] = torch.nn.Parameter(
                        torch.empty(p.shape, device="cuda")
                    )
        fake = Batch(
            torch.empty(batch.x.shape, device="cuda"),
            torch.empty(batch.target.shape, dtype=torch.int64, device="cuda"),
        )
        states: set[torch.dtype] = set()

        def advance(h, context):
            out = model.advance(h, context)
            states.update((h.dtype, out.dtype))
            return out

        with Kernels() as kernels:
            config.objective(spec.loops)(
                model, task, fake, 3, 4, advance=advance, arithmetic=Arithmetic(torch.bfloat16)
            )
    if states != {torch.float32}:
        faults.append(f"states are {states}, not float32 alone")
    if kernels.products["float32"] > 1:  # the encoder's
        faults.append(f"products by dtype: {dict(kernels.products)}")
    if kernels.names["_fused_rms_norm"] + kernels.names["rms_norm"] == 0:
        faults.append("no fused norm")
    print(
        f"{task_name} {architecture} {gradient}: products {dict(kernels.products)}, "
        f"fused norm {kernels.names['_fused_rms_norm']}, {'; '.join(faults) or 'no fault'}",
        flush=True,
    )
    return faults


def main() -> int:
    """Follow every architecture on a board and on a sequence with a window."""
    print(f"torch {torch.__version__}, built with CUDA {torch.version.cuda}")
    if torch.version.cuda is None:
        print("this torch is not a CUDA build: see the first lines of this file")
        return 2
    cases = [
        (a, t, g)
        for a in ARCHITECTURES
        for t in ("sudoku-4x4", "prefix-sums")
        for g in ("published", "full")
    ]
    return int(sum(len(follow(*case)) for case in cases) > 0)


if __name__ == "__main__":
    sys.exit(main())
