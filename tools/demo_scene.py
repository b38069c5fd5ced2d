"""Runs inside Blender with the extension installed: directs the demo's shot and films it (see tools/demo.py).

The motion comes from operators of the extension alone; staging and rendering are plain bpy. Lines for the user begin
with "demo: "; everything else that Blender prints goes to a log.
"""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path

import bpy
import numpy as np

FPS = 24
SIZE = (640, 360)
STRIP_FIGURES = 8
STRIP_SIZE = (240, 360)
STRIP_LENS = 1.6
ENGINES = {"lite": "the built-in model, with nothing installed", "torch": "the engine with torch"}
SMOOTH_FRAMES = 25  # the camera follows like an operator, not like a satellite


def tell(text: str) -> None:
    """A line for the user."""
    print(f"demo: {text}", flush=True)


def direct(job: dict) -> bpy.types.Object:
    """Add a character, lay the prompts as strips, generate and keep one take. Returns the character."""
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = FPS, 1.0
    scene.frame_start, scene.frame_end = 1, 1 + round(job["length"] * FPS)
    bpy.ops.genmo.add_character()
    target = bpy.context.view_layer.objects.active
    for prompt in job["prompts"]:
        start, end = (1 + round(prompt[key] * FPS) for key in ("start", "end"))
        bpy.ops.genmo.add_text_strip(text=prompt["text"], start=start, end=end)
    scene.genmo.range_mode = "SCENE"
    bpy.ops.genmo.generate(takes=1, seed=job["seed"])
    bpy.ops.genmo.keep_take()
    return target


def pelvis_path(scene: bpy.types.Scene, target: bpy.types.Object) -> np.ndarray:
    """World positions of the pelvis, (frames, 3), metres."""
    path = []
    for frame in range(scene.frame_start, scene.frame_end + 1):
        scene.frame_set(frame)
        path.append(target.matrix_world @ target.pose.bones["pelvis"].head)
    return np.array(path)


def stage(scene: bpy.types.Scene, path: np.ndarray) -> bpy.types.Object:
    """A floor with lines to see travel by, light, and a camera that follows. Returns the camera."""
    floor = _floor(path)
    scene.collection.objects.link(floor)
    light = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    light.rotation_euler = (math.radians(50), 0.0, math.radians(30))
    scene.collection.objects.link(light)
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.data.lens = 40
    scene.collection.objects.link(camera)
    scene.camera = camera
    weights = np.hanning(2 * SMOOTH_FRAMES + 3)[1:-1]
    padded = np.pad(path, ((SMOOTH_FRAMES, SMOOTH_FRAMES), (0, 0)), mode="edge")
    smooth = np.stack([np.convolve(padded[:, i], weights / weights.sum(), "valid") for i in range(3)], axis=1)
    for i, point in enumerate(smooth):
        # From the front and a little to the side: characters look along -Y when they are added.
        camera.location = (point[0] + 1.9, point[1] - 4.0, 1.55)
        camera.keyframe_insert("location", frame=scene.frame_start + i)
    camera.rotation_euler = (math.radians(81), 0.0, math.atan2(1.9, 4.0))
    return camera


def _floor(path: np.ndarray) -> bpy.types.Object:
    """A chequered plane around the path, one metre a square."""
    low = np.floor(path[:, :2].min(axis=0)).astype(int) - 12
    high = np.ceil(path[:, :2].max(axis=0)).astype(int) + 12
    nx, ny = (high - low).tolist()
    corners = [(low[0] + x, low[1] + y, 0.0) for y in range(ny + 1) for x in range(nx + 1)]
    squares = [
        (y * (nx + 1) + x, y * (nx + 1) + x + 1, (y + 1) * (nx + 1) + x + 1, (y + 1) * (nx + 1) + x)
        for y in range(ny)
        for x in range(nx)
    ]
    mesh = bpy.data.meshes.new("Floor")
    mesh.from_pydata(corners, [], squares)
    for name, shade in (("Floor light", 0.42), ("Floor dark", 0.34)):
        material = bpy.data.materials.new(name)
        material.diffuse_color = (shade, shade, shade * 1.04, 1.0)
        mesh.materials.append(material)
    parity = [(x + y + int(low.sum())) % 2 for y in range(ny) for x in range(nx)]
    mesh.polygons.foreach_set("material_index", parity)
    mesh.update()
    return bpy.data.objects.new("Floor", mesh)


def light_up(scene: bpy.types.Scene) -> None:
    """Workbench with studio light, shadow and cavity: three frames a second on two cores."""
    scene.render.engine = "BLENDER_WORKBENCH"
    shading = scene.display.shading
    shading.light, shading.color_type = "STUDIO", "MATERIAL"
    shading.show_shadows, shading.show_cavity, shading.shadow_intensity = True, True, 0.45
    scene.display.render_aa = "FXAA"
    scene.world = scene.world or bpy.data.worlds.new("World")
    scene.world.color = (0.62, 0.7, 0.8)
    shading.background_type = "WORLD"
    for body in bpy.data.objects:
        if body.type == "MESH" and body.name != "Floor":
            for polygon in body.data.polygons:
                polygon.use_smooth = True


def film(scene: bpy.types.Scene, path: Path) -> None:
    """Render the range as H.264."""
    render = scene.render
    render.resolution_x, render.resolution_y, render.resolution_percentage = *SIZE, 100
    settings = render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "VIDEO"
    settings.file_format = "FFMPEG"
    render.ffmpeg.format, render.ffmpeg.codec = "MPEG4", "H264"
    render.ffmpeg.constant_rate_factor = "MEDIUM"
    render.filepath = str(path)
    bpy.ops.render.render(animation=True)


def contact_strip(scene: bpy.types.Scene, path: Path) -> None:
    """Stills spread over the range, side by side in one picture."""
    render = scene.render
    render.resolution_x, render.resolution_y = STRIP_SIZE
    lens = scene.camera.data.lens
    scene.camera.data.lens = lens * STRIP_LENS  # a tall picture shows more above and below
    settings = render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    settings.file_format = "PNG"
    stills = []
    still = path.with_name("still.png")
    for frame in np.linspace(scene.frame_start, scene.frame_end, STRIP_FIGURES).round().astype(int):
        scene.frame_set(int(frame))
        render.filepath = str(still)
        bpy.ops.render.render(write_still=True)
        image = bpy.data.images.load(str(still))
        stills.append(np.array(image.pixels[:], dtype=np.float32).reshape(STRIP_SIZE[1], STRIP_SIZE[0], 4))
        bpy.data.images.remove(image)
    still.unlink()
    scene.camera.data.lens = lens
    sheet = bpy.data.images.new("strip", STRIP_SIZE[0] * len(stills), STRIP_SIZE[1])
    sheet.pixels.foreach_set(np.concatenate(stills, axis=1).ravel())
    sheet.filepath_raw, sheet.file_format = str(path), "PNG"
    sheet.save()
    bpy.data.images.remove(sheet)


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    out = Path(job["out"])
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    tell(f"directing {job['length']:g} s: {'; '.join(prompt['text'] for prompt in job['prompts'])}")
    began = time.perf_counter()
    try:
        target = direct(job)
    except RuntimeError as error:  # an operator's own sentence
        sys.exit(str(error).strip())
    seconds = {"directing": time.perf_counter() - began}
    scene = bpy.context.scene
    action = target.animation_data.action
    recipe = json.loads(action["genmo_recipe"])
    tell(f"{action.name}: made by {ENGINES[recipe['job_report']['engine']]} in {seconds['directing']:.1f} s")
    stage(scene, pelvis_path(scene, target))
    light_up(scene)
    bpy.ops.wm.save_as_mainfile(filepath=str(out / "demo.blend"))
    for name, make in (("demo.png", contact_strip), ("demo.mp4", film)):
        tell(f"rendering {name}")
        began = time.perf_counter()
        make(scene, out / name)
        seconds[name] = time.perf_counter() - began
    report = {
        "blender": bpy.app.version_string,
        "action": action.name,
        "frames": [scene.frame_start, scene.frame_end],
        "fps": FPS,
        **recipe,
        "seconds": {k: round(v, 2) for k, v in seconds.items()},
    }
    (out / "demo.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
