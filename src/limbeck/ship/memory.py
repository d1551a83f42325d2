"""What an ONNX model adds to a process's memory at its peak, measured in a process that does nothing else.

    python memory.py FILE BATCH_SIZE

prints that process's peak of resident memory while it loads the file and answers one batch, less what was resident
before: weights, what ONNX Runtime makes of them, what the batch goes through, and what ONNX Runtime takes for any model
at all; without Python and the libraries. Only onnxruntime and numpy are imported, so this file is run, not the module.
"""

import json
import subprocess
import sys
from pathlib import Path

BATCH_SIZE = 64
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
TYPES = {"tensor(float)": "float32", "tensor(double)": "float64"}  # of ONNX, where numpy's are called otherwise


def peak_memory_bytes(path: Path, batch_size: int = BATCH_SIZE) -> int | None:
    """Return what a model adds to a process's memory at its peak, in bytes; None where that can't be told.

    That is where the system has no /proc, or keeps the peak so far, which is that of the imports; and where the process
    that is measured fails or is killed, for want of memory say.
    """
    command = [sys.executable, "-P", __file__, str(path), str(batch_size)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return json.loads(done.stdout) if done.returncode == 0 else None


def _main(path: str, batch_size: int) -> int | None:
    import numpy as np
    import onnxruntime

    before = _kilobytes("VmRSS")
    if before is None or not _forgotten():
        return None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    kind = TYPES.get(entry.type) or entry.type.removeprefix("tensor(").removesuffix(")")
    session.run(None, {entry.name: np.zeros((batch_size, *entry.shape[1:]), kind)})
    peak = _kilobytes("VmHWM")
    return None if peak is None else 1024 * (peak - before)


def _forgotten() -> bool:
    """Return whether the system forgets the process's peak so far, which is that of the imports."""
    try:
        RESET.write_text("5")
    except OSError:
        return False
    return True


def _kilobytes(name: str) -> int | None:
    lines = STATUS.read_text().splitlines() if STATUS.exists() else []
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), None)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_main(sys.argv[1], int(sys.argv[2]))))
