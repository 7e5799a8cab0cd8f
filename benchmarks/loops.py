"""Medians after a warm-up, as JSON: a training step, 100 loops of evaluation, a Jacobian product, a spectral radius.

Rates are shares of a matrix product of this machine measured in the same run. Run: python benchmarks/loops.py
"""

import json
import statistics
import time

import torch

from models.config import ModelConfig
from models.loop import TorchLoop
from models.loss import progressive_loss
from models.tasks.prefix_sums import PrefixSums
from models.transformer import LoopedTransformer
from numerics import spectral_radius


def median_seconds(work, repeats=5):
    """Median time of `work()` over `repeats` calls after one that is not counted."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main():
    """Print the benchmark as one JSON object."""
    model = LoopedTransformer(ModelConfig())
    x, target = PrefixSums().batch(128, 32, torch.Generator().manual_seed(0))
    tokens, d = 128 * 32, model.config.width
    a = torch.randn(tokens, 4 * d)
    b = torch.randn(4 * d, d)
    matmul = 2 * tokens * 4 * d * d / median_seconds(lambda: a @ b)
    # per token and loop: q, k, v, o (4), MLP (8), recall mix in both sub-blocks (2), each 2 d^2 flops
    flops = 14 * 2 * d * d * tokens

    def evaluate():
        with torch.no_grad():
            model(x, 20)

    def train():
        model.zero_grad(set_to_none=True)
        progressive_loss(model, x, target, 20, torch.Generator().manual_seed(1)).backward()

    evaluation = median_seconds(evaluate)
    double = LoopedTransformer(ModelConfig()).double().eval()
    with torch.no_grad():
        e = double.encode(x[:1].double()).numpy()
    loop = TorchLoop.of(double)
    h = loop.initial(e)
    result = {
        "threads": torch.get_num_threads(), "matmul_gflops": matmul / 1e9, "seconds_per_loop": evaluation / 20,
        "evaluation_share_of_matmul": flops * 20 / evaluation / matmul, "training_step_seconds": median_seconds(train),
        "jacobian_product_seconds": median_seconds(lambda: loop.jvp(h, e, h)),
        "spectral_radius_seconds": median_seconds(lambda: spectral_radius(loop, h, e), 1),
    }  # fmt: skip
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
