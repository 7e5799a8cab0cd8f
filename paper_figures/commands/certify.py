"""Certificates of trained loops: theorems about one network and one input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from ...support.errors import UsageError
from ...support.jsonable import json_text

if TYPE_CHECKING:
    from ...models.certificates.certificate_file import CertificateFile
    from ...models.measure.trained import TrainedLoop


def certify(
    checkpoint: Annotated[str | None, tyro.conf.Positional] = None,
    input_: Annotated[int, tyro.conf.arg(name="input")] = 0,
    level: str | None = None,
    data: Path | None = None,
    loops: int = 4000,
    out: Path | None = None,
    verify: Path | None = None,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Prove what a trained loop does on one input, for ever.

    Four things are proved in rigorous arithmetic, with all rounding bounded: a fixed point (or a
    cycle of period up to 8) exists and is the only one in an explicit ball; it attracts every
    state of the ball at an explicit rate; the exact orbit from the initial state enters the ball,
    and from an explicit iteration on the output never changes again; and the limit depends on the
    input, with explicit bounds of its derivative, or without recall does not depend on it at all.

    With --verify FILE a certificate that --out wrote is proved again from the checkpoint and the
    file alone. The checkpoint is the one that the file names, unless another is given.

    Examples: loopstab certify sudoku-4x4-external-post-s1 --input 3 --out three.safetensors
     loopstab certify --verify three.safetensors

    Exit status: 0 if everything was proved; 1 if something was not, because the orbit does not
    settle, nothing attracts, or a bound is too wide, or for a file that was altered or is about
    another checkpoint; 2 for a wrong request.

    Args:
        checkpoint: Name (see loopstab zoo list) or path of a checkpoint.
        input_: Number of the sample of the task: 0, 1, 2, ...
        level: Level of the task; default: the one that training reached.
        data: Prepared data file, for a task that needs one.
        loops: Iterations after which an orbit that has not settled is given up.
        out: File for the certificate, which --verify reads.
        verify: A certificate to prove again.
        json_: Print a JSON object instead of sentences.
    """
    from ...models.certificates.certificate_file import CertificateFile
    from ...models.certificates.certify_loop import certify_loop
    from ...models.certificates.samples import sample
    from ...models.measure.trained import TrainedLoop
    from ...models.zoo import zoo
    from ...numerics.enclosures.contraction import NotCertified

    if verify is not None:
        return _verify(CertificateFile.load(verify), checkpoint, data, json_)
    if checkpoint is None:
        raise UsageError("certify needs a checkpoint, or --verify with a certificate")
    if input_ < 0 or loops < 1:
        raise UsageError(f"--input counts from 0 and --loops from 1; they are {input_} and {loops}")
    trained = TrainedLoop.open(zoo.load(checkpoint), data, level)
    x = sample(trained, input_)
    try:
        certificate, center = certify_loop(
            trained, x, name=checkpoint, number=input_, loops=loops, progress=_say(json_)
        )
    except NotCertified as error:
        _end_progress(json_)
        if json_:
            print(json_text({"checkpoint": checkpoint, "input": input_, "refused": str(error)}))
        else:
            print(f"not certified: {error}")
        return 1
    _end_progress(json_)
    if out is not None:
        CertificateFile(certificate, x, center).save(out)
    if json_:
        print(json_text(certificate.to_json()))
    else:
        _print(certificate)
    return 0 if certificate.complete else 1


def _verify(file: CertificateFile, checkpoint: str | None, data: Path | None, json_: bool) -> int:
    from ...models.measure.trained import TrainedLoop
    from ...models.zoo import zoo

    name = checkpoint or file.certificate.checkpoint
    trained: TrainedLoop = TrainedLoop.open(zoo.load(name), data, file.certificate.level)
    faults = file.verify(trained, _say(json_))
    _end_progress(json_)
    if json_:
        print(json_text({"verified": not faults, "faults": faults, **file.certificate.to_json()}))
    elif faults:
        print("not proved again: " + "; ".join(faults))
    else:
        print(f"proved again, from the weights of {name} and the file alone")
        _print(file.certificate)
    return 1 if faults else 0


def _print(certificate: Any) -> None:
    from ..text.tables import print_paragraph

    found = certificate
    number = "" if found.input is None else f", input {found.input} of level {found.level}"
    print(f"{found.checkpoint} ({found.architecture}, {found.task}{number})")
    for sentence in found.sentences():
        print_paragraph(sentence)
    if found.answer is not None:
        for classes in dict.fromkeys(found.answer.classes):
            print_paragraph(" ".join(map(str, classes)), indent=4)


def _say(json_: bool):
    """Show what is being done, on the terminal's error stream."""
    if json_ or not sys.stderr.isatty():
        return lambda _: None
    return lambda text: print(f"\r{text:<70}", end="", file=sys.stderr, flush=True)


def _end_progress(json_: bool) -> None:
    if not json_ and sys.stderr.isatty():
        print("\r" + " " * 70 + "\r", end="", file=sys.stderr, flush=True)
