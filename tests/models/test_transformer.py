"""The looped transformer against slow obvious twins, for every architecture."""

import itertools

import pytest
import torch

from loopstab.models.network.attention import Attention
from loopstab.models.network.choices import QKNorm
from loopstab.models.network.geometry import Geometry, Window, coordinates, rotate
from loopstab.models.network.model_config import ModelConfig
from loopstab.models.network.transformer import LoopedTransformer
from loopstab.models.tasks.prefix_sums import PrefixSums
from loopstab.support.errors import UsageError
from loopstab.theory.architecture import Architecture


def model_of(architecture, seed=0, **options):
    config = ModelConfig(Architecture.parse(str(architecture)), width=16, heads=2, **options)
    return LoopedTransformer(config, seed).double().eval()


def pair(cells, seed=0):
    return torch.randn(
        2, 2, cells, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )


@pytest.mark.parametrize("architecture", Architecture.all(), ids=str)
def test_step_is_pure_differentiable_and_equals_its_two_parts(architecture):
    model = model_of(architecture)
    h, e = pair(7)
    before = h.clone(), e.clone()
    with torch.no_grad():
        out = model.step(h, e)
        assert torch.equal(out, model.step(h, e))
        assert torch.equal(out, model.advance(h, model.prepare(e)))
        assert torch.equal(h, before[0])
        assert torch.equal(e, before[1])
        v = torch.randn(h.shape, dtype=h.dtype, generator=torch.Generator().manual_seed(1))
        _, product = torch.func.jvp(lambda s: model.step(s, e), (h,), (v,))
        difference = (model.step(h + 1e-6 * v, e) - model.step(h - 1e-6 * v, e)) / 2e-6
    assert out.shape == h.shape
    assert torch.allclose(product, difference, atol=1e-7, rtol=1e-6)


@pytest.mark.parametrize("architecture", Architecture.all(), ids=str)
def test_recall_is_what_makes_the_step_depend_on_the_input(architecture):
    model = model_of(architecture)
    h, e = pair(7)
    with torch.no_grad():
        same = torch.equal(model.step(h, e), model.step(h, e + 1))
    assert same == (architecture.recall == "none")


def update(model, block, x, e):
    context = model.prepare(e)
    return block.update(x, context.geometry, block.update.prepare(context.geometry))


PLACEMENTS = {
    "pre": lambda n, u, o, h: h + u(n(h)),
    "peri": lambda n, u, o, h: h + o(u(n(h))),
    "post": lambda n, u, o, h: o(h + u(h)),
    "sandwich": lambda n, u, o, h: o(h + u(n(h))),
}


@pytest.mark.parametrize("recall", ["none", "external", "internal"])
@pytest.mark.parametrize("norm", PLACEMENTS)
def test_placement_formula(recall, norm):
    model = model_of(f"{recall}/{norm}")
    h, e = pair(5)
    with torch.no_grad():
        z = model.w_x(h) + model.w_e(e) if recall == "external" else h
        for block in (model.blocks[0].attention, model.blocks[0].mlp):

            def u(x, block=block):
                return update(
                    model, block, model.w_x(x) + model.w_e(e) if recall == "internal" else x, e
                )

            z = PLACEMENTS[norm](block.inner, u, block.outer, z)
        assert torch.allclose(z, model.step(h, e), atol=1e-12)


def test_gru_hides_the_state_and_not_the_mix():
    model = model_of("external/pre/gru")
    h, e = pair(5)
    with torch.no_grad():
        z = model.w_x(h) + model.w_e(e)
        cell = lambda block, u, s: block.gru(u.reshape(-1, 16), s.reshape(-1, 16)).view_as(s)  # noqa: E731
        one = cell(
            model.blocks[0].attention,
            update(model, model.blocks[0].attention, model.blocks[0].attention.inner(z), e),
            h,
        )
        two = cell(
            model.blocks[0].mlp,
            update(model, model.blocks[0].mlp, model.blocks[0].mlp.inner(one), e),
            one,
        )
        assert torch.allclose(two, model.step(h, e), atol=1e-12)
        big = 3 * h
        for _ in range(200):
            big = model.step(big, e)
    assert big.abs().max() < 1  # N8


def attend(attention, x, config):
    geometry = Geometry(x.shape[1], config, x)
    return attention(x, geometry, attention.prepare(geometry))


def twin_attention(attention, x, config):
    """Scores between all pairs of cells, one head and one cell at a time."""
    geometry = Geometry(x.shape[1], config, x)
    place = coordinates(x.shape[1], config.axes)
    n = config.head_width
    out = torch.zeros_like(x)
    for b, head in itertools.product(range(len(x)), range(config.heads)):
        cut = slice(head * n, (head + 1) * n)
        q, k, v = (layer(x[b])[:, cut] for layer in (attention.q, attention.k, attention.v))
        if config.qk_norm is QKNorm.BEFORE_ROPE:
            q, k = (
                rotate(attention.q_norm(q), geometry.tables),
                rotate(attention.k_norm(k), geometry.tables),
            )
        else:
            q, k = (
                attention.q_norm(rotate(q, geometry.tables)),
                attention.k_norm(rotate(k, geometry.tables)),
            )
        for i in range(x.shape[1]):
            scores, values = [], []
            for j in range(x.shape[1]):
                offset = place[j] - place[i]
                score = q[i] @ k[j] / n**0.5
                if config.window is not None:
                    reach = config.window // 2
                    if offset.abs().max() > reach:
                        continue
                    column = 0
                    for o in offset:
                        column = column * config.window + int(o) + reach
                    score = score + attention.offset_bias[head, column]
                scores.append(score)
                values.append(v[j])
            out[b, i, cut] = torch.stack(scores).softmax(0) @ torch.stack(values)
    return attention.o(out)


@pytest.mark.parametrize("axes", [1, 2])
@pytest.mark.parametrize("window", [None, 3, 5])
@pytest.mark.parametrize("qk_norm", list(QKNorm))
def test_attention_equals_its_slow_twin(axes, window, qk_norm):
    config = ModelConfig(width=16, heads=2, axes=axes, window=window, qk_norm=qk_norm)
    attention = Attention(config).double()
    with torch.no_grad():
        attention.q_norm.gain.uniform_(0.5, 2)
        x = pair(9)[0]
        assert torch.allclose(
            attend(attention, x, config), twin_attention(attention, x, config), atol=1e-10
        )


@pytest.mark.parametrize("cells", [1, 2, 4, 5, 9, 11])
@pytest.mark.parametrize("window", [3, 5, 7])
def test_runs_of_a_window_equal_the_slow_twin(cells, window, monkeypatch):
    """Runs of at most 4 cells: one, several, the last one filled up; values and gradients."""
    monkeypatch.setattr(Window, "LONGEST", 4)
    config = ModelConfig(width=16, heads=2, window=window)
    torch.manual_seed(0)
    attention = Attention(config).double()
    x = pair(cells)[0].requires_grad_()
    weights = (x, attention.offset_bias, attention.k.weight)
    out, slow = attend(attention, x, config), twin_attention(attention, x, config)
    assert torch.allclose(out, slow, atol=1e-10)
    gradients = (torch.autograd.grad((y**3).sum(), weights) for y in (out, slow))
    for ours, theirs in zip(*gradients, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-9)


@pytest.mark.parametrize(
    ("qk_norm", "relative"), [(QKNorm.BEFORE_ROPE, True), (QKNorm.AFTER_ROPE, False)]
)
def test_scores_are_relative_only_when_normalised_before_rotation(qk_norm, relative):
    """With equal tokens everywhere a relative attention gives every inner cell of a window model
    the same output.
    """
    config = ModelConfig(width=16, heads=2, window=5, qk_norm=qk_norm)
    torch.manual_seed(0)
    attention = Attention(config).double()
    with torch.no_grad():
        attention.q_norm.gain.uniform_(0.2, 3)
        x = torch.randn(1, 12, 16, dtype=torch.float64)
        period = torch.cat([x[:, :4]] * 3, 1)  # tokens repeat with period 4
        out = attend(attention, period, config)
    assert torch.allclose(out[:, 3], out[:, 7], atol=1e-10) == relative


@pytest.mark.parametrize("loops", [1, 2, 3])
def test_receptive_field_grows_two_cells_a_loop(loops):
    model = model_of("external/pre")
    x = PrefixSums().batch(1, "20", torch.Generator().manual_seed(0)).x.double()
    flipped = x.clone()
    flipped[0, 10] *= -1
    with torch.no_grad():
        changed = (model(x, loops) - model(flipped, loops)).abs().amax(-1)[0] > 0
    assert changed.nonzero().flatten().tolist() == list(range(10 - 2 * loops, 10 + 2 * loops + 1))


def test_prefix_sums_are_exact():
    batch = PrefixSums().batch(50, "33", torch.Generator().manual_seed(0))
    for bits, sums in zip((batch.x[..., 0] > 0).tolist(), batch.target.tolist(), strict=True):
        assert sums == [int(b) for b in itertools.accumulate(bits, lambda a, b: a ^ b)]
    assert set(batch.x.unique().tolist()) == {-0.5, 0.5}


BAD = [
    ({"width": 30, "heads": 4}, "--heads"),
    ({"width": 4, "heads": 4}, "rotary"),
    ({"window": 4}, "odd"),
    ({"axes": 3}, "axes"),
    ({"eps": 0.0}, "eps"),
    ({"width": 0}, "from 1 to 65536"),
]


@pytest.mark.parametrize(("options", "word"), BAD)
def test_bad_sizes_name_cause_and_action(options, word):
    with pytest.raises(UsageError, match=word):
        ModelConfig(**options)


@pytest.mark.parametrize(
    "text", ["inner/post", "internal/past", "internal", "internal/post/mul", "a/b/c/d"]
)
def test_unknown_architecture(text):
    with pytest.raises(UsageError):
        Architecture.parse(text)


def test_not_a_board():
    model = model_of("none/post", axes=2)
    with pytest.raises(UsageError, match="square"):
        model.step(*pair(7))


def test_config_round_trip():
    config = ModelConfig(Architecture.parse("external/peri/gru"), width=32, axes=2, window=None)
    assert ModelConfig.from_json(config.to_json()) == config
    with pytest.raises(UsageError, match=r"model\.'depth' is unknown"):
        ModelConfig.from_json({**config.to_json(), "depth": 3})
