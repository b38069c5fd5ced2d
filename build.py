#!/usr/bin/env python3
"""The one entry for people: `python3 build.py COMMAND`. Each command first sets up what it needs."""

import sys

COMMANDS = {
    "demo": "from prompts to a kept take: out/demo.blend, .mp4, .png, .json; --lite: with nothing installed",
    "test": "check, then all tests: engine, and the installed extension in Blender 4.5 and 5.0",
    "check": "lint, types, import contracts, sizes",
    "package": "the installable zip in dist/",
    "engine": "the engine's command line: engine -- ARGS",
    "blender": "a Python script with bpy and the installed extension: blender -- SCRIPT ARGS",
    "parity": "compare with the reference cases of a folder: parity --dir FOLDER",
    "bench": "measure speed and memory; --bars and --hand compare with the bars",
}


def usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {what}" for name, what in COMMANDS.items()]
    return "\n".join(["usage: python3 build.py COMMAND [-h] ...", "", *lines])


def main() -> int:
    # Before any import of ours, which an older Python could not read.
    if sys.version_info < (3, 11):  # noqa: UP036
        print("build.py: Python 3.11 or newer is needed, and this is " + sys.version.split()[0] + ".", file=sys.stderr)
        return 1
    from tools import commands
    from tools.shell import Stop

    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return 0 if arguments else 2
    if arguments[0] not in COMMANDS:
        print(f"build.py: there is no command {arguments[0]!r}.\n\n{usage()}", file=sys.stderr)
        return 2
    try:
        return int(getattr(commands, arguments[0])(arguments[1:]))
    except Stop as stop:
        print(f"build.py: {stop}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("build.py: interrupted.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
