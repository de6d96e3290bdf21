"""Whisper's weights: what there is, where from, and in which format. No torch is needed here.

`models.resolve` is what the rest of the service calls: a name or path goes in, the path of a model
that an engine can load comes out.
"""
