"""Which joints of a skeleton are a person's, told by the common families of names and by the tree.

Names say where the limbs and the head are, the tree says the rest: the pelvis is where the two legs meet, the chest
where the two arms meet, the spine leads from where these two meet to the chest, the neck on to the head. A family is a
row of `FAMILIES`; that with the most joints found wins, so that a "Shoulder" is a collar beside an "Arm" and an upper
arm beside a "Collar".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

PARTS = ("thigh", "shin", "foot", "toe", "collar", "upper arm", "forearm", "hand")
NEEDED = ("thigh", "shin", "foot", "upper arm", "forearm")
# Words of a name without its side, in the order of PARTS; "|" parts alternatives.
FAMILIES: dict[str, tuple[str, ...]] = {
    "MotionBuilder, Mixamo, HumanIK": ("upleg", "leg", "foot", "toebase|toe", "shoulder", "arm", "forearm", "hand"),
    "3ds Max figures": ("hip", "knee", "ankle", "toe", "collar", "shoulder", "elbow", "wrist"),
    "SMPL": ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist"),
    "Biped": ("thigh", "calf", "foot", "toe0|toe", "clavicle", "upperarm", "forearm", "hand"),
    "Unreal": ("thigh", "calf", "foot", "ball", "clavicle", "upperarm", "lowerarm", "hand"),
    "Unity, VRM": ("upperleg", "lowerleg", "foot", "toes|toe|toebase", "shoulder", "upperarm", "lowerarm", "hand"),
    "Xsens": ("upperleg", "lowerleg", "foot", "toe", "shoulder", "upperarm", "forearm", "hand"),
    "Rigify": ("thigh", "shin", "foot", "toe", "shoulder|clavicle", "upperarm", "forearm", "hand"),
    "Daz, Poser": (
        "thigh|thighbend",
        "shin",
        "foot",
        "toe",
        "collar",
        "shldr|shldrbend",
        "forearm|forearmbend",
        "hand",
    ),
    "MakeHuman": ("upleg", "loleg", "foot", "toe", "clavicle", "uparm", "loarm", "hand"),
    "Acclaim": ("femur", "tibia", "foot", "toes", "clavicle", "humerus", "radius", "hand|wrist"),
}
_SIDES = {"left": 0, "l": 0, "right": 1, "r": 1}
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SPACES = re.compile(r"^.*[:|]|^Character\d*_|^Bip\d+|^[mf]_avg_")


@dataclass(frozen=True)
class Limbs:
    """One side's joints, by number; None where the skeleton has none."""

    thigh: int
    shin: int
    foot: int
    toe: int | None
    collar: int | None
    upper_arm: int
    forearm: int
    hand: int | None


@dataclass(frozen=True)
class Humanoid:
    """A person in a skeleton, joints by number. ``spine``: up to the chest, which carries the arms; ``neck``:
    above the chest, below the ``head``. Either may be empty. ``family``: whose names they are."""

    family: str
    pelvis: int
    spine: tuple[int, ...]
    neck: tuple[int, ...]
    head: int
    left: Limbs
    right: Limbs


def find_humanoid(names: tuple[str, ...], parents: tuple[int, ...]) -> Humanoid:
    """The person in a tree of named joints. Raises ValueError, whose words say what is missing, where there is none."""
    said = [_said(name) for name in names]
    best = max(FAMILIES, key=lambda family: len(_found(FAMILIES[family], said, parents)))
    found = _found(FAMILIES[best], said, parents)
    head = next((j for j, (side, word) in enumerate(said) if side is None and word == "head"), None)
    missing = [
        f"{name} {part}" for s, name in enumerate(("left", "right")) for part in NEEDED if (part, s) not in found
    ]
    if missing or head is None:
        raise ValueError(f"no joint is named as the {(missing or ['head'])[0]} of a person")
    sides = [Limbs(*(found.get((part, side)) for part in PARTS)) for side in (0, 1)]  # type: ignore[arg-type]
    left, right = sides
    pelvis = _meet(left.thigh, right.thigh, parents)
    chest = _meet(left.upper_arm, right.upper_arm, parents)
    waist, throat = _meet(pelvis, chest, parents), _meet(chest, head, parents)
    spine, neck = _between(waist, chest, parents), _between(throat, head, parents)[:-1]
    return Humanoid(best, pelvis, spine, neck, head, left, right)


def _said(name: str) -> tuple[int | None, str]:
    """The side (0 left, 1 right) and the other words of a name run together; helpers ("__Thumb", "Twist") say
    nothing."""
    if name.startswith("__"):
        return None, ""
    words = [w.lower() for w in _WORDS.findall(_SPACES.sub("", name))]
    words = [w for w in words if w not in ("def", "org", "j", "jnt", "bone")]
    for at in (0, -1):
        if words and words[at] in _SIDES:
            side = _SIDES[words.pop(at)]
            return side, "".join(words)
    joined = "".join(words)
    if joined[:1] in _SIDES and any(joined[1:] in slot.split("|") for row in FAMILIES.values() for slot in row):
        return _SIDES[joined[0]], joined[1:]
    return None, joined


def _found(
    family: tuple[str, ...], said: list[tuple[int | None, str]], parents: tuple[int, ...]
) -> dict[tuple[str, int], int]:
    """(part, side) -> joint. Limbs count only where each part hangs below the one before."""
    found: dict[tuple[str, int], int] = {}
    for part, slot in zip(PARTS, family, strict=True):
        for side in (0, 1):
            for word in slot.split("|"):
                if (side, word) in said:
                    found.setdefault((part, side), said.index((side, word)))
    for side in (0, 1):
        for chain in (PARTS[:4], PARTS[4:]):
            before: int | None = None
            for part in chain:
                joint = found.get((part, side))
                if joint is not None and before is not None and before not in _line(joint, parents):
                    del found[part, side]
                else:
                    before = joint if joint is not None else before
    return found


def _line(joint: int, parents: tuple[int, ...]) -> list[int]:
    """A joint and those above it, up to the root."""
    line = []
    while joint >= 0:
        line.append(joint)
        joint = parents[joint]
    return line


def _meet(a: int, b: int, parents: tuple[int, ...]) -> int:
    """The lowest joint above both."""
    other = set(_line(b, parents))
    joint = next((j for j in _line(a, parents) if j in other), None)
    if joint is None:
        raise ValueError("its joints are in more than one tree")
    return joint


def _between(top: int, bottom: int, parents: tuple[int, ...]) -> tuple[int, ...]:
    """The joints below ``top`` down to ``bottom`` itself, from the top."""
    line = _line(bottom, parents)
    return tuple(reversed(line[: line.index(top)]))
