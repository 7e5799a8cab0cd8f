"""R1: the linear loop with recall, h' = M h + B e + c, its resolvent and its input sensitivity."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any, NamedTuple

import sympy as sp

from theory.algebra import Equation, Words, diagonal, random_matrix, rational
from theory.claim import Assumption, Claim
from theory.exact import Matrix, Vector, add, apply, conjugate, difference, norm1, unimodular
from theory.falsifier import Falsifier
from theory.formulas import formula
from theory.proof import Sentence, both, cited, decided, deduced, identity


def _letters(text: str) -> tuple[sp.Symbol, ...]:
    return sp.symbols(text, commutative=False, seq=True)


def _resolvent():
    q, b, e, c, h = _letters("Q B e c h")  # Q = I - M, invertible
    fixed = q**-1 * (b * e + c)
    return [
        Words((1 - q) * fixed + b * e + c, fixed),
        Words(q**-1 * (h - (1 - q) * h), h),
        Words((1 - q) * q**-1 * b + b, q**-1 * b),
    ]


def _unrolled():
    q, power, start, b = _letters("Q M_t D B")  # M_t stands for M^t, D for Dh_0
    m = 1 - q
    return [
        # induction: D_{t+1} = M D_t + B, with D_t = M^t D + (I - M^t) Q^{-1} B
        Words(m * (power * start + (1 - power) * q**-1 * b) + b, m * power * start + (1 - m * power) * q**-1 * b),
        *(Words((1 - m**t) * q**-1 * b, sum((m**k for k in range(t)), sp.Integer(0)) * b) for t in (1, 2, 3, 6)),
        Words(power * start + (1 - power) * q**-1 * b - q**-1 * b, power * (start - q**-1 * b)),
    ]


def _components():
    equations = []
    for size in (1, 2, 3):
        m = sp.Matrix(size, size, sp.symbols(f"m:{size * size}"))
        b = sp.Matrix(size, size, sp.symbols(f"b:{size * size}"))
        gap = sp.eye(size) - m
        numerator = gap.adjugate() * b  # S = numerator / det(I - M): the derivative of h* entry by entry
        residual = m * numerator + gap.det() * b - numerator
        equations += [Equation(entry, sp.Integer(0)) for entry in residual]
    return equations


def _eigen_model(rng: random.Random, size: int):
    left, q = _letters("l Q")
    eigenvalue = sp.Symbol("lambda")
    basis = random_matrix(rng, size)
    value = rational(rng)
    while value == 1:
        value = rational(rng)
    others = [rational(rng) for _ in range(size - 1)]
    return {
        left: diagonal([1] + [0] * (size - 1)) * basis.inv(),
        q: basis * diagonal([1 - value, *others]) * basis.inv(),
        eigenvalue: value,
    }


def _blow_up():
    left, q, s, b, eigenvalue = *_letters("l Q S B"), sp.Symbol("lambda")
    rules = (((left, q), (1 - eigenvalue) * left),)
    # l M = lambda l, that is l Q = (1 - lambda) l; with S = Q^{-1} B, l B = l Q S = (1 - lambda) l S
    return [
        Words(left * q * s, (1 - eigenvalue) * left * s, rules, _eigen_model),
        Words(q * (q**-1 * b), b),
    ]


def _eigenplane():
    p, q, x, y = sp.symbols("p q x y")
    return [Equation((p * x - q * y) ** 2 + (q * x + p * y) ** 2, (p**2 + q**2) * (x**2 + y**2))]


def _scalar():
    m, b, s, h, e, fixed = sp.symbols("m b s h e f")
    inside = (m < 1, m > -1)
    at_fixed = sp.Eq(fixed, m * fixed + b * e)
    return [
        Sentence((*inside, at_fixed, sp.Ne(h, fixed)), (m * h + b * e - fixed) ** 2 < (h - fixed) ** 2),
        Sentence((*inside, sp.Eq(s, m * s + b), sp.Ne(b, 0)), both(sp.Ne(s, 0), 4 * s**2 > b**2)),
        Sentence((sp.Or(m >= 1, m <= -1), at_fixed), (m * h + b * e - fixed) ** 2 >= (h - fixed) ** 2),
    ]


def _planar():
    trace, det = sp.symbols("tr det")
    jury = (det < 1, trace < 1 + det, -trace < 1 + det)
    return [Sentence(jury, sp.And(1 - trace + det > 0, 1 - trace + det < 4))]


def _determinant():
    a, b, c, d = sp.symbols("a b c d")
    m = sp.Matrix([[a, b], [c, d]])
    return [Equation((sp.eye(2) - m).det(), 1 - (a + d) + (a * d - b * c))]


def _iterations():
    rho, tol, scale = sp.symbols("rho tol C", positive=True)
    loops = formula("iterations_to_tolerance")(rho, tol, scale)
    names: Any = {sp.log(x): sp.Symbol(f"log_{x}") for x in (rho, tol, scale)}
    # log(C rho^t) = log tol
    return [Equation((sp.log(scale) + loops * sp.log(rho)).subs(names), names[sp.log(tol)])]


_STEPS = (
    identity(
        "resolvent",
        "1 not an eigenvalue: h* = (I - M)^{-1}(B e + c) is the only fixed point, and S = (I - M)^{-1} B solves S = M S + B",
        "every d",
        _resolvent,
        ("linear",),
    ),
    identity("components", "the same, entry by entry: (I - M) adj(I - M) B = det(I - M) B", "d = 1, 2, 3", _components, ("linear",)),
    identity(
        "unrolled_sensitivity",
        "dh_t/de = M^t Dh_0 + (I - M^t)(I - M)^{-1} B, and (I - M^t)(I - M)^{-1} B = Sum_{k<t} M^k B, finite at every finite t",
        "every d, every t (induction); the sum for t = 1, 2, 3, 6",
        _unrolled,
        ("linear",),
    ),
    cited("decay", "gelfand", "M^t -> 0", "every d", {"radius": ("contractive",)}),
    deduced(
        "reachable",
        "h_t -> h*(e) from every h_0, and dh_t/de -> S whatever Dh_0",
        "every d",
        ("resolvent", "unrolled_sensitivity", "decay"),
    ),
    identity(
        "eigenplane",
        "along an eigenvalue p + i q the squared distance of two orbits is multiplied by p^2 + q^2 in every loop",
        "every eigenvector or plane (d = 1, 2), every t",
        _eigenplane,
        ("linear",),
    ),
    deduced(
        "not_reachable",
        "rho(M) >= 1: the orbits of an open set of starts keep their distance along that eigenvector, so they do not share a limit",
        "every d",
        ("eigenplane",),
    ),
    deduced("rank", "S = (I - M)^{-1} B has the rank of B: S != 0 iff B != 0", "every d", ("resolvent", "recall")),
    identity("left_eigenvector", "l M = lambda l gives l B = (1 - lambda) l S", "every d", _blow_up, ("resolvent",)),
    deduced(
        "blow_up",
        "invertible B: sigma_min(B)|l| <= |l B| = |1 - lambda||l S| <= |1 - lambda||l||S| for every eigenvalue lambda, so |S| >= "
        "sigma_min(B)/|1 - lambda|",
        "every d",
        ("left_eigenvector", "invertible"),
    ),
    identity("iterations", "C rho^t = tol at t = (log tol - log C)/log rho", "every rate", _iterations),
    decided("scalar_loop", "d = 1: reachable iff |m| < 1; then S != 0 and |S| > |b|/2 when b != 0", "d = 1", _scalar),
    identity("planar_determinant", "det(I - M) = 1 - tr M + det M", "d = 2", _determinant),
    decided(
        "planar_resolvent",
        "d = 2: on the triangle of stability (Jury) 0 < det(I - M) < 4, so S exists and is smooth",
        "d = 2",
        _planar,
        ("planar_determinant",),
    ),
)


class _Loop(NamedTuple):
    matrix: Matrix
    recall: Matrix
    eigenvalues: tuple[Fraction, ...]
    starts: tuple[Vector, Vector]


def _loop(rng: random.Random, eigenvalues: tuple[Fraction, ...], recall: Matrix) -> _Loop:
    basis, inverse = unimodular(rng, 2)
    block = [[eigenvalues[0], Fraction(0)], [Fraction(0), eigenvalues[1]]]
    starts = tuple([Fraction(rng.randint(-5, 5)) + Fraction(k, 3), Fraction(rng.randint(-5, 5))] for k in (0, 1))
    return _Loop(conjugate(basis, block, inverse), conjugate(basis, recall, inverse), eigenvalues, starts)  # type: ignore[arg-type]


def _diagonal(a: Fraction, b: Fraction) -> Matrix:
    return [[a, Fraction(0)], [Fraction(0), b]]


def _pick(rng: random.Random, bound: int) -> Fraction:
    """A non-zero fraction of modulus below bound/12 (bound <= 12)."""
    return Fraction(rng.choice([k for k in range(1 - bound, bound) if k]), 12)


def _contractive(rng: random.Random, keep: bool) -> _Loop:
    first = _pick(rng, 6) if keep else rng.choice((Fraction(-1), Fraction(1), Fraction(5, 4), Fraction(-4, 3)))
    return _loop(rng, (first, _pick(rng, 6)), _diagonal(Fraction(1), Fraction(2)))


def _with_recall(rng: random.Random, keep: bool) -> _Loop:
    size = Fraction(rng.randint(1, 4))
    return _loop(rng, (_pick(rng, 6), _pick(rng, 6)), _diagonal(size, size) if keep else _diagonal(Fraction(0), Fraction(0)))


def _near_one(rng: random.Random, keep: bool) -> _Loop:
    first = 1 - Fraction(1, 10 ** rng.randint(4, 6))
    return _loop(rng, (first, _pick(rng, 6)), _diagonal(Fraction(1 if keep else 0), Fraction(rng.randint(1, 3))))


def _matrix_text(matrix: Matrix) -> str:
    return "[" + "; ".join("(" + ", ".join(map(str, row)) + ")" for row in matrix) + "]"


def _forgets_start(loop: _Loop) -> str | None:
    ends = []
    for start in loop.starts:
        state: Vector = start
        for _ in range(48):
            state = add(apply(loop.matrix, state), apply(loop.recall, [Fraction(1), Fraction(1)]))
        ends.append(state)
    gap = norm1(difference(*ends))
    if gap > Fraction(1, 2**20):
        return f"M = {_matrix_text(loop.matrix)}: after 48 loops two starts are still {float(gap):.3g} apart"
    return None


def _sensitivity(loop: _Loop) -> list[list[Fraction]]:
    """S by Cramer's rule."""
    (a, b), (c, d) = loop.matrix
    det = (1 - a) * (1 - d) - b * c
    inverse = [[(1 - d) / det, b / det], [c / det, (1 - a) / det]]
    columns = [apply(inverse, [row[k] for row in loop.recall]) for k in range(2)]
    return [[columns[j][i] for j in range(2)] for i in range(2)]


def _insensitive(loop: _Loop) -> str | None:
    if all(entry == 0 for row in _sensitivity(loop) for entry in row):
        return f"M = {_matrix_text(loop.matrix)}, B = {_matrix_text(loop.recall)}: S = 0"
    return None


def _stays_small(loop: _Loop) -> str | None:
    size = sum((norm1(row) for row in _sensitivity(loop)), Fraction(0))
    # |S|_1 >= |S|_2 >= sigma_min(B)/|1 - l|; sigma_min(B) >= 1/100 for the bases that occur
    if size < Fraction(1, 100) / abs(1 - loop.eigenvalues[0]):
        where = f"M = {_matrix_text(loop.matrix)} has the eigenvalue {loop.eigenvalues[0]}"
        return f"{where}, B = {_matrix_text(loop.recall)}: |S| = {float(size):.3g}"
    return None


_FALSIFIERS = (
    Falsifier(
        "spectral_radius_not_below_one",
        "contractive",
        "two orbits of the same input end together",
        _contractive,
        lambda loop: max(abs(x) for x in loop.eigenvalues) < 1,
        _forgets_start,
        12,
    ),
    Falsifier(
        "no_recall",
        "recall",
        "S != 0",
        _with_recall,
        lambda loop: any(entry != 0 for row in loop.recall for entry in row),
        _insensitive,
        12,
    ),
    Falsifier(
        "recall_misses_the_eigenvector",
        "invertible",
        "|S| grows like 1/|1 - lambda| as the eigenvalue lambda tends to 1",
        _near_one,
        lambda loop: loop.recall[0][0] * loop.recall[1][1] != loop.recall[0][1] * loop.recall[1][0],
        _stays_small,
        12,
    ),
)

R1 = Claim(
    id="R1",
    title="Resolvent law of linear loops with recall",
    source="paper+extension",
    statement="h' = M h + B e + c. If 1 is not an eigenvalue there is one fixed point h*(e) = (I - M)^{-1}(B e + c); it is reachable "
    "iff rho(M) < 1; "
    "S = (I - M)^{-1} B has the rank of B; dh_t/de = M^t Dh_0 + (I - M^t)(I - M)^{-1} B. Reachable, smooth and input-dependent hold "
    "together iff "
    "rho(M) < 1 and B != 0; for invertible B |S| >= sigma_min(B)/|1 - lambda| for every eigenvalue lambda.",
    assumptions=(
        Assumption("linear", "h' = M h + B e + c, real d x d matrices (M^t is the t-th power)"),
        Assumption("contractive", "rho(M) < 1"),
        Assumption("recall", "B != 0"),
        Assumption("invertible", "B is invertible (blow-up bound only)"),
    ),
    steps=_STEPS,
    falsifiers=_FALSIFIERS,
    notes=(
        "The term M^t Dh_0 was missing at first; it does not vanish at finite t when h_0 = e.",
        "At finite t the sensitivity is a finite sum of powers and does not blow up as an eigenvalue tends to 1; only the limit does, "
        "and only along left eigenvectors that B does not kill.",
    ),
)
