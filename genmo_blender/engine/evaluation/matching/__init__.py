"""A text-motion evaluator of our own: one space for sentences and motions (TMR, Petrovich et al. 2023, small)."""
