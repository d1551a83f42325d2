"""Figures against hand-made examples and other libraries."""

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss

from limbeck import ArgumentError, TransferSet, evaluate
from limbeck.judge import measure
from limbeck.models import MLP


def drawn(rows=500, classes=4):
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(rows, classes, generator=generator)
    return logits, torch.randint(classes, (rows,), generator=generator)


def test_figures_of_a_small_example():
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0], [0.0, 0.1]])
    teacher = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    found = measure(logits, torch.tensor([0, 1, 1, 0]), teacher, 7)
    assert (found.examples, found.errors, found.accuracy, found.agreement, found.parameters) == (4, 2, 0.5, 0.75, 7)
    assert found.nll == pytest.approx(np.mean(np.log1p(np.exp([-2, -1, 3, 0.1]))), rel=1e-6)


def test_nll_is_scikit_learns_log_loss():
    logits, labels = drawn()
    expected = log_loss(labels.numpy(), logits.double().softmax(-1).numpy())
    assert measure(logits, labels).nll == pytest.approx(expected, rel=1e-9)


def test_evaluate_judges_a_net_on_a_set():
    data = TransferSet(torch.eye(4), torch.arange(4))
    net = MLP([4, 4])
    net.layers[0].weight.data = 9 * torch.eye(4)[[0, 1, 3, 2]]
    net.layers[0].bias.data.zero_()
    found = evaluate(net.train(), data, teacher_logits=torch.eye(4))
    assert (found.errors, found.agreement, found.parameters) == (2, 0.5, 20)
    with pytest.raises(ArgumentError, match="must have a label for each row to be judged on, it has none"):
        evaluate(net, data.without_labels())


@pytest.mark.usefixtures("shapes_unchecked")
def test_refuses_logits_of_another_shape():
    logits, labels = drawn()
    with pytest.raises(ArgumentError, match=r"must have the shape \(500, 4\), got \(500, 3\)"):
        measure(logits, labels, logits[:, :3])
