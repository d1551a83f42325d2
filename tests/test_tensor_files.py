"""Files of tensors come back whole, or are said to be damaged."""

import pytest
import torch

from limbeck import RunError
from limbeck.tensor_files import load_tensors, save_tensors


@pytest.fixture
def path(tmp_path):
    shared = torch.arange(6.0).reshape(2, 3)
    save_tensors(tmp_path / "kept", {"turned": shared.t(), "same": shared, "none": torch.empty(0)}, {"epoch": 3})
    return tmp_path / "kept"


def test_tensors_come_back_with_what_was_told(path):
    tensors, told = load_tensors(path)
    assert told == {"epoch": 3}
    assert tensors["turned"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert tensors["same"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert tensors["none"].shape == (0,)


def test_a_file_that_is_missing_or_damaged_is_said(path):
    whole = path.read_bytes()
    for place in (3, 60, len(whole) - 1):  # in the length of the header, in it, in the last value
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(RunError, match="kept is damaged"):
            load_tensors(path)
    path.write_bytes(whole.replace(b"epoch", b"ep0ch"))
    with pytest.raises(RunError, match="kept is damaged: its checksum is not that of its content"):
        load_tensors(path)
    path.unlink()
    with pytest.raises(RunError, match="kept is missing"):
        load_tensors(path)
