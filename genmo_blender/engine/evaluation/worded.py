"""Motions of many texts at once: samples of a batch that hear different sentences, or the same at other frames.

A request holds one choice of strips for all its takes; to try hundreds of wordings one by one takes twice as long.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ...model.windows import frame_weights
from ...motion import kinematics
from ...motion.floor import sole_level
from ...motion.skeleton import canonical
from ...protocol.requests import MODEL_FPS, TextSpan
from ..diffusion.sampler import SamplerInputs, TakeNoise, sample
from ..network.conditions import ConditionInputs
from ..network.denoiser import TextContext
from ..pipeline import Pipeline
from ..precision import half_products
from ..solve import standing_start, whole_tokens, world_motion

Array = np.ndarray
BATCH = 24


def everywhere(text: str) -> tuple[TextSpan, ...]:
    """One text for a range of any length; no span at all for no words."""
    return (TextSpan(text, 0.0, float("inf")),) if text.strip() else ()


@torch.inference_mode()
def motions(
    pipeline: Pipeline,
    said: Sequence[Sequence[TextSpan]],
    frames: int,
    seeds: Sequence[int],
    *,
    steps: int,
    guidance: float,
    by_noise: bool | None = None,
) -> Array:
    """Joints (B, frames, 22, 3), metres, soles on the floor, of a raw motion for each of B lists of spans and seeds.

    ``by_noise``: how the steps are spaced (`sampler.sample`), if not as the model's are.
    """
    if by_noise is None:
        by_noise = pipeline.model.record.steps_by_noise
    parts = []
    for begin in range(0, len(said), BATCH):
        share = slice(begin, begin + BATCH)
        parts.append(_batch(pipeline, said[share], frames, seeds[share], steps, guidance, by_noise))
    return np.concatenate(parts) if parts else np.zeros((0, frames, 22, 3))


def _batch(
    pipeline: Pipeline,
    said: Sequence[Sequence[TextSpan]],
    frames: int,
    seeds: Sequence[int],
    steps: int,
    guidance: float,
    by_noise: bool,
) -> Array:
    model = pipeline.model
    whole, count = whole_tokens(model, frames), len(said)
    with half_products(model.device, model.half):
        told = ConditionInputs(root_goal=standing_start(model, whole))
        f_cond = model.network.conditions.f_cond(told, 1, whole).expand(count, whole, -1)
        length = torch.full((count,), whole, device=model.device)
        inputs = SamplerInputs(f_cond, heard(pipeline, said, frames, whole), length)
        noise = TakeNoise(list(seeds), whole, model.device)
        scales = model.guidance(guidance)
        output = sample(model.network.denoiser, inputs, noise, scales, steps=steps, by_noise=by_noise)
    motion = world_motion(model, output)
    joints = kinematics.joint_positions(canonical(), motion.rotations[:, :frames], motion.path[:, :frames])
    return np.stack([j - [0.0, sole_level(j, MODEL_FPS), 0.0] for j in joints])


def heard(pipeline: Pipeline, said: Sequence[Sequence[TextSpan]], frames: int, whole: int) -> TextContext | None:
    """The texts of B samples and their weights over ``frames``, held to the end of ``whole``; samples with fewer texts
    than others have texts of no weight. None where nobody hears a word."""
    most = max((len(spans) for spans in said), default=0)
    if not most:
        return None
    words = sorted({span.text for spans in said for span in spans})
    row = {text: i for i, text in enumerate(words)}
    table = pipeline.features(words)
    features = table.new_zeros(len(said), most, *table.shape[1:])
    weights = np.zeros((len(said), most, frames), dtype=np.float32)
    for i, spans in enumerate(said):
        if spans:
            features[i, : len(spans)] = table[[row[span.text] for span in spans]]
            weights[i, : len(spans)] = frame_weights(spans, frames)
    held = torch.from_numpy(np.pad(weights, ((0, 0), (0, 0), (0, whole - frames)), mode="edge"))
    return TextContext(features, held.to(table.device))
