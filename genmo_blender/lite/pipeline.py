"""The road of a request without torch: prompts -> features -> sampler -> decode -> clean-up -> `MotionResult`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..model.estimated import asked_twice, both_ways, mirror_image
from ..model.keys import refuse_unheard
from ..model.music import beats
from ..model.prompt_features import encode_prompts
from ..model.record import BUNDLED, ModelRecord
from ..model.suiting import asked_first, settled
from ..model.takes import ProgressCall, finished_takes, not_finite, placed_takes, spent
from ..model.windows import frame_weights
from ..motion import rotations as rot
from ..motion.skeleton import assets_folder
from ..prompts.prompt_cache import EncoderId, PromptCache
from ..protocol.capabilities import Capabilities
from ..protocol.failures import ModelFailure, RequestFailure
from ..protocol.motions import MotionResult, Take
from ..protocol.requests import MODEL_FPS, GenerateRequest, validate
from ..sound.wav import read_wave
from .checkpoint import Checkpoint, load_checkpoint
from .codec import decode
from .heads import NetworkOutput
from .layers import sigmoid
from .minilm import NAME, MiniLM, load_minilm
from .network import Network, read_network
from .noise import TakeNoise
from .sampler import Guidance, SamplerInputs, regress, sample
from .text_attention import TextContext
from .told import told_of

CancelCall = Callable[[], bool]
STRIPS = ("text", "keys", "music")
"""Kinds of strip that can be carried out here; footage and speech need the engine."""


def _silent(stage: str, done: int, of: int) -> None:
    """Nobody watches."""


def _never() -> bool:
    return False


@dataclass
class Pipeline:
    """One model, ready to generate. ``cache`` keeps the features of prompts, ``text_encoder_folder`` holds MiniLM."""

    checkpoint: Checkpoint
    network: Network
    cache: PromptCache
    text_encoder_folder: Path
    _encoder: list[MiniLM] = field(default_factory=list)

    @classmethod
    def load(cls, path: Path | str | None = None, cache_folder: Path | None = None) -> Pipeline:
        """The bundled model, or the checkpoint at ``path``. Raises ModelFailure."""
        checkpoint = load_checkpoint(path or assets_folder() / BUNDLED)
        record = checkpoint.record
        if record.text_encoder not in ("", NAME):
            raise ModelFailure(
                "needs_engine",
                f"The model {record.name} needs another text encoder ({record.text_encoder}) than the built-in one.",
                "Set up the engine to use it.",
            )
        folder = cache_folder or Path.home() / ".cache" / "genmo_motion" / "prompts"
        network = read_network(checkpoint.state, record.network)
        return cls(checkpoint, network, PromptCache(folder), assets_folder() / "text_encoder")

    @property
    def record(self) -> ModelRecord:
        """What the model file says about itself."""
        return self.checkpoint.record

    @property
    def capabilities(self) -> Capabilities:
        """Of the loaded model, without what only the engine can do."""
        told = self.record.capabilities(self.checkpoint.sha256, "cpu", "fp32")
        return replace(told, strips=tuple(kind for kind in told.strips if kind in STRIPS))

    def generate(
        self, request: GenerateRequest, progress: ProgressCall = _silent, cancelled: CancelCall = _never
    ) -> MotionResult:
        """Carry out a request; ``progress(stage, done, of)`` counts real work.

        Raises RequestFailure or ModelFailure with a sentence, Cancelled once ``cancelled()``.
        """
        validate(request, self.record.longest_seconds)
        refuse_unheard(request, self.record.network)
        songs = {span.sound for span in request.music}
        others = [a.name for a in request.attachments if a.sha256 not in songs]
        if others:
            raise RequestFailure(
                "needs_engine",
                f"“{others[0]}” cannot be used: the built-in model knows neither footage nor voices.",
                "Set up the engine, or remove the strip.",
            )
        without = asked_first(request)
        if without is not None:  # waypoints are passed when it suits: once without them, to see when that is
            request = settled(request, self.generate(without, progress, cancelled).takes[0].transl)
        clock = [time.perf_counter()]
        inputs = self._inputs(request, progress)
        clock.append(time.perf_counter())
        output = self._solve(request, inputs, progress, cancelled)
        clock.append(time.perf_counter())
        raw = self._decode(request, output)
        if asked_twice(request, self.record.network):
            image = mirror_image(request)
            output = self._solve(image, self._inputs(image, progress), progress, cancelled)
            raw = both_ways(request, raw, self._decode(image, output))
        heard = beats(request, self._frames(request), read_wave) if request.music else None
        takes = finished_takes(raw, request, progress, cancelled, heard)
        clock.append(time.perf_counter())
        known = {"engine": "lite", "model": self.record.name, "sha256": self.checkpoint.sha256, "device": "cpu"}
        return MotionResult(float(MODEL_FPS), takes, {**known, **spent(clock)})

    def _frames(self, request: GenerateRequest) -> int:
        """Of whole tokens: a token of one frame has never been trained on."""
        each = self.record.network.frames_per_token
        return -(-request.frames // each) * each

    def _inputs(self, request: GenerateRequest, progress: ProgressCall) -> SamplerInputs:
        config, takes = self.record.network, request.takes
        frames = self._frames(request)
        if request.music:
            progress("music", 0, len(request.music))
        inputs = told_of(self.checkpoint, request, frames).sampler_inputs(self.network.conditions, frames, takes)
        text = None
        if request.texts:
            progress("prompts", 0, len(request.texts))
            prompts = [span.text for span in request.texts]
            wanted = EncoderId(self.record.text_encoder, self.record.text_encoder_sha256)
            shape = (config.text_tokens, config.text_dim)
            features = encode_prompts(prompts, wanted, shape, self.cache, self._open_encoder)
            weights = np.pad(
                frame_weights(request.texts, request.frames), ((0, 0), (0, frames - request.frames)), "edge"
            )
            text = TextContext(
                np.broadcast_to(features, (takes, *features.shape)), np.broadcast_to(weights, (takes, *weights.shape))
            )
            progress("prompts", len(prompts), len(prompts))
        return replace(inputs, text=text)

    def _open_encoder(self) -> MiniLM:
        if not self._encoder:
            self._encoder.append(load_minilm(self.text_encoder_folder))
        return self._encoder[0]

    def _solve(
        self, request: GenerateRequest, inputs: SamplerInputs, progress: ProgressCall, cancelled: CancelCall
    ) -> NetworkOutput:
        if request.keys_alone and self.record.network.between:
            progress("solving", 0, 1)
            output = regress(self.network.denoiser, inputs, cancelled)
            progress("solving", 1, 1)
            return output
        seeds = [request.seed + i for i in range(request.takes)]
        noise = TakeNoise(seeds, inputs.f_cond.shape[1], self.record.network.motion_dim)
        guidance = Guidance.everything if self.record.official else Guidance.pose
        return sample(
            self.network.denoiser,
            inputs,
            noise.draw(),
            guidance(request.strength),
            request.steps,
            self.record.steps_by_noise,
            lambda done, of: progress("solving", done, of),
            cancelled,
        )

    def _decode(self, request: GenerateRequest, output: NetworkOutput) -> list[Take]:
        if not np.isfinite(output.pred_x).all():
            raise not_finite()
        checkpoint = self.checkpoint
        motion = decode(output.pred_x, checkpoint.mean, checkpoint.std, self.record.gravity_view == "down")
        contacts = sigmoid(output.static_conf_logits)
        turns = np.stack([rot.continuous(x) for x in motion.rotations])
        return placed_takes(request, turns, motion.transl, contacts, motion.betas)
