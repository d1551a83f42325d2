"""The student that is proposed: as large as it may be."""

import pytest
import torch
from torch import nn

from limbeck.data import TransferSet
from limbeck.errors import ArgumentError
from limbeck.models import MLP, VGG
from limbeck.models.proposed import proposed, proposed_student
from limbeck.teachers import from_function

ROWS = TransferSet(torch.rand(20, 12, generator=torch.Generator().manual_seed(0)))
IMAGES = TransferSet(torch.randint(0, 256, (20, 3, 8, 8), generator=torch.Generator().manual_seed(0)).to(torch.uint8))


def size(net):
    return sum(each.numel() for each in net.parameters())


@pytest.mark.parametrize("most", [200, 2000, 18_565, 100_000])
@pytest.mark.parametrize(("rows", "kind"), [(ROWS, MLP), (IMAGES, VGG)])
def test_it_is_as_large_as_it_may_be(rows, kind, most):
    net = proposed(rows, 5, most)
    assert isinstance(net.net, kind)
    assert 0.6 * most < size(net) <= most
    assert not any(each.is_meta for each in net.parameters())
    assert net(rows.at(rows.ids[:3])).shape == (3, 5)


def test_without_a_size_it_is_the_default():
    assert [layer.out_features for layer in proposed(ROWS, 5).modules() if isinstance(layer, nn.Linear)] == [
        128,
        128,
        5,
    ]
    assert size(proposed(ROWS, 5)) == size(proposed(ROWS, 5, 18_821)) == 18_821


@pytest.mark.parametrize("most", [300, 3000])
def test_a_copy_is_as_narrow_as_it_is_asked_to_be(most):
    make, told = proposed_student(MLP([12, 100, 100, 5]), ROWS, 5, most)
    assert 0.8 * most < size(make()) <= most
    assert f"{size(make()):,} parameters where the teacher has 11,905" in told[0]


@pytest.mark.parametrize(
    ("teacher", "most", "message"),
    [
        (
            MLP([12, 100, 100, 5]),
            11_905,
            "must lie in 1..11904, for the teacher that is narrowed has 11,905, got 11905",
        ),
        (MLP([12, 100, 100, 5]), 0, "must lie in 1..11904"),
        (MLP([12, 100, 100, 5]), 20, "must be 25 or more, the narrowest student has them, got 20"),
        (from_function(torch.relu, "it"), 20, "must be 25 or more, the narrowest student has them, got 20"),
    ],
)
def test_sizes_that_no_student_has_are_refused(teacher, most, message):
    with pytest.raises(ArgumentError, match=f"student-parameters {message}"):
        proposed_student(teacher, ROWS, 5, most)
