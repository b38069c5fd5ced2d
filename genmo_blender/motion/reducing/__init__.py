"""Reduce Keys: few Bézier keys whose worst error anywhere on the body, in millimetres, is what was asked for."""
