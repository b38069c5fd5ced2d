"""What a loaded model can do; the panel, the validation and the refusals read this and nothing else."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Capabilities:
    """Facts of one model as told in ``hello`` (architecture.md, "Rooms").

    ``strips``: kinds of strip it takes now ("text", "music", "speech", "footage", "keys", "path").
    ``longest_seconds``: longest range solved in one pass. ``text_tokens``: how many word pieces of a prompt count.
    """

    model: str
    sha256: str
    strips: tuple[str, ...] = ("text",)
    frames_per_token: int = 1
    skeleton: str = "genmo_body_22"
    text_encoder: str = ""
    text_tokens: int = 50
    longest_seconds: float = 300.0
    licence: str = ""
    device: str = "cpu"
    precision: str = "fp32"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)

    @staticmethod
    def from_dict(record: dict[str, Any]) -> Capabilities:
        """Inverse of ``to_dict``; unknown fields are ignored."""
        names = Capabilities.__dataclass_fields__
        known = {key: value for key, value in record.items() if key in names}
        known["strips"] = tuple(known.get("strips", ("text",)))
        return Capabilities(**known)
