"""The paper's figure in code: conditions -> tokens -> sampler -> decode -> roll-out -> refine -> `MotionResult`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..model.estimated import asked_twice, both_ways, mirror_image
from ..model.keys import refuse_unheard
from ..model.music import beats
from ..model.suiting import asked_first, settled
from ..model.takes import ProgressCall, finished_takes, not_finite, placed_takes, spent
from ..model.windows import frame_weights
from ..motion.skeleton import assets_folder
from ..protocol.motions import MotionResult, Take
from ..protocol.requests import MODEL_FPS, GenerateRequest, validate
from .conditions.sound_file import read_sound
from .conditions.text import PromptCache, TextEncoder, encode_prompts, load_minilm, load_t5
from .diffusion.sampler import SamplerInputs, TakeNoise, regress, sample
from .models import Model, load_model
from .network.denoiser import TextContext
from .network.heads import NetworkOutput
from .precision import half_products
from .solve import whole_tokens, world_motion
from .told import told_of

CancelCall = Callable[[], bool]


def _silent(stage: str, done: int, of: int) -> None:
    """Nobody watches."""


def _never() -> bool:
    return False


@dataclass
class Pipeline:
    """One model, ready to generate. ``cache`` keeps the features of prompts; the text encoder lies in
    ``text_encoder_folder``: the bundled one for the bundled model, a T5 that the user has for the official one."""

    model: Model
    cache: PromptCache
    text_encoder_folder: Path
    _encoder: list[TextEncoder] = field(default_factory=list)

    @classmethod
    def load(
        cls, path: Path | str | None = None, cache_folder: Path | None = None, text_encoder: Path | None = None
    ) -> Pipeline:
        """The bundled model, or the checkpoint at ``path``. Raises ModelFailure.

        ``text_encoder`` is the folder of the checkpoint's text encoder; without it the bundled one, or for an official
        checkpoint the folder that the environment variable GENMO_T5 names.
        """
        folder = cache_folder or Path.home() / ".cache" / "genmo_motion" / "prompts"
        model = load_model(path)
        if text_encoder is None:
            own = model.encoder.name.startswith("t5")
            text_encoder = Path(os.environ.get("GENMO_T5", "t5-3b")) if own else assets_folder() / "text_encoder"
        return cls(model, PromptCache(folder), text_encoder)

    @property
    def capabilities(self) -> Any:
        """Of the loaded model."""
        return self.model.capabilities

    def generate(
        self, request: GenerateRequest, progress: ProgressCall = _silent, cancelled: CancelCall = _never
    ) -> MotionResult:
        """Carry out a request; ``progress(stage, done, of)`` counts real work.

        Raises RequestFailure or ModelFailure with a sentence, Cancelled once ``cancelled()``.
        """
        validate(request, self.model.record.longest_seconds)
        refuse_unheard(request, self.model.network.config)
        without = asked_first(request)
        if without is not None:  # waypoints are passed when it suits: once without them, to see when that is
            request = settled(request, self.generate(without, progress, cancelled).takes[0].transl)
        clock = [time.perf_counter()]
        with torch.inference_mode():
            inputs = self._inputs(request, progress)
            clock.append(time.perf_counter())
            output = self._solve(request, inputs, progress, cancelled)
            clock.append(time.perf_counter())
            raw = self._decode(request, output)
            if asked_twice(request, self.model.network.config):
                image = mirror_image(request)
                output = self._solve(image, self._inputs(image, progress), progress, cancelled)
                raw = both_ways(request, raw, self._decode(image, output))
        heard = beats(request, whole_tokens(self.model, request.frames), read_sound) if request.music else None
        takes = finished_takes(raw, request, progress, cancelled, heard)
        clock.append(time.perf_counter())
        report = {
            "engine": "torch",
            "model": self.model.record.name,
            "sha256": self.model.sha256,
            "device": self.model.device.type,
            **spent(clock),
        }
        return MotionResult(float(MODEL_FPS), takes, report)

    def features(self, prompts: Sequence[str]) -> Tensor:
        """What the network hears of prompts, (K, N, C) on its device. Raises ModelFailure without the text encoder."""
        config = self.model.network.config
        shape = (config.text_tokens, config.text_dim)
        found = encode_prompts(list(prompts), self.model.encoder, shape, self.cache, self._open_encoder)
        return torch.from_numpy(found).to(self.model.device)

    def _inputs(self, request: GenerateRequest, progress: ProgressCall) -> SamplerInputs:
        device = self.model.device
        frames, takes = whole_tokens(self.model, request.frames), request.takes
        if request.music:
            progress("music", 0, len(request.music))
        with half_products(device, self.model.half):
            inputs = told_of(self.model, request, frames).sampler_inputs(self.model, frames, takes)
        text = None
        if request.texts:
            progress("prompts", 0, len(request.texts))
            prompts = [span.text for span in request.texts]
            features = self.features(prompts)
            weights = torch.from_numpy(frame_weights(request.texts, request.frames))
            weights = torch.cat([weights, weights[:, -1:].expand(-1, frames - request.frames)], dim=1)
            text = TextContext(
                features.expand(takes, *features.shape), weights.to(device).expand(takes, *weights.shape)
            )
            progress("prompts", len(prompts), len(prompts))
        return replace(inputs, text=text)

    def _open_encoder(self) -> TextEncoder:
        if not self._encoder:
            load = load_t5 if self.model.encoder.name.startswith("t5") else load_minilm
            self._encoder.append(load(self.text_encoder_folder))
        return self._encoder[0]

    def _solve(
        self, request: GenerateRequest, inputs: SamplerInputs, progress: ProgressCall, cancelled: CancelCall
    ) -> NetworkOutput:
        if request.keys_alone and self.model.network.config.between:
            progress("solving", 0, 1)
            with half_products(self.model.device, self.model.half):
                output = regress(self.model.network.denoiser, inputs, cancelled)
            progress("solving", 1, 1)
            return output
        seeds = [request.seed + i for i in range(request.takes)]
        noise = TakeNoise(seeds, inputs.f_cond.shape[1], self.model.device)
        with half_products(self.model.device, self.model.half):
            return sample(
                self.model.network.denoiser,
                inputs,
                noise,
                self.model.guidance(request.strength),
                steps=request.steps,
                by_noise=self.model.record.steps_by_noise,
                progress=lambda done, of: progress("solving", done, of),
                cancelled=cancelled,
            )

    def _decode(self, request: GenerateRequest, output: NetworkOutput) -> list[Take]:
        if not bool(torch.isfinite(output.pred_x).all()):
            raise not_finite()
        motion = world_motion(self.model, output)
        return placed_takes(request, motion.rotations, motion.path, motion.contacts, motion.betas)
