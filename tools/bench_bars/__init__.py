"""`build.py bench --bars`: every wall-clock bar of the project as a figure that anyone can print.

command.py reads the command line and writes the report; bars.py says what is measured and how it is judged; parts.py
starts the scripts that measure, each in the Python it needs:

| script | runs in |
| --- | --- |
| keying, shot, cancel, silence, closing, enabling | Blender as a module, with the installed zip (stage.py is theirs) |
| length, weights | the engine's environment |
| window_scene | a real window of Blender 5.2 |
"""
