"""Nothing installed and no network (product.md 12.1, 12.3): a clean profile, the zip, and motion; no socket is opened.

Everything runs under tools/no_sockets.py: the kernel ends the Blender, or the engine it starts, that opens one. An
audit hook tells besides what Blender's Python was about to do with one.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

NO_SOCKETS = Path(__file__).resolve().parents[2] / "tools" / "no_sockets.py"

CLEAN = """
import json, os, shlex, sys
opened = []
sys.addaudithook(lambda name, arguments: opened.append(name) if name.startswith("socket.") else None)
import bpy
EXTENSION = "bl_ext.user_default.genmo_motion"
bpy.ops.extensions.package_install_files(filepath=sys.argv[1], repo="user_default", enable_on_install=True)
preferences = bpy.context.preferences.addons[EXTENSION].preferences
clean = not [n for n in os.environ if n.startswith("GENMO_")] and not bpy.app.online_access
clean = clean and not preferences.engine_command and not preferences.engine_python
bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
bpy.context.scene.render.fps = 30
def tell(**found):
    print("TELL", json.dumps({**found, "clean": clean, "opened": opened}))
"""

MOTION = """
bpy.ops.genmo.add_character(name="Hero")
bpy.ops.genmo.add_text_strip(text="a person walks forward", start=1, end=121)
bpy.ops.genmo.generate(seed=1)
target = bpy.data.objects["Hero"]
data = target.animation_data
curves = data.action.layers[0].strips[0].channelbag(data.action_slot).fcurves
places = []
for frame in (1, 121):
    bpy.context.scene.frame_set(frame)
    places.append(target.pose.bones["pelvis"].matrix.translation.copy())
recipe = json.loads(data.action["genmo_recipe"])
tell(keys=sorted({len(c.keyframe_points) for c in curves}), curves=len(curves), engine=recipe["engine"],
     metres=(places[1] - places[0]).length, ahead=places[0].y - places[1].y)
"""

EVERYTHING = """
bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
def tried(name):
    try:
        return sorted(getattr(bpy.ops.genmo, name)())[0]
    except RuntimeError as error:
        return str(error).split("poll()")[-1].removeprefix("Error: ").strip()
names = dir(bpy.ops.genmo)
at_first = {name: tried(name) for name in names if name not in ("add_character", "lane_pick")}  # a click passes through
bpy.context.scene.genmo.steps = 5
def select_keys():
    for curve in bpy.context.object.animation_data.action.layers[0].strips[0].channelbags[0].fcurves:
        for key in curve.keyframe_points:
            key.select_control_point = key.co[0] in (10, 40)
def select_curve():
    road = bpy.data.curves.new("Road", "CURVE")
    road.splines.new("POLY").points.add(1)
    road.splines[0].points[1].co = (0.0, -3.0, 0.0, 1.0)
    made = bpy.data.objects.new("Road", road)
    bpy.context.collection.objects.link(made)
    made.select_set(True)
def say_length():
    bpy.context.scene.genmo.clean_up.length = 48
before = {"in_between": select_keys, "path_from_curve": select_curve, "retime": say_length}
steps = ["add_character", "add_text_strip", "generate", "again", "take_previous", "take_next", "stitch_takes",
         "keep_take", "detect_contacts", "contact_add", "contact_remove", "lock_feet", "smooth", "mirror", "in_place",
         "restore_travel", "reduce_keys", "restore_dense_keys", "retime", "make_loop", "key_as_mine", "in_between",
         "drop_take", "curve_from_path", "path_from_curve", "add_waypoint", "pin_here", "direction_remove", "generate",
         "drop_take", "lane_pick", "lane_edit", "strip_remove", "cancel", "receive"]
done = []
for name in steps:
    before.get(name, lambda: None)()
    done.append((name, tried(name)))
tell(names=names, at_first=at_first, then=done)
"""

SOCKETS = """
preferences.engine_command = shlex.join([sys.executable, "-c", "import socket; socket.socket()"])
try:
    bpy.ops.genmo.add_character()
    bpy.ops.genmo.add_text_strip()
    bpy.ops.genmo.generate(seed=1)
except RuntimeError as error:
    tell(sentence=str(error))
sys.stdout.flush()
import socket
socket.socket()
"""


def alone(archive, folder, code):
    """A Blender with empty user folders, in which no engine is named, and under whose system no socket is opened."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GENMO_", "BLENDER_", "XDG_"))}
    environment = kept | {"HOME": str(folder), "BLENDER_USER_RESOURCES": str(folder / "blender")}
    (folder / "blender").mkdir()
    command = [sys.executable, str(NO_SOCKETS), sys.executable, "-c", CLEAN + code, str(archive)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)


def told(done, status=0):
    """What a Blender has told that ended with a status."""
    assert done.returncode == status, done.stdout + done.stderr
    lines = [line.removeprefix("TELL ") for line in done.stdout.splitlines() if line.startswith("TELL ")]
    found = [json.loads(line) for line in lines]
    assert all(one.pop("clean") and one.pop("opened") == [] for one in found)
    return found


@pytest.fixture(scope="module")
def fresh(archive, tmp_path_factory):
    """What one fresh install has told: of its first motion, and of all operators."""
    return told(alone(archive, tmp_path_factory.mktemp("fresh"), MOTION + EVERYTHING))


def test_the_zip_alone_makes_a_person_walk_forward(fresh):
    found = fresh[0]
    assert found["keys"] == [121] and found["curves"] == 22 * 4 + 3
    assert found["engine"].startswith("lite ")
    assert found["metres"] > 1.5 and found["ahead"] > 1.5  # characters look along -Y when they are added


def test_every_operator_works_or_says_why_it_does_not(fresh):
    found = fresh[1]
    assert {name for name, _ in found["then"]} == set(found["names"])
    in_background = {"cancel": "Nothing is being generated.", "receive": "No take is waiting. Press Generate first."}
    gone = "The text strip is gone: it was removed, or its scene is not shown. Pick another strip."
    in_background |= {"lane_pick": "PASS_THROUGH", "lane_edit": gone}  # there is no lane to click on
    assert found["then"] == [[name, in_background.get(name, "FINISHED")] for name, _ in found["then"]]
    for name, sentence in found["at_first"].items():
        assert sentence[0].isupper() and " " in sentence and sentence.endswith("."), f"{name}: {sentence}"


def test_an_engine_and_a_blender_that_open_a_socket_are_found(archive, tmp_path):
    (found,) = told(alone(archive, tmp_path, SOCKETS), -signal.SIGSYS)
    assert f"ended before it said a word (exit code {-signal.SIGSYS})" in found["sentence"]
