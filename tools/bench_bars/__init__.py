"""`build.py bench --bars`: every wall-clock bar of the project as a figure that anyone can print.

command.py reads the command line and writes the report; bars.py says what is measured and how it is judged; parts.py
and built_in.py start the scripts that measure, each in the Python it needs:

| script | runs in |
| --- | --- |
| keying, shot, cancel, silence, closing, enabling, first_motion | Blender as a module, with the installed zip |
| length, weights | the engine's environment |
| load | the engine's environment, and Blender's |
| window_scene | a real window of Blender 5.2 |
"""
