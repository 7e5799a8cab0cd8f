"""Maps of certificates in ordinary NumPy, as twins of what the certificates compute."""

import numpy as np

from loopstab.numerics.certificates.maps import TanhMap


def scalar(a, b):
    return TanhMap.of([[a]], [[1.0]], [b])


def plain(f):
    """The map and its Jacobian in ordinary NumPy, on states (n, d)."""
    if isinstance(f, TanhMap):
        a, w, b = np.array(f.outer), np.array(f.inner), np.array(f.bias)

        def slopes(h):
            return 1 - np.tanh(h @ w.T) ** 2

        return (
            lambda h: np.tanh(h @ w.T) @ a.T + b,
            lambda h: np.einsum("ik,nk,kj->nij", a, slopes(h), w),
        )
    a, c, d = np.array(f.matrix), np.array(f.drive), f.size

    def parts(h):
        z = f.residual * h + np.tanh(h) @ a.T + c
        return z, np.sqrt((z * z).mean(1) + f.eps)

    def image(h):
        z, s = parts(h)
        return z / s[:, None]

    def jacobian(h):
        z, s = parts(h)
        inner = f.residual * np.eye(d) + a[None] * (1 - np.tanh(h) ** 2)[:, None, :]
        return (
            (np.eye(d) - z[:, :, None] * z[:, None, :] / (d * s**2)[:, None, None])
            @ inner
            / s[:, None, None]
        )

    return image, jacobian
