"""Certificates of trained loops: theorems about one network and one input."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from ...support.errors import UsageError
from ...support.files import output_folder
from ...support.jsonable import json_text
from ...support.option_bounds import COUNT, check_options
from ...support.schema import Whole

if TYPE_CHECKING:
    from ...models.certificates.certificate import LoopCertificate, ModuleCertificate, Proved
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
    input, with explicit bounds of its derivative, or without recall is the same for all initial
    states of an explicit box. See docs/howto/certify.md for what is assumed.

    With --verify FILE a certificate that --out wrote is proved again from the checkpoint and the
    file alone. The checkpoint is the one that the file names, unless another is given; the
    certificate of a Python file is proved again with that file.

    A Python file is treated as by loopstab diagnose: it defines step(h, e), initial(e) and e, and
    it may define readout(h), which returns logits. Here they are functions or modules of torch, in
    float64, or the methods of a TorchLoop. The operations of the step must be ones that can be
    enclosed; one that cannot is named with its place in the file.

    Examples: loopstab certify sudoku-4x4-external-post-s1 --input 3 --out three.safetensors
     loopstab certify --verify three.safetensors
     loopstab certify mine.py --out mine.safetensors
     loopstab certify mine.py --verify mine.safetensors

    Exit status: 0 if everything was proved; 1 if something was not, because the orbit does not
    settle, nothing attracts, or a bound is too wide, or for a file that was altered or is about
    another checkpoint; 2 for a wrong request.

    Args:
        checkpoint: Name (see loopstab zoo list) or path of a checkpoint, or a Python file.
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
        if checkpoint is not None and checkpoint.endswith(".py"):
            return _verify_file(Path(checkpoint), verify, json_)
        return _verify(CertificateFile.load(verify), checkpoint, data, json_)
    if checkpoint is None:
        raise UsageError("certify needs a checkpoint, or --verify with a certificate")
    check_options(input_=(input_, Whole(0, 10**6)), loops=(loops, COUNT))
    if out is not None:
        output_folder(out.parent)
    if checkpoint.endswith(".py"):
        if input_ or level or data:
            raise UsageError("--input, --level and --data are for checkpoints: the file says it")
        return _of_file(Path(checkpoint), loops, out, json_)
    trained = TrainedLoop.open(zoo.load(checkpoint), data, level)
    x = sample(trained, input_)
    try:
        certificate, center = certify_loop(
            trained, x, name=checkpoint, number=input_, loops=loops, progress=_say(json_)
        )
    except NotCertified as error:
        return _refused(error, {"checkpoint": checkpoint, "input": input_}, json_)
    _end_progress(json_)
    if out is not None:
        CertificateFile(certificate, x, center).save(out)
    if json_:
        print(json_text(certificate.to_json()))
    else:
        _print(certificate)
    return 0 if certificate.complete else 1


def _of_file(file: Path, loops: int, out: Path | None, json_: bool) -> int:
    from ...models.certificates.certify_module import certified_module, doubles
    from ...models.certificates.module_file import ModuleFile
    from ...numerics.enclosures.contraction import NotCertified

    step, h0, e, readout = _loop_of(file)
    try:
        found, center = certified_module(step, h0, e, readout, loops=loops, progress=_say(json_))
    except NotCertified as error:
        return _refused(error, {"file": str(file.absolute())}, json_)
    _end_progress(json_)
    if out is not None:
        ModuleFile(found, doubles("h0", h0), doubles("e", e), center).save(out)
    if json_:
        print(json_text(found.to_json()))
    else:
        _print_module(found, file)
    return 0 if found.complete else 1


def _verify_file(file: Path, verify: Path, json_: bool) -> int:
    from ...models.certificates.module_file import ModuleFile

    read = ModuleFile.load(verify)
    step, _, _, readout = _loop_of(file)
    faults = read.verify(step, readout, _say(json_))
    return _verified(
        faults, read.certificate, file.name, lambda found: _print_module(found, file), json_
    )


def _loop_of(file: Path) -> tuple[Any, Any, Any, Any]:
    """The step, the initial state, the input and the readout of a user's file."""
    import torch

    from ...models.loops.torch_loop import TorchLoop
    from ...support.user_module import load
    from .user_file import one_line

    file = file.absolute()
    module = load(file)
    step, e = module.step, torch.as_tensor(module.e)
    initial = one_line(file, "initial", module.initial)
    with torch.no_grad():
        if isinstance(getattr(step, "__self__", None), TorchLoop):
            step, h0 = step.__self__.torch_step, initial(e.numpy())
        else:
            h0 = initial(e)
    return step, h0, e, getattr(module, "readout", None)


def _refused(error: Exception, of: dict[str, Any], json_: bool) -> int:
    _end_progress(json_)
    print(json_text({**of, "refused": str(error)}) if json_ else f"not certified: {error}")
    return 1


def _verify(file: CertificateFile, checkpoint: str | None, data: Path | None, json_: bool) -> int:
    from ...models.measure.trained import TrainedLoop
    from ...models.zoo import zoo

    name = checkpoint or file.certificate.checkpoint
    trained: TrainedLoop = TrainedLoop.open(zoo.load(name), data, file.certificate.level)
    faults = file.verify(trained, _say(json_))
    return _verified(faults, file.certificate, f"the weights of {name}", _print, json_)


def _verified(
    faults: list[str], found: Any, source: str, show: Callable[[Any], None], json_: bool
) -> int:
    _end_progress(json_)
    if json_:
        print(json_text({"verified": not faults, "faults": faults, **found.to_json()}))
    elif faults:
        print("not proved again: " + "; ".join(faults))
    else:
        print(f"proved again, from {source} and the file alone")
        show(found)
    return 1 if faults else 0


def _print(found: LoopCertificate) -> None:
    number = "" if found.input is None else f", input {found.input} of level {found.level}"
    _print_proved(found, f"{found.checkpoint} ({found.architecture}, {found.task}{number})")


def _print_module(found: ModuleCertificate, file: Path) -> None:
    size = " x ".join(map(str, found.shape))
    _print_proved(found, f"{file.name} ({found.loop}, a state of {size} numbers)")


def _print_proved(found: Proved, title: str) -> None:
    from ..text.tables import print_paragraph

    print(title)
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
