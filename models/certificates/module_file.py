"""Certificates of users' own loops in files, which their code proves again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...numerics.arrays import Array
from ...numerics.enclosures.contraction import NotCertified
from .certificate import ModuleCertificate
from .certificate_file import load_parts, save_parts, weaker
from .certify_module import Step, certified_module

NAMES = ("initial", "input", "center")
"""Names of the arrays in the file."""


@dataclass(frozen=True)
class ModuleFile:
    """A certificate of a user's loop with the numbers that it is about.

    The file does not hold the loop: whoever proves it again gives the step, and the file says
    nothing about another one.

    Args:
        certificate: what is claimed.
        h0: the initial state.
        e: the input.
        center: the center of the ball, of the shape of the state.
    """

    certificate: ModuleCertificate
    h0: Array
    e: Array
    center: Array

    def save(self, path: str | Path) -> Path:
        """Write the file, whole or not at all."""
        arrays: dict[str, Array] = dict(zip(NAMES, (self.h0, self.e, self.center), strict=True))
        return save_parts(path, self.certificate, arrays)

    @classmethod
    def load(cls, path: str | Path) -> ModuleFile:
        """Read a file that `save` wrote.

        Raises:
            UsageError: there is no such file.
            LoopstabError: the file is damaged or was altered, or is not a certificate of a loop.
        """
        certificate, (h0, e, center) = load_parts(path, ModuleCertificate, NAMES)
        return cls(certificate, h0, e, center)

    def verify(
        self, step: Step, readout: Any = None, progress: Callable[[str], None] = lambda _: None
    ) -> list[str]:
        """Prove the certificate again for a step.

        Args:
            step: module or function of the tensors h and e.
            readout: module or function of h that returns logits.
            progress: is told what is being done.

        Returns:
            What could not be proved again, one sentence for each; empty if everything was.
        """
        claimed = self.certificate
        try:
            found, _ = certified_module(
                step, self.h0, self.e, readout, center=self.center, progress=progress
            )
        except NotCertified as error:
            return [str(error)]
        if found.attraction.period != claimed.attraction.period:
            return [f"the orbit settles with period {found.attraction.period}"]
        if (found.loop, found.shape) != (claimed.loop, claimed.shape):
            return [f"it is about {claimed.loop} on states of shape {claimed.shape}"]
        return weaker(found, claimed)
