from pathlib import Path

import pytest

from genmo_blender.motion import bvh
from genmo_blender.motion.humanoid import find_humanoid
from genmo_blender.motion.skeleton import canonical
from tests.motion.bvh_files import BIPED, MIXAMO, UNREAL

FILES = Path(__file__).parents[1] / "data" / "bvh"
PARENTS = canonical().parents
DAZ = (
    "hip lThigh rThigh abdomen lShin rShin abdomen2 lFoot rFoot chest lToe rToe neck lCollar rCollar head lShldr "
    "rShldr lForeArm rForeArm lHand rHand"
).split()
ACCLAIM = (
    "root lfemur rfemur lowerback ltibia rtibia upperback lfoot rfoot thorax ltoes rtoes lowerneck lclavicle rclavicle "
    "head lhumerus rhumerus lradius rradius lhand rhand"
).split()
SMPL = [f"m_avg_{name}" for name in (
    "Pelvis L_Hip R_Hip Spine1 L_Knee R_Knee Spine2 L_Ankle R_Ankle Spine3 L_Foot R_Foot Neck L_Collar R_Collar Head "
    "L_Shoulder R_Shoulder L_Elbow R_Elbow L_Wrist R_Wrist"
).split()]  # fmt: skip
UNITY = (
    "Hips LeftUpperLeg RightUpperLeg Spine LeftLowerLeg RightLowerLeg Chest LeftFoot RightFoot UpperChest LeftToes "
    "RightToes Neck LeftShoulder RightShoulder Head LeftUpperArm RightUpperArm LeftLowerArm RightLowerArm LeftHand "
    "RightHand"
).split()
RIGIFY = (
    "DEF-spine|DEF-thigh.L|DEF-thigh.R|DEF-spine.001|DEF-shin.L|DEF-shin.R|DEF-spine.002|DEF-foot.L|DEF-foot.R|"
    "DEF-spine.003|DEF-toe.L|DEF-toe.R|DEF-neck|DEF-shoulder.L|DEF-shoulder.R|DEF-head|DEF-upper_arm.L|DEF-upper_arm.R|"
    "DEF-forearm.L|DEF-forearm.R|DEF-hand.L|DEF-hand.R"
).split("|")


@pytest.mark.parametrize(
    "names",
    [
        MIXAMO,
        [f"mixamorig:{n}" for n in MIXAMO],
        [f"mixamorig7:{n}" for n in MIXAMO],
        [f"Character1_{n}" for n in MIXAMO],
        UNREAL,
        BIPED,
        DAZ,
        ACCLAIM,
        SMPL,
        UNITY,
        RIGIFY,
        list(canonical().names),
    ],
    ids=lambda names: names[1],
)
def test_every_joint_of_the_common_families_is_found(names):
    person = find_humanoid(tuple(names), PARENTS)
    assert (person.pelvis, person.spine, person.neck, person.head) == (0, (3, 6, 9), (12,), 15)
    assert tuple(vars(person.left).values()) == (1, 4, 7, 10, 13, 16, 18, 20)
    assert tuple(vars(person.right).values()) == (2, 5, 8, 11, 14, 17, 19, 21)


def test_the_real_files_with_their_helpers():
    found = {}
    for path in FILES.glob("*.bvh"):
        file = bvh.read(path.read_text())
        person = find_humanoid(file.names, file.parents)
        joints = (person.pelvis, *person.spine, *person.neck, person.left.upper_arm, person.right.toe)
        found[path.stem.split("_")[1]] = [file.names[j] for j in joints]
    assert found == {
        "07": ["Hips", "LowerBack", "Spine", "Spine1", "Neck", "Neck1", "LeftArm", "RightToeBase"],
        "131": ["Hips", "lowerback", "Chest", "Chest2", "lowerneck", "Neck", "LeftShoulder", "RightToe"],
        "walk": ["Hips", "Spine1", "Spine2", "Spine3", "Neck", "UpArm_L", "Toe_R"],
    }


def test_toes_collars_and_hands_may_be_missing():
    kept = [j for j, name in enumerate(MIXAMO) if not name.endswith(("ToeBase", "Shoulder", "Hand"))]
    parents, number = [], {j: i for i, j in enumerate(kept)}
    for j in kept:
        p = PARENTS[j]
        while p >= 0 and p not in number:
            p = PARENTS[p]
        parents.append(number.get(p, -1))
    person = find_humanoid(tuple(MIXAMO[j] for j in kept), tuple(parents))
    assert (person.left.toe, person.left.collar, person.right.hand) == (None, None, None)
    assert kept[person.left.forearm] == 18 and [kept[j] for j in person.spine] == [3, 6, 9]


def test_a_dog_a_missing_limb_and_a_headless_figure_are_named():
    dog = tuple(n.replace("Arm", "FrontLeg").replace("Hand", "Paw") for n in MIXAMO)
    with pytest.raises(ValueError, match="left upper arm of a person"):
        find_humanoid(dog, PARENTS)
    legless = tuple(n.replace("RightLeg", "Wheel") for n in MIXAMO)
    with pytest.raises(ValueError, match="right shin of a person"):
        find_humanoid(legless, PARENTS)
    with pytest.raises(ValueError, match="head of a person"):
        find_humanoid(tuple(n.replace("Head", "Lamp") for n in MIXAMO), PARENTS)


def test_a_shin_that_does_not_hang_from_its_thigh_is_no_shin():
    parents = list(PARENTS)
    parents[4] = 0
    with pytest.raises(ValueError, match="left shin"):
        find_humanoid(tuple(MIXAMO), tuple(parents))
