"""`build.py check`: ruff, mypy and the house's own rules, one line a finding."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from .contracts import findings
from .shell import ROOT, Stop, say, through


def run_checks(check_python: Path, engine_python: Path) -> int:
    """Runs every check; 0 when none found anything. mypy reads torch's types from the engine's environment."""
    found = list(findings(ROOT, sources()))
    for line in found:
        say(line)
    steps: dict[str, Sequence[str | Path]] = {
        "ruff": [check_python, "-m", "ruff", "check", "--quiet", "--output-format", "concise", ROOT],
        "mypy": [check_python, "-m", "mypy", "--no-error-summary", "--python-executable", engine_python],
    }
    results = {"contracts": "failed" if found else "passed"}
    for name, command in steps.items():
        results[name] = "passed" if through(command) == 0 else "failed"
    say("check: " + ", ".join(f"{name} {result}" for name, result in results.items()))
    return 1 if "failed" in results.values() else 0


def sources() -> list[Path]:
    """The files that git knows or would add, relative to the root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise Stop("check needs git and a checkout, to know which files are the project's.") from error
    return sorted(path for path in map(Path, filter(None, listed.split("\0"))) if (ROOT / path).is_file())
