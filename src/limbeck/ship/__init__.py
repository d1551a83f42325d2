"""What is taken away: ONNX files that say what the nets say, and what they cost.

export.py     a net as an ONNX file, preprocessing and class names inside
parity.py     whether ONNX Runtime says what PyTorch says
quantise.py   an exported net in 8-bit integers
latency.py    how long models take: the one way to time them
memory.py     what an ONNX model adds to a process's memory
costs.py      all that a model costs
shipping.py   what a run leaves to be taken away; told.py says it in rows and words

The packages of the extra `limbeck[onnx]` are loaded where they are used.
"""

from limbeck.ship.export import export_onnx
from limbeck.ship.parity import Parity, check_parity

__all__ = ["Parity", "check_parity", "export_onnx"]
