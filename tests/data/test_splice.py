"""Spliced frames: each with those around it, never beyond its utterance; a view that stores and loops take."""

import numpy as np
import pytest
import torch
from torch import nn

import limbeck
from limbeck import ArgumentError
from limbeck.data import Noise, Plain, Splice, TransferSet
from limbeck.data.perturbed import unaugmented

LENGTHS = [4, 1, 3]


def frames(features=2):
    values = torch.arange(8 * features, dtype=torch.float32).reshape(8, features)
    return TransferSet(values, torch.arange(8) % 2, run_lengths=torch.tensor(LENGTHS))


def test_a_window_ends_with_its_utterance():
    source = frames(1)
    seen = source.seen_through(Splice(source, before=2, after=1))
    first = seen.at(torch.tensor([0]))[:, :, 0]
    assert first.tolist() == [[0, 0, 0, 1], [0, 0, 1, 2], [0, 1, 2, 3], [1, 2, 3, 3]]
    assert seen.at(torch.tensor([1]))[:, :, 0].tolist() == [[4, 4, 4, 4]]
    assert seen.at(torch.tensor([2]))[0, :, 0].tolist() == [5, 5, 5, 6]


def test_the_papers_window_has_26_frames_and_judges_the_21st():
    source = TransferSet(torch.arange(100.0)[:, None], run_lengths=torch.tensor([100]))
    window = source.seen_through(Splice(source)).rows_at(torch.tensor([50]))[0, :, 0]
    assert window.tolist() == list(range(30, 56))
    assert window[20] == 50


def test_every_window_is_that_of_a_plain_loop():
    source = frames()
    view = Splice(source, before=3, after=2)
    seen = view(source.inputs, torch.arange(8), 0).numpy()
    first = np.repeat(np.cumsum(LENGTHS) - LENGTHS, LENGTHS)
    last = np.repeat(np.cumsum(LENGTHS) - 1, LENGTHS)
    for row in range(8):
        expected = [source.inputs[min(max(at, first[row]), last[row])].numpy() for at in range(row - 3, row + 3)]
        assert np.array_equal(seen[row], expected)


def test_soft_targets_of_windows_are_runs_of_rows_and_teach(tmp_path):
    source = frames()
    seen = source.seen_through(Splice(source, before=1, after=1))
    torch.manual_seed(0)
    teacher = nn.Sequential(nn.Flatten(), nn.Linear(6, 2))
    targets = limbeck.write_soft_targets(teacher, seen, tmp_path / "targets")
    logits = targets.at(torch.tensor([2]), 0, temperature=1.0).logits
    own = teacher(seen.at(torch.tensor([2])))
    torch.testing.assert_close(logits.log_softmax(-1), own.log_softmax(-1).detach(), atol=1e-2, rtol=1e-2)
    objective = limbeck.training.FromSoftTargets(targets, 2.0, 0.5)
    budget = limbeck.Budget(epochs=30, batch_size=2, learning_rate=0.1, precision="32-true")
    fitted = limbeck.fit(nn.Sequential(nn.Flatten(), nn.Linear(6, 2)), seen, objective=objective, budget=budget)
    assert fitted.history[-1]["loss"] < fitted.history[0]["loss"]
    other = source.seen_through(Splice(source, before=0, after=1))
    with pytest.raises(limbeck.TargetsError):
        objective.check(other)


def test_a_splice_is_no_augmentation():
    spliced = frames().seen_through(Splice(frames(), before=1, after=1))
    assert unaugmented(spliced) is spliced
    assert isinstance(unaugmented(frames().seen_through(Noise())).view, Plain)


def test_nets_over_windows_are_shipped(tmp_path):
    pytest.importorskip("onnxruntime")
    source = frames()
    seen = source.seen_through(Splice(source, before=1, after=1))
    net = nn.Sequential(nn.Flatten(), nn.Linear(6, 2)).eval()
    limbeck.export_onnx(net, seen, tmp_path / "net.onnx")
    from limbeck.ship.quantise import calibration_rows

    assert calibration_rows(seen, 3).shape == (3, 3, 2)
    from limbeck.teachers import from_onnx, predict

    torch.testing.assert_close(predict(from_onnx(tmp_path / "net.onnx"), seen), predict(net, seen))


def test_what_is_refused():
    with pytest.raises(ArgumentError, match="run_lengths are not there"):
        Splice(TransferSet(torch.zeros(3, 1)))
    with pytest.raises(ArgumentError, match="before and after must be >= 0"):
        Splice(frames(), before=-1)
    with pytest.raises(ArgumentError, match="rows of their own source"):
        Splice(frames())(torch.zeros(2, 3), torch.tensor([0, 1]), 0)
