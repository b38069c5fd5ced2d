"""What build.py runs: environments, packaging, checks, tests, the demo.

Standard library only, so that a bare Python 3.11 can start.
"""
