"""The named choices of a training run; `RunSpec` has an option for each of them."""

from __future__ import annotations

from enum import StrEnum


class QKNorm(StrEnum):
    """Where the RMS normalisation of queries and keys stands relative to the rotary embedding."""

    BEFORE_ROPE = "before-rope"
    """normalise, then rotate: attention scores depend on relative positions only"""
    AFTER_ROPE = "after-rope"
    """rotate, then normalise with a per-channel gain (the published order): scores may depend on
    absolute position
    """


class Positions(StrEnum):
    """What the input of a board says about the place of a cell, as further channels.

    With none, and relative attention (QK-norm before the rotary embedding), a cell sees how far
    other cells are along rows and columns, and nothing of its own place: on a board of equal cells
    all states stay equal. Which cells share a sudoku box it can infer from the clues at best. The
    published order (QK-norm after the rotary embedding) sees places through the gain of its norm,
    one number per channel.
    """

    NONE = "none"
    """nothing"""
    ONE_HOT = "one-hot"
    """row and column (rank and file), and box where the puzzle has boxes, one channel for each
    value
    """
    LEARNT = "learnt"
    """one channel for each cell, so that the encoder learns an embedding of every cell"""


class Augmentation(StrEnum):
    """Random symmetries that are applied to training samples."""

    NONE = "none"
    """samples as they are"""
    RELABEL = "relabel"
    """sudoku: digits renamed"""
    SYMMETRY = "symmetry"
    """sudoku: digits renamed, the grid transposed, bands, stacks, rows within a band and columns
    within a stack permuted
    """


class Optimizer(StrEnum):
    """What updates the weights."""

    ADAMW = "adamw"
    """AdamW for every weight (published)"""
    MUON = "muon"
    """Muon for the matrices between hidden states, AdamW for encoder, output layer, gains and
    biases
    """


class Precision(StrEnum):
    """Operands of the matrix products of a training step; evaluation is float32 always."""

    AUTO = "auto"
    """bf16 on a GPU, and from width 128 on a CPU that has bf16 products; float32 otherwise"""
    FLOAT32 = "float32"
    BF16 = "bf16"


class EncoderGradient(StrEnum):
    """How the encoder learns when the first loops carry no gradient.

    With recall none the state is the encoder's only way into the loss, so the published form trains
    the encoder only when n = 0, one step in `loops`; the two others make the comparison of recall
    with none fair. Compare recall at one form only.
    """

    PUBLISHED = "published"
    """none through the first n loops"""
    STRAIGHT_THROUGH = "straight-through"
    """the n loops count as the identity: h_n + (e - stop(e))"""
    FULL = "full"
    """backpropagation through all loops"""


class Supervision(StrEnum):
    """Which outputs the loss judges."""

    LAST = "last"
    """that of the last loop (published)"""
    EACH = "each"
    """those of the k last loops, with equal weight"""
