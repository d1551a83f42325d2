"""What a run's folder keeps of the set that its nets were judged on."""

import torch

from limbeck.conclusion import keep_test_set, read_test_set
from limbeck.data import Splice, TransferSet


def test_spliced_frames_are_kept_once(tmp_path):
    frames = torch.randn(400, 3, generator=torch.Generator().manual_seed(0))
    source = TransferSet(frames, torch.arange(400) % 7, run_lengths=torch.tensor([100, 250, 50]), name="speech")
    test = source.seen_through(Splice(source, 4, 2)).subset(torch.tensor([1, 2]))
    keep_test_set(tmp_path, test)
    read = read_test_set(tmp_path)
    assert len(read) == 300, "each frame is an example"
    assert torch.equal(read.at(read.ids), test.at(test.ids))
    assert torch.equal(read.at(torch.tensor([0, 249, 250])), test.rows_at(torch.tensor([100, 349, 350])))
    assert torch.equal(read.labels_to_judge(), test.labels_to_judge())
    assert (tmp_path / "test.safetensors").stat().st_size < 300 * (3 * 4 + 8) + 1000
