"""What all tests share: hypothesis tries the same cases every time, or a suite that was green is red the next day."""

from __future__ import annotations

try:
    from hypothesis import settings
except ImportError:  # a suite in an environment without it has no such tests
    pass
else:
    settings.register_profile("repeatable", derandomize=True, deadline=None)
    settings.load_profile("repeatable")
