"""What an ONNX model adds to a process's memory at its peak, measured in a process that does nothing else.

    python memory.py FILE BATCH_SIZE

prints that process's peak of resident memory while it loads the file and answers one batch, less what was resident
before: weights, what ONNX Runtime makes of them, what the batch goes through, and what ONNX Runtime takes for any model
at all; without Python and the libraries. Only onnxruntime and numpy are imported, so this file is run, not the module.
"""

import contextlib
import json
import subprocess
import sys
from pathlib import Path

BATCH_SIZE = 64
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
TYPES = {"tensor(float)": "float32", "tensor(double)": "float64"}  # of ONNX, where numpy's are called otherwise


def peak_memory_bytes(path: Path, batch_size: int = BATCH_SIZE) -> int | None:
    """Return what a model adds to a process's memory at its peak, in bytes; None where the system has no /proc."""
    command = [sys.executable, "-P", __file__, str(path), str(batch_size)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def _main(path: str, batch_size: int) -> int | None:
    import numpy as np
    import onnxruntime

    before = _kilobytes("VmRSS")
    if before is None:
        return None
    with contextlib.suppress(OSError):
        RESET.write_text("5")  # the peak so far, of the imports, is forgotten
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    kind = TYPES.get(entry.type) or entry.type.removeprefix("tensor(").removesuffix(")")
    session.run(None, {entry.name: np.zeros((batch_size, *entry.shape[1:]), kind)})
    peak = _kilobytes("VmHWM")
    return None if peak is None else 1024 * (peak - before)


def _kilobytes(name: str) -> int | None:
    lines = STATUS.read_text().splitlines() if STATUS.exists() else []
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), None)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_main(sys.argv[1], int(sys.argv[2]))))
