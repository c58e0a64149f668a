"""
What a ``Worker`` is made of.

One event loop runs a worker, whatever the store and the handlers are: async handlers are
its tasks, sync ones and a sync store have threads.
"""
