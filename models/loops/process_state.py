"""Random number generators and modes of the process, to be put back."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch


def process_state(generators: list[Any]) -> Callable[[], None]:
    """The random number generators and modes of this process, as a function that restores them.

    Args:
        generators: further generators of torch, NumPy or Python.
    """
    random_state = random_numbers(generators)
    grad, dtype = torch.is_grad_enabled(), torch.get_default_dtype()
    exact = torch.are_deterministic_algorithms_enabled()
    warn = torch.is_deterministic_algorithms_warn_only_enabled()
    cudnn = torch.backends.cudnn
    flags = cudnn.deterministic, cudnn.benchmark
    autocast = [
        (kind, torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind))
        for kind in ("cpu", "cuda")
    ]

    def restore() -> None:
        random_state()
        torch.set_grad_enabled(grad)
        torch.set_default_dtype(dtype)
        torch.use_deterministic_algorithms(exact, warn_only=warn)
        cudnn.deterministic, cudnn.benchmark = flags
        for kind, enabled, kind_dtype in autocast:
            torch.set_autocast_enabled(kind, enabled)
            torch.set_autocast_dtype(kind, kind_dtype)

    return restore


def random_numbers(generators: list[Any]) -> Callable[[], None]:
    """The states of all random number generators, as a function that restores them."""
    cpu, python = torch.get_rng_state(), random.getstate()
    global_state = np.random.get_state()  # noqa: NPY002  the one that users' code may draw from
    gpu = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    own = [_generator_state(generator) for generator in generators]

    def restore() -> None:
        torch.set_rng_state(cpu)
        np.random.set_state(global_state)  # noqa: NPY002
        random.setstate(python)
        if gpu:
            torch.cuda.set_rng_state_all(gpu)
        for put_back in own:
            put_back()

    return restore


def _generator_state(generator: Any) -> Callable[[], None]:
    if isinstance(generator, np.random.Generator):
        bits, state = generator.bit_generator, generator.bit_generator.state
        return lambda: setattr(bits, "state", state)
    if isinstance(generator, random.Random):
        position = generator.getstate()
        return lambda: generator.setstate(position)
    state = generator.get_state()
    return lambda: generator.set_state(state) and None
