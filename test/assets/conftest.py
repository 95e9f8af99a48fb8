"""Lets the tests import the scripts, which are a folder and not a package."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "assets" / "maker"))
