"""
Speed and size, measured: ``python -m benchmarks``.

Every figure is a ratio or a difference between two things measured in turn in the
same run, so that neither the machine nor what else runs on it decides. Whoever
doubts a figure finds both sides in ``speed`` and ``startup``.
"""
