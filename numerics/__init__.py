"""Attack the theory with numbers: looped maps, spectra, outcomes of orbits, phase diagrams."""

from numerics.certificate import Certificate, certify
from numerics.diagnosis import diagnose, run
from numerics.eigenvalues import Eigenvalues, leading_eigenvalues
from numerics.loop import FunctionLoop, LoopedMap, LoopError, check_loop
from numerics.lyapunov import lyapunov
from numerics.maps import LinearLoop, MeanFieldLoop, linear_loop
from numerics.numeric import numeric
from numerics.operator import Linearisation, Measurement
from numerics.phase import PhaseDiagram, phase_diagram
from numerics.profile import Profile, profile
from numerics.regime import Diagnosis, classify
from numerics.resolvent import kreiss_lower, resolvent_norm
from numerics.sensitivity import adjoint_sensitivity, sensitivity, sensitivity_norm
from numerics.singular import largest_singular_value, transient_growth
from numerics.spectrum import SpectralRadius, spectral_radius
from numerics.trajectory import Recorder, Trajectory
from theory.outcome import Outcome

__all__ = [
    "Certificate",
    "Diagnosis",
    "Eigenvalues",
    "FunctionLoop",
    "LinearLoop",
    "Linearisation",
    "LoopError",
    "LoopedMap",
    "MeanFieldLoop",
    "Measurement",
    "Outcome",
    "PhaseDiagram",
    "Profile",
    "Recorder",
    "SpectralRadius",
    "Trajectory",
    "adjoint_sensitivity",
    "certify",
    "check_loop",
    "classify",
    "diagnose",
    "kreiss_lower",
    "largest_singular_value",
    "leading_eigenvalues",
    "linear_loop",
    "lyapunov",
    "numeric",
    "phase_diagram",
    "profile",
    "resolvent_norm",
    "run",
    "sensitivity",
    "sensitivity_norm",
    "spectral_radius",
    "transient_growth",
]
