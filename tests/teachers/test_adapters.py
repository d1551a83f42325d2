"""Teachers from functions."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from limbeck import ArgumentError, Ensemble, TransferSet, write_soft_targets
from limbeck.models import VGG
from limbeck.teachers import InBfloat16, from_function, logits_of, mean_logits, predict, teacher_fingerprint

X = torch.arange(12.0).reshape(4, 3)


def shares(batch):
    return batch / batch.sum(1, keepdims=True)


def test_a_function_on_torch_gives_its_logits():
    teacher = from_function(lambda batch: 2 * batch.double(), "twice, 1")
    assert_close(teacher(X), 2 * X)
    assert teacher.fingerprint == teacher_fingerprint(teacher) == "twice, 1"
    assert repr(teacher) == "<teacher twice, 1, logits>"


@pytest.mark.parametrize("takes", ["torch", "numpy"])
def test_a_function_of_probabilities_gives_their_logs(takes):
    kinds = set()

    def function(batch):
        kinds.add(type(batch))
        return shares(batch)

    teacher = from_function(function, "shares, 1", gives="probs", takes=takes, floor=1e-2)
    assert_close(teacher(X), logits_of(shares(X), 1e-2), rtol=0, atol=1e-6)
    assert_close(teacher(X)[0, 0].exp(), torch.tensor(1e-2))
    assert kinds == {torch.Tensor if takes == "torch" else np.ndarray}
    assert teacher.fingerprint == "shares, 1, probs >= 0.01"
    assert repr(teacher) == "<teacher shares, 1, probs >= 0.01>"


@pytest.mark.parametrize("kind", [np.float32, np.float16, np.int64, np.uint8])
def test_a_function_may_return_any_numbers(kind):
    teacher = from_function(lambda batch: batch.astype(kind), "pixels, 1", takes="numpy")
    assert_close(teacher(X), X)
    assert_close(teacher(X.bfloat16()), X)


def test_a_read_only_array_is_taken():
    def function(batch):
        batch.flags.writeable = False
        return batch

    assert_close(from_function(function, "itself", takes="numpy")(X.clone()), X)


def test_a_net_is_asked_in_evaluation_mode():
    torch.manual_seed(0)  # some nets give probabilities below the floor
    net = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.9), nn.Softmax(-1)).train()
    teacher = from_function(net, teacher_fingerprint(net), gives="probs")
    assert_close(teacher(X), net[0](X).log_softmax(-1).detach())
    assert not from_function(net[0], "linear")(X).requires_grad
    assert net.training


def test_it_is_a_member_of_an_ensemble():
    teacher, net = from_function(shares, "shares", gives="probs"), nn.Linear(3, 3)
    expected = mean_logits(torch.stack([teacher(X), net(X)]), 1.0).detach()
    assert_close(predict(Ensemble([teacher, net]), TransferSet(X)), expected)


def test_it_binds_its_store(tmp_path):
    write_soft_targets(from_function(shares, "shares, 1", gives="probs"), TransferSet(X), tmp_path)
    write_soft_targets(from_function(shares, "shares, 1", gives="probs"), TransferSet(X), tmp_path)
    with pytest.raises(Exception, match=r"soft targets of something else \(teacher"):
        write_soft_targets(from_function(shares, "shares, 1", gives="probs", floor=0.1), TransferSet(X), tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"function": 3}, "a teacher must be a callable, got int"),
        (
            {"fingerprint": " "},
            "fingerprint must be text that is not empty, got ' '\n\nhint: give a name and a version",
        ),
        ({"gives": "votes"}, "gives must be 'logits' or 'probs', got 'votes'"),
        ({"takes": "jax"}, "takes must be 'torch' or 'numpy', got 'jax'"),
        ({"floor": 1.0}, "floor must lie between 0 and 1, got 1.0"),
    ],
)
@pytest.mark.usefixtures("shapes_unchecked")
def test_refuses(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        from_function(**{"function": shares, "fingerprint": "shares", **arguments})


@pytest.mark.parametrize(
    ("output", "told"),
    [
        (X.tolist(), "list"),
        (X[:, 0], r"\(4,\)"),
        (X[:2].numpy(), r"\(2, 3\)"),
        (np.array([["a"]] * 4), "ndarray"),
    ],
)
def test_refuses_what_a_function_must_not_return(output, told):
    with pytest.raises(ArgumentError, match=f"must return logits .* got {told} for 4 inputs"):
        from_function(lambda batch: output, "one")(X)


def test_refuses_probabilities_said_to_be_logits_and_logits_said_to_be_probabilities():
    with pytest.raises(ArgumentError, match="must give logits, got probabilities: each of 4 rows"):
        from_function(shares, "shares")(X)
    with pytest.raises(ArgumentError, match=r"row 0 lies in 0..2 and sums to 3\n\nhint: say gives='logits'"):
        from_function(lambda batch: batch, "itself", gives="probs")(X)


def test_a_net_asked_in_bfloat16_says_nearly_the_same_and_is_another_teacher():
    torch.manual_seed(0)
    net = VGG([[8, 8], [16]], 5, size=8)
    for _ in range(20):
        net(torch.rand(32, 3, 8, 8) * 255)  # statistics of its own
    data = TransferSet(torch.randint(0, 256, (40, 3, 8, 8), dtype=torch.uint8))
    asked = InBfloat16(net)
    exact, said = predict(net, data), predict(asked, data)
    assert said.dtype == torch.float32
    assert 0 < (said - exact).abs().max() < 0.05 * exact.abs().max()
    assert teacher_fingerprint(asked) != teacher_fingerprint(net)
    assert net.training
    assert asked.net is net


def test_a_nets_own_fingerprint_is_that_of_its_bfloat16_too():
    class Named(nn.Module):
        fingerprint = "one"

    other = Named()
    other.fingerprint = "two"
    assert teacher_fingerprint(InBfloat16(Named())) == "one, in bfloat16"
    assert teacher_fingerprint(InBfloat16(other)) == "two, in bfloat16"


@pytest.mark.usefixtures("shapes_unchecked")
def test_what_is_no_net_is_not_asked_in_bfloat16():
    with pytest.raises(ArgumentError, match=r"asked in bfloat16 must be a torch.nn.Module, got function"):
        InBfloat16(shares)
