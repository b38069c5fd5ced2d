"""`python -m genmo_blender.engine.parity FOLDER [MODULE ...]`: run all cases, or those of some modules."""

from __future__ import annotations

import sys

from ...protocol.failures import GenmoFailure
from . import CASE_MODULES, run

if __name__ == "__main__":
    try:
        sys.exit(run(sys.argv[1], sys.argv[2:] or CASE_MODULES))
    except GenmoFailure as failure:
        sys.exit(str(failure))
