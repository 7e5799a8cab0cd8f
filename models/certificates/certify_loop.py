"""Prove what can be proved about a trained loop on one input."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

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
from ...numerics.enclosures.input_derivative import sensitivity_bounds
from ...numerics.enclosures.jet import Jet
from ...numerics.enclosures.margins import answer_of, margins
from ...numerics.enclosures.orbit import Enclosed, Funnel, growth_of
from ...numerics.enclosures.rounding import UNIT, up
from ..measure.trained import TrainedLoop
from ..network.transformer import LoopedTransformer
from .certificate import Answer, Attraction, Dependence, LoopCertificate, Proved
from .enclosed_loop import EnclosedLoop
from .enclosed_network import EnclosedNetwork
from .input_maps import InputMaps
from .settling import Settled, settle

LOOPS = 4000
"""Iterations after which an orbit that has not settled is given up."""
BITS = 128
"""Bits of the values of jets, for each iteration of the period."""
SLACK = 1e-6
"""Share by which stated bounds are weaker than the computed ones, so that they can be proved again
on a machine that rounds differently."""
LOOSE = 1e-4
"""The same for the singular values of S, and for the error of the fixed point a factor of 2."""
SPARE_BITS = 16
"""Bits by which the stated box of initial states is smaller."""


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
        >>> certificate, center = certify_loop(trained, bits)
        >>> certificate.answer.classes
        ((0, 1, 0),)
    """
    progress("following the orbit")
    settled = settle(trained.model, x, loops)
    center = centered(EnclosedNetwork(trained.model, len(x)), x, settled)
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
    model = trained.model
    proved = prove(EnclosedNetwork(model, len(x)), x, center, settled, progress)
    return LoopCertificate(
        checkpoint=name,
        weights=fingerprint(model),
        architecture=model.config.name,
        task=trained.task.name,
        level=trained.level,
        input=number,
        cells=len(x),
        width=model.config.width,
        attraction=proved.attraction,
        answer=proved.answer,
        dependence=proved.dependence,
        unproved=proved.unproved,
    )


def prove(
    network: EnclosedLoop,
    x: Array,
    center: Array,
    settled: Settled,
    progress: Callable[[str], None] = lambda _: None,
) -> Proved:
    """Prove what holds about a given center of any loop.

    Args:
        network: the loop.
        x: its input.
        center: the center of the ball, of the shape of the state.
        settled: the float orbit, which fixes the precision but proves nothing.
        progress: is told what is being done.

    Raises:
        NotCertified: no ball about the center is attracted by a fixed point.
    """
    with flint.ctx.workprec(BITS * settled.period):
        return _prove(InputMaps(network, x, settled.period), center, settled, progress)


def centered(network: EnclosedLoop, x: Array, settled: Settled) -> Array:
    """A point very near the fixed point of a loop, from a float orbit that has settled."""
    with flint.ctx.workprec(BITS * settled.period):  # plain balls lose bits in every iteration
        maps = InputMaps(network, x, settled.period)
        return polished(maps.exact, settled.center, jacobian_estimate(maps.jet, settled.center))


def _prove(
    maps: InputMaps, center: Array, settled: Settled, progress: Callable[[str], None]
) -> Proved:
    progress("contraction")
    ball = contract(maps.jet, maps.exact, center)
    attraction = _attraction(ball, settled.period)
    turn = maps.turn(Jet.coordinates(center, ball.coordinates.directions, ball.radius))
    _check_period(turn, ball)
    unproved: dict[str, str] = {}
    answer, bits = None, None
    try:
        answer, bits = _answer(maps, ball, turn, settled, progress)
    except NotCertified as error:
        unproved["answer"] = str(error)
    progress("dependence on the input")
    dependence = None
    try:
        dependence = _dependence(maps, ball, bits)
    except NotCertified as error:
        unproved["dependence"] = str(error)
    return Proved(attraction=attraction, answer=answer, dependence=dependence, unproved=unproved)


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


def _check_period(turn: list[Jet], ball: Contraction) -> None:
    """Prove that h* has no shorter period: no image of the ball on the way can contain it."""
    near = up(ball.error * ball.coordinates.lengths[1], 1)
    for k, image in enumerate(turn):
        if k and len(turn) % k == 0:
            away = np.abs(image.mid - ball.center) * (1 - 2 * UNIT)
            if not (away > up(image.reach + near, 2)).any():
                raise NotCertified(f"the cycle of period {len(turn)} could be one of period {k}")


def _answer(
    maps: InputMaps,
    ball: Contraction,
    turn: list[Jet],
    settled: Settled,
    progress: Callable[[str], None],
) -> tuple[Answer, int]:
    """Part 3, and without recall the bits of the box about h_0 from which it was proved."""
    network, period = maps.network, maps.period
    logits = [jet for jet in map(network.head, turn) if jet is not None]
    classes = [jet.mid.argmax(-1) for jet in logits]
    # a minimum of floats would pass over one that is not a number
    least = [margins(j, c) for j, c in zip(logits, classes, strict=True)]
    margin = float(np.min(least)) if classes else 0.0
    if classes and not margin > 0:
        raise NotCertified(f"a logit margin is {margin:.3g} at least over the ball, not positive")
    progress("balls around the fixed point")
    funnel = Funnel.around(maps.jet, ball)
    expected = _distances(ball, settled.states)
    tried = {0, len(expected) // 4, len(expected) // 2}
    growth = max(growth_of(maps.advance, settled.states[t]) for t in tried)
    bits = funnel.bits_for(expected, growth, period)
    slopes: dict[int, list[Array]] = {}
    seen: list[Array | None] = []

    def head(at: Enclosed) -> Array | None:
        with flint.ctx.workprec(max(64, min(bits, 128))):
            logits = network.head(BallArray(at.state.balls, {}))
        if logits is None:
            return None
        if at.tube is None or at.ball is None:
            return answer_of(logits)
        if at.ball not in slopes:
            radius = funnel.all[at.ball].radius
            jet = Jet.coordinates(ball.center, ball.coordinates.directions, radius)
            made = map(network.head, maps.turn(jet))
            slopes[at.ball] = [jet.slope for jet in made if jet is not None]
        return answer_of(logits, slopes[at.ball][at.turn] * (float(at.tube) * (1 + 1e-15) + 1e-290))

    entered = 0
    start = maps.start if network.recall else lambda: maps.box(bits)
    for at in funnel.orbit(maps.advance, start, expected, bits, period):
        progress(f"orbit, iteration {at.time} of about {len(expected)}")
        seen.append(head(at))
        entered = at.time
    if not classes:
        return Answer(entered, entered, (), 0.0), bits
    first = entered
    while first > 0 and _same(seen[first - 1], classes[(first - 1 - entered) % period]):
        first -= 1
    outputs = [classes[(first + j - entered) % period].tolist() for j in range(period)]
    answer = Answer(entered, first, tuple(map(tuple, outputs)), margin * (1 - SLACK))
    return answer, bits


def _same(seen: Array | None, answer: Array) -> bool:
    return seen is not None and bool((seen == answer).all())


def _distances(ball: Contraction, states: Array) -> list[float]:
    """Distances from the center in the norm, up to the first one inside the ball."""
    offsets = (states - ball.center).reshape(len(states), -1)
    distances = np.linalg.norm(offsets @ ball.coordinates.inverse.T, axis=1)
    inside = np.flatnonzero(distances <= ball.radius)
    return distances[: inside[0] + 1 if len(inside) else None].tolist()


def _dependence(maps: InputMaps, ball: Contraction, bits: int | None) -> Dependence:
    """Part 4."""
    network, center = maps.network, ball.center
    if not network.recall:
        if bits is None:
            raise NotCertified("the orbit was not enclosed")
        return Dependence(0, 0.0, 0.0, bits + SPARE_BITS)
    # h* lies well inside, so that a bound of the derivative is also one of Lipschitz constants
    euclidean = up(2 * ball.error * ball.coordinates.lengths[1], 1)
    embedding = maps.embedding.values
    n, m = center.size, embedding.balls.size
    by_state = np.eye(n, n + m).reshape(*center.shape, n + m)
    by_input = np.eye(m, n + m, n).reshape(*embedding.shape, n + m)
    state = _variable(BallArray.exact(center), by_state, euclidean)
    offset = network.offset(_variable(embedding, by_input, euclidean))
    for _ in range(maps.period):
        state = network.advance(state, offset)
    found = sensitivity_bounds(state, network.rank(n))
    if found.rank and not found.least > 0:
        raise NotCertified(f"the singular value {found.rank} of S is not bounded away from 0")
    return Dependence(found.rank, found.least * (1 - LOOSE), found.largest * (1 + LOOSE))


def _variable(values: BallArray, gradient: Array, radius: float) -> Jet:
    return Jet(values, gradient, np.zeros(values.shape), radius=radius)
