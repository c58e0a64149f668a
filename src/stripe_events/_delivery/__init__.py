"""
The way of a delivery: one flow, two drivers.

``flow`` says what happens in which order and yields effects as values;
``sync_driver`` and ``async_driver`` perform them and hold no policy.
"""
