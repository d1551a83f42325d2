"""What is taken away: ONNX files that say what the nets say, and what they cost.

export.py     a net as an ONNX file, preprocessing and class names inside
parity.py     whether ONNX Runtime says what PyTorch says

The packages of the extra `limbeck[onnx]` are loaded where they are used.
"""

from limbeck.ship.export import export_onnx
from limbeck.ship.parity import Parity, agreement

__all__ = ["Parity", "agreement", "export_onnx"]
