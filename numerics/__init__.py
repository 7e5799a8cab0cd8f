"""Attack the theory with numbers: looped maps, spectra, outcomes of orbits, phase diagrams."""

from numerics.certificate import Certificate, certify
from numerics.diagnosis import diagnose, run
from numerics.loop import FunctionLoop, LoopedMap, LoopError, check_loop
from numerics.maps import LinearLoop, MeanFieldLoop, linear_loop
from numerics.numeric import numeric
from numerics.phase import PhaseDiagram, phase_diagram
from numerics.regime import Diagnosis, classify
from numerics.spectrum import SpectralRadius, spectral_radius
from numerics.trajectory import Recorder, Trajectory
from theory.outcome import Outcome

__all__ = [
    "Certificate",
    "Diagnosis",
    "FunctionLoop",
    "LinearLoop",
    "LoopError",
    "LoopedMap",
    "MeanFieldLoop",
    "Outcome",
    "PhaseDiagram",
    "Recorder",
    "SpectralRadius",
    "Trajectory",
    "certify",
    "check_loop",
    "classify",
    "diagnose",
    "linear_loop",
    "numeric",
    "phase_diagram",
    "run",
    "spectral_radius",
]
