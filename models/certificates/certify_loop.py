"""Prove what can be proved about a trained loop on one input."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

import flint
import numpy as np

from ...numerics.arrays import Array
from ...numerics.enclosures.ball_array import BallArray
from ...numerics.enclosures.contraction import (
    Contraction,
    NotCertified,
    contract,
    jacobian_estimate,
    polished,
)
from ...numerics.enclosures.jet import Jet
from ...numerics.enclosures.margins import answer_of, margins
from ...numerics.enclosures.orbit import Enclosed, Funnel
from ...numerics.enclosures.sensitivity import sensitivity_bounds
from ..measure.trained import TrainedLoop
from ..network.transformer import LoopedTransformer
from .certificate import Answer, Attraction, Dependence, LoopCertificate
from .enclosed_network import EnclosedNetwork
from .settling import Settled, settle

LOOPS = 4000
"""Iterations after which an orbit that has not settled is given up."""
BITS = 128
"""Bits of the values of jets."""
SLACK = 1e-6
"""Share by which stated bounds are weaker than the computed ones, so that they can be proved again
on a machine that rounds differently."""
LOOSE = 1e-4
"""The same for the singular values of S, and for the error of the fixed point a factor of 2."""
SPARE_BITS = 16
"""Bits by which the stated box of initial states is smaller."""


@dataclass(frozen=True)
class Maps:
    """The loop for one input, on jets and on balls.

    Args:
        network: the network.
        x: the input, (cells, channels).
        period: number of iterations that make up the map whose fixed point is proved.
    """

    network: EnclosedNetwork
    x: Array
    period: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "_offset", self.network.offset(self.embedding))
        object.__setattr__(self, "_balls", {})
        object.__setattr__(self, "_matrices", {})

    @property
    def embedding(self) -> Jet:
        """e, enclosed."""
        return self.network.encode(Jet.constant(self.x))

    def jets(self, h: Jet) -> list[Jet]:
        """The states after 1, ..., period iterations."""
        out = []
        for _ in range(self.period):
            h = self.network.advance(h, self._offset)
            out.append(h)
        return out

    def jet(self, h: Jet) -> Jet:
        """The state after `period` iterations."""
        return self.jets(h)[-1]

    def start(self) -> BallArray:
        """h_0 = e at the precision of the context."""
        return self.network.encode(BallArray(BallArray.exact(self.x).balls, self._matrices))

    def advance(self, h: BallArray) -> BallArray:
        """One iteration on balls, at the precision of the context."""
        h = BallArray(h.balls, self._matrices)
        bits = flint.ctx.prec
        if bits not in self._balls:
            self._balls[bits] = self.network.offset(self.start())
        return self.network.advance(h, self._balls[bits])

    def exact(self, h: BallArray) -> BallArray:
        """`period` iterations on balls."""
        for _ in range(self.period):
            h = self.advance(h)
        return h


def certify_loop(
    trained: TrainedLoop,
    x: Array,
    *,
    name: str = "",
    number: int | None = None,
    loops: int = LOOPS,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[LoopCertificate, Array]:
    """Prove existence, attraction, answer and dependence for a trained loop and one input.

    Args:
        trained: the network and its task.
        x: the input, (cells, channels).
        name: name of the checkpoint in the certificate.
        number: number of the sample in the certificate.
        loops: iterations after which an orbit that has not settled is given up.
        progress: is told what is being done.

    Returns:
        The certificate, and the center of the ball that it is about, (cells, width).

    Raises:
        NotCertified: the orbit does not settle, or no ball that attracts was found.

    Example:
        >>> import numpy as np
        >>> from loopstab.models.certificates.certify_loop import certify_loop
        >>> from loopstab.models.measure.trained import TrainedLoop
        >>> from loopstab.models.zoo import zoo
        >>> trained = TrainedLoop.open(zoo.load("prefix-sums-16-internal-post-s1"))
        >>> bits = np.array([[0.0], [1.0], [1.0]])
        >>> certificate, center = certify_loop(trained, bits)  # doctest: +SKIP
        >>> certificate.answer.classes  # doctest: +SKIP
        ((0, 1, 0),)
    """
    progress("following the orbit")
    settled = settle(trained.model, x, loops)
    maps = Maps(EnclosedNetwork(trained.model, len(x)), x, settled.period)
    center = polished(maps.exact, settled.center, jacobian_estimate(maps.jet, settled.center))
    return certify_at(trained, x, center, settled, name, number, progress), center


def certify_at(
    trained: TrainedLoop,
    x: Array,
    center: Array,
    settled: Settled,
    name: str = "",
    number: int | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> LoopCertificate:
    """Prove what holds about a given center; see `certify_loop`.

    Args:
        trained: the network and its task.
        x: the input, (cells, channels).
        center: the center of the ball, (cells, width).
        settled: the float orbit, which fixes the precision but proves nothing.
        name: name of the checkpoint in the certificate.
        number: number of the sample in the certificate.
        progress: is told what is being done.

    Raises:
        NotCertified: no ball about the center is attracted by a fixed point.
    """
    with flint.ctx.workprec(BITS):
        return _certify_at(trained, x, center, settled, name, number, progress)


def _certify_at(
    trained: TrainedLoop,
    x: Array,
    center: Array,
    settled: Settled,
    name: str,
    number: int | None,
    progress: Callable[[str], None],
) -> LoopCertificate:
    model = trained.model
    maps = Maps(EnclosedNetwork(model, len(x)), x, settled.period)
    progress("contraction")
    ball = contract(maps.jet, maps.exact, center)
    attraction = _attraction(ball, settled.period)
    unproved: dict[str, str] = {}
    answer, bits = None, None
    try:
        answer, bits = _answer(maps, ball, settled, progress)
    except NotCertified as error:
        unproved["answer"] = str(error)
    progress("dependence on the input")
    dependence = None
    try:
        dependence = _dependence(maps, ball, bits)
    except NotCertified as error:
        unproved["dependence"] = str(error)
    return LoopCertificate(
        checkpoint=name,
        weights=fingerprint(model),
        architecture=model.config.name,
        task=trained.task.name,
        level=trained.level,
        input=number,
        cells=len(x),
        width=model.config.width,
        attraction=attraction,
        answer=answer,
        dependence=dependence,
        unproved=unproved,
    )


def fingerprint(model: LoopedTransformer) -> str:
    """The SHA-256 of configuration and weights."""
    digest = hashlib.sha256(json.dumps(model.config.to_json(), sort_keys=True).encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(tensor.double().numpy()).tobytes())
    return digest.hexdigest()


def _attraction(ball: Contraction, period: int) -> Attraction:
    error = 2 * ball.error * ball.coordinates.lengths[1]
    radius = ball.euclidean_radius * (1 - SLACK)
    if not error <= radius:
        raise NotCertified(
            f"the fixed point is known to within {error:.3g} only, and its ball has the Euclidean"
            f" radius {radius:.3g}"
        )
    rate = ball.rate + SLACK * (1 - ball.rate)
    return Attraction(period, radius, error, rate, ball.condition * (1 + SLACK))


def _answer(
    maps: Maps, ball: Contraction, settled: Settled, progress: Callable[[str], None]
) -> tuple[Answer, int]:
    """Part 3, and the bits of the box of initial states for which the orbit was enclosed."""
    network, period = maps.network, maps.period
    where = Jet.coordinates(ball.center, ball.coordinates.directions, ball.radius)
    states = [where, *maps.jets(where)[:-1]]
    logits = [network.head(state) for state in states]
    classes = [jet.mid.argmax(-1) for jet in logits]
    margin = min(float(margins(j, c).min()) for j, c in zip(logits, classes, strict=True))
    if not margin > 0:
        raise NotCertified(f"a logit margin is {margin:.3g} at least over the ball, not positive")
    progress("balls around the fixed point")
    funnel = Funnel.around(maps.jet, ball)
    expected = _distances(ball, settled.states)
    bits = funnel.bits_for(expected, period)
    slopes: dict[int, list[Array]] = {}
    seen: list[Array | None] = []

    def head(at: Enclosed) -> Array | None:
        with flint.ctx.workprec(max(64, min(bits, 128))):
            logits = network.head(BallArray(at.state.balls, {}))
        if at.tube is None:
            return answer_of(logits)
        if at.ball not in slopes:
            radius = funnel.all[at.ball].radius
            jet = Jet.coordinates(ball.center, ball.coordinates.directions, radius)
            jets = [jet, *maps.jets(jet)[:-1]]
            slopes[at.ball] = [network.head(state).slope for state in jets]
        return answer_of(logits, slopes[at.ball][at.turn] * (float(at.tube) * (1 + 1e-15) + 1e-290))

    entered = 0
    for at in funnel.orbit(maps.advance, maps.start, expected, period):
        progress(f"orbit, iteration {at.time} of about {len(expected)}")
        seen.append(head(at))
        entered = at.time
    first = entered
    while first > 0 and _same(seen[first - 1], classes[(first - 1 - entered) % period]):
        first -= 1
    turn = [classes[(first + j - entered) % period].tolist() for j in range(period)]
    answer = Answer(entered, first, tuple(map(tuple, turn)), margin * (1 - SLACK))
    return answer, bits


def _same(seen: Array | None, answer: Array) -> bool:
    return seen is not None and bool((seen == answer).all())


def _distances(ball: Contraction, states: Array) -> list[float]:
    """Distances from the center in the norm, up to the first one inside the ball."""
    offsets = (states - ball.center).reshape(len(states), -1)
    distances = np.linalg.norm(offsets @ ball.coordinates.inverse.T, axis=1)
    inside = np.flatnonzero(distances <= ball.radius)
    return distances[: inside[0] + 1 if len(inside) else None].tolist()


def _dependence(maps: Maps, ball: Contraction, bits: int | None) -> Dependence:
    """Part 4."""
    network, arch = maps.network, maps.network.model.config.architecture
    cells, width = ball.center.shape
    n = cells * width
    if not arch.recall.present:
        if bits is None:
            raise NotCertified("the orbit was not enclosed")
        return Dependence(0, 0.0, 0.0, bits + SPARE_BITS)
    euclidean = ball.error * ball.coordinates.lengths[1]
    unit, zero = np.eye(n).reshape(cells, width, n), np.zeros((cells, width, n))
    state = _variable(BallArray.exact(ball.center), np.concatenate((unit, zero), -1), euclidean)
    e = _variable(maps.embedding.values, np.concatenate((zero, unit), -1), euclidean)
    offset = network.offset(e)
    for _ in range(maps.period):
        state = network.advance(state, offset)
    rank = cells * (width - 1) if arch.outer_norm else n
    found = sensitivity_bounds(state, rank)
    if not found.least > 0:
        raise NotCertified(f"the singular value {rank} of S is not bounded away from 0")
    return Dependence(rank, found.least * (1 - LOOSE), found.largest * (1 + LOOSE))


def _variable(values: BallArray, gradient: Array, radius: float) -> Jet:
    return Jet(values, gradient, np.zeros(values.shape), radius=radius)
