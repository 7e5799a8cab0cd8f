"""Certificates in files: written with all that is needed to prove them again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from ...numerics.arrays import Array
from ...numerics.enclosures.contraction import NotCertified
from ...support.errors import LoopstabError
from ..measure.trained import TrainedLoop
from ..network.checkpoint import Checkpoint
from .certificate import LoopCertificate, Proved
from .certify_loop import LOOPS, certify_at, fingerprint
from .samples import sample
from .settling import settle

Certificate = TypeVar("Certificate", bound=Proved)

FIELD = "certificate"
"""Key of the certificate among the metadata of the file."""


@dataclass(frozen=True)
class CertificateFile:
    """A certificate with the input and the center that it is about.

    Args:
        certificate: what is claimed.
        x: the input, (cells, channels).
        center: the center of the ball, (cells, width).
    """

    certificate: LoopCertificate
    x: Array
    center: Array

    def save(self, path: str | Path) -> Path:
        """Write the file, whole or not at all."""
        return save_parts(path, self.certificate, {"input": self.x, "center": self.center})

    @classmethod
    def load(cls, path: str | Path) -> CertificateFile:
        """Read a file that `save` wrote.

        Raises:
            UsageError: there is no such file.
            LoopstabError: the file is damaged or was altered, or is not a certificate.
        """
        certificate, (x, center) = load_parts(path, LoopCertificate, ("input", "center"))
        shapes = (certificate.cells, x.shape[-1]), (certificate.cells, certificate.width)
        if (x.shape, center.shape) != shapes:
            raise LoopstabError(
                f"{path}: the input has shape {x.shape} and the center {center.shape}, which do"
                " not fit the certificate: the file was altered"
            )
        return cls(certificate, x, center)

    def verify(
        self, trained: TrainedLoop, progress: Callable[[str], None] = lambda _: None
    ) -> list[str]:
        """Prove the certificate again from the checkpoint and the file alone.

        Every sentence of a file without faults is implied by the new proof. The center, the input
        and the checksum are not trusted: whoever alters a file can make a new checksum.

        Args:
            trained: the checkpoint that it is about, with the task and level of the input.
            progress: is told what is being done.

        Returns:
            What could not be proved again, one sentence for each; empty if everything was.

        Raises:
            LoopstabError: the certificate is about another checkpoint.
        """
        claimed = self.certificate
        if fingerprint(trained.model) != claimed.weights:
            raise LoopstabError(
                "the certificate is about another checkpoint: the fingerprints of the weights"
                f" differ (it names {claimed.checkpoint!r})"
            )
        try:
            settled = settle(trained.model, self.x, LOOPS)
            if settled.period != claimed.attraction.period:
                return [f"the orbit settles with period {settled.period}"]
            found = certify_at(trained, self.x, self.center, settled, progress=progress)
        except NotCertified as error:
            return [str(error)]
        faults = weaker(found, claimed)
        words = ("architecture", "task", "level")
        if any(getattr(found, word) != getattr(claimed, word) for word in words):
            faults.append("its architecture, task or level are those of another checkpoint")
        number = claimed.input
        if number is not None and not np.array_equal(sample(trained, number), self.x):
            faults.append(f"its input is not the sample {number}")
        return faults


def save_parts(path: str | Path, certificate: Proved, arrays: Mapping[str, Array]) -> Path:
    """Write a certificate with the arrays that it is about."""
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    return Checkpoint(tensors, {FIELD: certificate.to_json()}).save(path)


def load_parts(
    path: str | Path, kind: type[Certificate], names: tuple[str, ...]
) -> tuple[Certificate, list[Array]]:
    """Read what `save_parts` wrote.

    Args:
        path: the file.
        kind: the class of the certificate.
        names: names of the arrays.

    Raises:
        UsageError: there is no such file.
        LoopstabError: the file is damaged or was altered, or is not a certificate of that kind.
    """
    found = Checkpoint.load(path)
    if FIELD not in found.meta or set(names) != set(found.tensors):
        raise LoopstabError(
            f"{path} is not a certificate of this kind: give a file that `loopstab certify"
            " CHECKPOINT --out FILE` wrote, or beside your FILE.py one that `loopstab certify"
            " FILE.py --out FILE` wrote"
        )
    certificate = kind.from_json(found.meta[FIELD])
    return certificate, [found.tensors[name].double().numpy() for name in names]


def weaker(found: Proved, claimed: Proved) -> list[str]:
    """In which respects a new certificate does not imply the claimed one."""
    faults: list[str] = []

    def require(holds: bool, what: str) -> None:
        if not holds:
            faults.append(what)

    new, old = found.attraction, claimed.attraction
    require(old.error <= old.radius, "h* is claimed for a larger ball than the one it is unique in")
    require(new.radius >= old.radius, f"the ball has the radius {new.radius:.6g} only")
    require(new.error <= old.error, f"h* is known to within {new.error:.3g} only")
    require(new.rate <= old.rate, f"the rate is {new.rate:.8g}")
    require(new.condition <= old.condition, f"the constant is {new.condition:.6g}")
    if claimed.answer is not None:
        answer = found.answer
        if answer is None:
            faults.append(f"the answer: {found.unproved['answer']}")
        else:
            period = old.period
            later = claimed.answer.settled - answer.settled
            count = len(answer.classes)  # one for each state of the cycle; none without a readout
            turned = [answer.classes[(later + j) % period] for j in range(count)]
            ahead = claimed.answer.entered - answer.entered
            entered = ahead >= 0 and ahead % period == 0
            require(entered, f"the orbit enters at iteration {answer.entered}")
            require(later >= 0, f"the answer is proved from iteration {answer.settled} on only")
            require(tuple(turned) == claimed.answer.classes, "the answer is another one")
            require(
                answer.margin >= claimed.answer.margin, f"the margin is {answer.margin:.6g} only"
            )
    if claimed.dependence is not None:
        dependence, was = found.dependence, claimed.dependence
        if dependence is None:
            faults.append(f"the dependence: {found.unproved['dependence']}")
        else:
            require(dependence.rank >= was.rank, f"the rank is {dependence.rank}")
            require(dependence.least >= was.least, f"S: {dependence.least:.6g}")
            require(dependence.largest <= was.largest, f"S: {dependence.largest:.6g}")
            bits, stated = dependence.constant_bits, was.constant_bits
            require((bits is None) == (stated is None), "the input enters the loop, or it does not")
            require((bits or 0) <= (stated or 0), f"the limit is constant within 2^-{bits} only")
    return faults
