"""The named choices of a training run; `RunSpec` has an option for each of them."""

from __future__ import annotations

from enum import StrEnum


class QKNorm(StrEnum):
    """Where queries and keys are normalised: before or after the rotary embedding."""

    BEFORE_ROPE = "before-rope"
    """Normalise, then rotate: attention scores depend on relative positions only."""
    AFTER_ROPE = "after-rope"
    """Rotate, then normalise with a gain per channel (the published order): scores may depend on
    absolute positions.
    """


class Positions(StrEnum):
    """What the input of a board says about the place of a cell, as further channels.

    With `NONE` and QK-norm before the rotary embedding, a cell sees how far other cells are along
    rows and columns, but nothing of its own place: on a board of equal cells all states stay equal.
    At best it can infer from the clues which cells share a sudoku box. With QK-norm after the
    rotary embedding, the published order, places are seen through the gain of the norm, one number
    per channel.
    """

    NONE = "none"
    """Nothing."""
    ONE_HOT = "one-hot"
    """Row and column (rank and file), and the box where the puzzle has boxes: one channel for each
    value.
    """
    LEARNT = "learnt"
    """One channel for each cell, so that the encoder learns an embedding of every cell."""


class Augmentation(StrEnum):
    """Random symmetries that are applied to training samples."""

    NONE = "none"
    """The samples stay as they are."""
    RELABEL = "relabel"
    """Sudoku: the digits are renamed."""
    SYMMETRY = "symmetry"
    """Sudoku: the digits are renamed, the grid is transposed, and bands, stacks, rows within a band
    and columns within a stack are permuted.
    """


class Optimizer(StrEnum):
    """What updates the weights."""

    ADAMW = "adamw"
    """AdamW for every weight, as published."""
    MUON = "muon"
    """Muon for the matrices between hidden states, AdamW for the encoder, the output layer, gains
    and biases.
    """


class Precision(StrEnum):
    """The operands of the matrix products of a training step; evaluation is always float32."""

    AUTO = "auto"
    """bf16 on a GPU, and from width 128 on a CPU that has bf16 products; float32 otherwise."""
    FLOAT32 = "float32"
    """float32 everywhere."""
    BF16 = "bf16"
    """bfloat16; an error where the device does not have it."""


class EncoderGradient(StrEnum):
    """How the encoder learns when the first n iterations carry no gradient.

    Without recall, the initial state is the encoder's only way into the loss, so the published form
    trains the encoder only when n = 0, in one of `loops` steps. The two other forms make the
    comparison of recalls fair. Compare them with one form only.
    """

    PUBLISHED = "published"
    """No gradient passes the first n iterations."""
    STRAIGHT_THROUGH = "straight-through"
    """The gradient passes the first n iterations as if they were the identity: h_n + (e -
    stop(e)).
    """
    FULL = "full"
    """The gradient is propagated back through all iterations."""


class Supervision(StrEnum):
    """Which outputs the loss judges."""

    LAST = "last"
    """That of the last iteration, as published."""
    EACH = "each"
    """Those of the k last iterations, with equal weights."""
