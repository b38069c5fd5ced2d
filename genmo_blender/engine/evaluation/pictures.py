"""Pictures of motion for people who judge it: contact strips of the skinned body, and sheets of many takes.

Left side red, right side blue. Needs Pillow, which only the development environment has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ...motion import kinematics, rotations
from ...motion.skeleton import BODY_JOINTS, assets_folder, canonical
from ...protocol.failures import StorageFailure
from .rule_checks import facing

Array = np.ndarray
LEFT, RIGHT, TRUNK = (214, 88, 78), (74, 116, 206), (176, 176, 170)
PAPER, FLOOR, INK, GOOD, BAD = (250, 250, 248), (205, 203, 198), (40, 40, 44), (40, 140, 70), (190, 50, 45)
YAW, PITCH = np.radians(30.0), np.radians(12.0)
"""The camera stands half to the character's left of its front and looks a little down; it follows the pelvis."""
HEIGHT = 2.3
"""Metres that a cell shows from bottom to top."""


@dataclass(frozen=True)
class Figure:
    """One motion to draw: rotations (T, 22, 4), path (T, 3), a line of text, and whether it counts as good."""

    rotations: Array
    transl: Array
    caption: str = ""
    good: bool | None = None


@dataclass(frozen=True)
class _Mesh:
    vertices: Array
    faces: Array
    bones: Array
    weights: Array
    colours: Array


@lru_cache(maxsize=1)
def _mesh() -> _Mesh:
    """The free body, every bone beyond the 22 replaced by its ancestor among them (fingers rest in the hand)."""
    with np.load(assets_folder() / "body.npz", allow_pickle=False) as data:
        parents, index = data["parents"], data["weight_index"].astype(int)
        ancestor = np.arange(len(parents))
        for j in range(BODY_JOINTS, len(parents)):
            ancestor[j] = ancestor[parents[j]]
        faces, weights = data["faces"].astype(int), data["weight"].astype(np.float32)
        weights /= weights.sum(axis=1, keepdims=True)
        bones, vertices = ancestor[index], data["vertices"].astype(np.float32)
    main = bones[faces[:, 0], np.argmax(weights[faces[:, 0]], axis=1)]
    names = canonical().names
    side = np.array([LEFT if n.startswith("left") else RIGHT if n.startswith("right") else TRUNK for n in names])
    return _Mesh(vertices, faces, bones, weights, side[main].astype(np.float32))


def skinned(local: Array, transl: Array) -> Array:
    """Vertices (V, 3) of the free body in one pose: local rotations (22, 4), pelvis (3,); linear blend skinning."""
    mesh, skeleton = _mesh(), canonical()
    world = kinematics.world_rotations(skeleton, np.asarray(local, dtype=np.float64))
    joints = kinematics.positions_from_world(skeleton, world, np.asarray(transl, dtype=np.float64))
    matrices = rotations.to_matrix(world).astype(np.float32)
    shift = (joints - np.einsum("jab,jb->ja", matrices, skeleton.rest)).astype(np.float32)
    blend = np.concatenate([matrices, shift[..., None]], axis=-1).reshape(BODY_JOINTS, 12)
    mixed = np.zeros((len(mesh.vertices), 12), dtype=np.float32)
    for k in range(mesh.bones.shape[1]):
        mixed += mesh.weights[:, k, None] * blend[mesh.bones[:, k]]
    each = mixed.reshape(-1, 3, 4)
    return np.einsum("vab,vb->va", each[..., :3], mesh.vertices) + each[..., 3]


def _view() -> Array:
    """Rows: right, up and towards the camera, in the world."""
    toward = np.array([np.sin(YAW) * np.cos(PITCH), np.sin(PITCH), np.cos(YAW) * np.cos(PITCH)])
    right = np.cross([0.0, 1.0, 0.0], toward)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(toward, right), toward])


def draw_body(local: Array, transl: Array, width: int, height: int) -> Array:
    """A cell (height, width, 3) uint8: the body over its floor line, seen from the fixed camera."""
    scale = 2
    w, h = width * scale, height * scale
    mesh, view = _mesh(), _view()
    vertices = skinned(local, np.asarray(transl, dtype=np.float64) * [0.0, 1.0, 0.0])
    corners = (vertices @ view.T.astype(np.float32))[mesh.faces]
    normal = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    seen = normal[:, 2] > 0
    corners, normal = corners[seen], normal[seen]
    light = np.clip(normal @ np.array([-0.35, 0.6, 0.72]), 0, 1)
    colour = mesh.colours[seen] * (0.45 + 0.6 * light[:, None])
    points, colours = _splats(corners, colour, 1.4 * HEIGHT / h)
    x = np.rint(w / 2 + points[:, 0] * h / HEIGHT).astype(int)
    y = np.rint(h * 0.9 - points[:, 1] * h / HEIGHT).astype(int)
    inside = (x >= 0) & (x < w) & (y >= 0) & (y < h)
    order = np.flatnonzero(inside)[np.argsort(points[inside, 2], kind="stable")]
    cell = np.full((h, w, 3), PAPER, dtype=np.float32)
    cell[round(h * 0.9) : round(h * 0.9) + scale] = FLOOR
    cell[y[order], x[order]] = np.clip(colours[order], 0, 255)
    return cell.reshape(height, scale, width, scale, 3).mean(axis=(1, 3)).astype(np.uint8)


def _splats(corners: Array, colours: Array, size: float) -> tuple[Array, Array]:
    """Points (N, 3) that cover quads (F, 4, 3), and their colours: 4 on each quad, 25 on those wider than ``size``.

    Quads are a pixel or two wide: painted from far to near, their points are a z-buffer that numpy fills at once.
    """
    wide = np.linalg.norm(corners[:, 2] - corners[:, 0], axis=1) > size
    parts = [
        (corners[~wide], colours[~wide], (0.25, 0.75)),
        (corners[wide], colours[wide], (0.0, 0.25, 0.5, 0.75, 1.0)),
    ]
    points = []
    for quads, _, steps in parts:
        weights = [[a * b, a * (1 - b), (1 - a) * (1 - b), (1 - a) * b] for a in steps for b in steps]
        points.append(np.tensordot(np.array(weights, np.float32), quads, axes=(1, 1)).reshape(-1, 3))
    return np.concatenate(points), np.concatenate([np.tile(c, (len(steps) ** 2, 1)) for _, c, steps in parts])


def strip(figure: Figure, cells: int = 8, width: int = 84, height: int = 132) -> Any:
    """``cells`` moments of one motion side by side, then its path from above. Returns a Pillow image."""
    image_module, draw_module = _pillow()
    frames = np.linspace(0, len(figure.transl) - 1, cells).round().astype(int)
    bodies = [draw_body(figure.rotations[f], figure.transl[f], width, height) for f in frames]
    sheet = image_module.new("RGB", (cells * width + height + 4, height + 16), PAPER)
    sheet.paste(image_module.fromarray(np.concatenate(bodies, axis=1)), (0, 16))
    draw = draw_module.Draw(sheet)
    ink = INK if figure.good is None else GOOD if figure.good else BAD
    draw.text((4, 2), figure.caption, fill=ink)
    _draw_path(draw, figure, (cells * width + 2, 16), height)
    return sheet


def _draw_path(draw: Any, figure: Figure, corner: tuple[int, int], size: int) -> None:
    """The pelvis's way from above, the start's facing up the picture, ticks where it looks each third of a second."""
    joints = kinematics.joint_positions(canonical(), figure.rotations, figure.transl)
    ahead, left = facing(joints)
    way = joints[:, 0] - joints[0, 0]
    plan = np.stack([-way @ left[0], -way @ ahead[0]], axis=1)
    look = np.stack([-ahead @ left[0], -ahead @ ahead[0]], axis=1)
    span = max(1.0, float(np.ptp(plan, axis=0).max()) * 1.25)
    centre = (plan.max(axis=0) + plan.min(axis=0)) / 2
    pixels = (plan - centre) * size / span + np.array(corner) + size / 2
    x, y = corner
    draw.rectangle([x, y, x + size, y + size - 1], outline=FLOOR)
    draw.line([tuple(p) for p in pixels], fill=INK)
    for f in range(0, len(pixels), 10):
        draw.line([tuple(pixels[f]), tuple(pixels[f] + 9 * look[f])], fill=BAD)
    draw.ellipse([*(pixels[0] - 2), *(pixels[0] + 2)], fill=GOOD)
    draw.text((x + 3, y + size - 13), f"{span:.1f} m", fill=INK)


def contact_sheet(figures: Sequence[Figure], title: str, cells: int = 8) -> Any:
    """Strips one under the other with a title. Returns a Pillow image."""
    image_module, draw_module = _pillow()
    strips = [strip(f, cells) for f in figures]
    width = max((s.width for s in strips), default=400)
    sheet = image_module.new("RGB", (width, 20 + sum(s.height for s in strips)), PAPER)
    draw_module.Draw(sheet).text((4, 4), title, fill=INK)
    top = 20
    for s in strips:
        sheet.paste(s, (0, top))
        top += s.height
    return sheet


def save(image: Any, path: Path) -> None:
    """Write a PNG or a JPEG, as the name ends. Raises StorageFailure when the disk will not have it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)
    except OSError as error:
        raise StorageFailure(
            "cannot_write", f"{path} could not be written ({error}).", "Choose a folder you may write to, with space."
        ) from error


def can_draw() -> bool:
    """Whether Pillow is here."""
    return find_spec("PIL") is not None


def need_pillow() -> None:
    """Raise StorageFailure, before anything is computed, where Pillow is not here."""
    _pillow()


def _pillow() -> tuple[Any, Any]:
    try:
        from PIL import Image, ImageDraw
    except ImportError as error:
        raise StorageFailure(
            "no_pillow", "Pictures need Pillow, which is not installed here.", "Install it with: pip install pillow"
        ) from error
    return Image, ImageDraw
