"""Whole pipelines on a simulated disk and clock: one seed is one run, exactly.

`scenario` makes a plain value of a seed; `world` plays the other programs and
keeps the model of what they wrote; `oracle` compares; `runner` lives the lives
of the pipeline; `shrink` and `report` tell of failures. See `__main__` for the
command line.
"""
