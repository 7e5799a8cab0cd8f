"""The code of a page of docs/examples runs as it stands and prints what the page says."""

import contextlib
import io
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

PAGES = Path(__file__).resolve().parents[2] / "docs" / "examples"
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?")


@pytest.fixture(scope="module")
def page(request):
    """What the code of the page `PAGE` of a test module defines, once its output is checked."""
    path = PAGES / f"{request.module.PAGE}.md"
    text = path.read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (wanted,) = re.findall(r"```text\n(.*?)```", text, re.DOTALL)
    names, printed, usual = {"__name__": "page"}, io.StringIO(), torch.get_default_dtype()
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(code, str(path), "exec"), names)
        assert NUMBER.sub("#", printed.getvalue()) == NUMBER.sub("#", wanted)
        found = [float(number) for number in NUMBER.findall(printed.getvalue())]
        shown = [float(number) for number in NUMBER.findall(wanted)]
        np.testing.assert_allclose(found, shown, rtol=0.02, atol=2e-3)
        yield SimpleNamespace(**names)
    finally:
        torch.set_default_dtype(usual)


@pytest.fixture(scope="session")
def dense():
    """The eigenvalues of the whole Jacobian of a step, by autograd and LAPACK."""

    def eigenvalues(step, h):
        h = torch.as_tensor(h).detach()
        jacobian = torch.autograd.functional.jacobian(step, h)
        return torch.linalg.eigvals(jacobian.reshape(h.numel(), h.numel()))

    return eigenvalues
