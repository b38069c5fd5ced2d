"""What a model file says about itself, and what there is to say when it cannot be used.

One safetensors file holds weights, statistics and everything needed to use them. Header entry `genmo` is a JSON record:
format, network, skeleton, text encoder, quirks of the weights, strips, longest range, card. Tensors: the parameters by
our names, `statistics.mean` and `statistics.std`. Nothing in a file is ever executed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..protocol.capabilities import Capabilities
from ..protocol.failures import ModelFailure
from .config import NetworkConfig

FORMAT = 1
RECORD = "genmo"
STATISTICS = "statistics."
GET_AGAIN = "Download or copy the file again."
BUNDLED = "genmo_mini.safetensors"
LICENCES = {"genmo_mini": "CC-BY-4.0"}


@dataclass(frozen=True)
class ModelRecord:
    """What a checkpoint says about itself. `text_encoder` and `text_encoder_sha256` name the encoder whose features its
    weights know; `gravity_view` and `focal_rule` are D2 and D8 of `OfficialQuirks`; `card` is free-form (data,
    licences, steps, figures)."""

    name: str
    network: NetworkConfig
    skeleton: str
    text_encoder: str = ""
    text_encoder_sha256: str = ""
    gravity_view: str = "up"
    focal_rule: str = "diagonal"
    strips: tuple[str, ...] = ("text",)
    longest_seconds: float = 300.0
    licence: str = ""
    card: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps(asdict(self) | {"format": FORMAT, "network": self.network.to_dict()})

    @classmethod
    def from_json(cls, text: str) -> ModelRecord:
        """Raises ModelFailure for a record of another format or with a broken network config."""
        try:
            record = dict(json.loads(text))
        except (TypeError, ValueError) as error:
            raise ModelFailure("weights_corrupt", "The model file's description cannot be read.", GET_AGAIN) from error
        if record.pop("format", None) != FORMAT:
            raise ModelFailure(
                "weights_format", "The model file was made by another version of GENMO.", "Update GENMO or the model."
            )
        try:
            network = NetworkConfig.from_dict(record.pop("network"))
            known = {k: v for k, v in record.items() if k in cls.__dataclass_fields__}
            return cls(network=network, **known | {"strips": tuple(record["strips"])})
        except (KeyError, TypeError) as error:
            raise ModelFailure("weights_corrupt", f"The model file lacks {error}.", GET_AGAIN) from error

    @property
    def official(self) -> bool:
        """Whether the model is sampled as the release samples."""
        return self.network.uncovered_frames == "zero"

    @property
    def steps_by_noise(self) -> bool:
        """Whether the sampler takes steps of `NoiseSchedule.by_noise`; the release's are even in time (spec 5.0)."""
        return not self.official

    def capabilities(self, sha256: str, device: str, precision: str) -> Capabilities:
        """Told to the add-on when the model is loaded; `sha256` is that of the file."""
        return Capabilities(
            model=self.name,
            sha256=sha256,
            strips=tuple(dict.fromkeys((*self.strips, *self.network.strips))),
            frames_per_token=self.network.frames_per_token,
            skeleton=self.skeleton,
            text_encoder=self.text_encoder,
            text_tokens=self.network.text_tokens,
            longest_seconds=self.longest_seconds,
            licence=self.licence or LICENCES.get(self.name, ""),
            device=device,
            precision=precision,
        )


def missing_file(path: Path) -> ModelFailure:
    """There is no such file."""
    return ModelFailure("weights_missing", f"There is no model file {path}.", "Choose another model file.")


def damaged_file(name: str) -> ModelFailure:
    """It is cut short or no safetensors file."""
    return ModelFailure("weights_corrupt", f"The model file {name} is damaged or cut short.", GET_AGAIN)


def foreign_file(name: str) -> ModelFailure:
    """It is whole and somebody else's."""
    return ModelFailure(
        "weights_foreign",
        f"{name} is not a model of this extension.",
        "Convert an official checkpoint with `engine convert` first.",
    )


def no_statistics(name: str) -> ModelFailure:
    """Mean and spread of the motion code are missing or of another size."""
    return ModelFailure(
        "no_statistics",
        f"The model file {name} does not hold the statistics its motions are measured by.",
        "Export it again with its statistics; without them its motion would be nonsense.",
    )


def bad_statistics(name: str) -> ModelFailure:
    """They are not finite or not positive."""
    return ModelFailure("weights_nan", f"The statistics in {name} are not usable numbers.", GET_AGAIN)


def not_numbers(name: str, parameter: str) -> ModelFailure:
    """A parameter holds NaN or infinity."""
    return ModelFailure(
        "weights_nan", f"The model file {name} holds values that are not numbers ({parameter}).", GET_AGAIN
    )


def mismatch(words: str, parameters: Sequence[str]) -> ModelFailure:
    """Parameters that the file `words` ("lacks", "has in another size")."""
    more = f" and {len(parameters) - 1} more" if len(parameters) > 1 else ""
    return ModelFailure("weights_mismatch", f"The model file {words} {parameters[0]}{more}.", GET_AGAIN)
