"""Calm at the borders of texts: a figure of a motion."""

from __future__ import annotations

import numpy as np

NEAR = 3  # frames


def border_ratio(joints: np.ndarray, borders: np.ndarray, near: int = NEAR) -> float:
    """95th percentile of the change of joint velocity within ``near`` frames of a border, against that elsewhere.

    ``joints`` (T, J, 3) metres; ``borders`` frames at which a text hands over to the next. The change at frame k is
    |x[k+1] - 2 x[k] + x[k-1]|, for each joint by itself. Raises ValueError where there is no frame of one kind.
    """
    change = np.linalg.norm(np.diff(joints, n=2, axis=0), axis=-1)
    frames = np.arange(1, len(joints) - 1)
    close = (np.abs(frames[:, None] - np.asarray(borders)[None]) <= near).any(axis=1)
    if not close.any() or close.all():
        raise ValueError("every frame is near a border, or none is")
    return float(np.percentile(change[close], 95) / np.percentile(change[~close], 95))
