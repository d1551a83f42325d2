"""Covariance against numpy, clusters against planted groups, reports against counts by hand."""

import re

import numpy as np
import pytest
import torch
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from torch.testing import assert_close

from limbeck import ArgumentError
from limbeck.specialists import (
    agreement,
    ceiling,
    cluster_report,
    clustered,
    coverage,
    moments_of,
    special_sets,
    stability,
)

GROUPS = np.repeat(np.arange(6), 5)  # thirty classes, in a shuffled order
GROUPS = GROUPS[np.random.default_rng(0).permutation(30)]


def planted(num_examples=3000, *, groups=GROUPS, group=3.0, label=2.0, seed=0):
    """Return predictions of a net that confuses the classes of a group, and the labels."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(30, (num_examples,), generator=generator)
    groups = torch.from_numpy(groups)
    logits = torch.randn(num_examples, 30, generator=generator)
    logits += group * (groups[labels][:, None] == groups) + label * torch.nn.functional.one_hot(labels, 30)
    return logits.softmax(1), labels


PROBS, LABELS = planted()


def test_moments_are_numpys_whatever_the_batches():
    whole = moments_of([PROBS])
    batches = moments_of(PROBS.split(700))
    wide = PROBS.double().numpy()
    wide /= wide.sum(1, keepdims=True)
    for found in (whole, batches):
        assert found.count == 3000
        np.testing.assert_allclose(found.mean, wide.mean(0), rtol=1e-12)
        np.testing.assert_allclose(found.covariance, np.cov(wide.T), rtol=1e-10, atol=1e-16)
        np.testing.assert_allclose(found.correlation, np.corrcoef(wide.T), rtol=1e-10, atol=1e-14)


def test_shards_merge_in_any_order():
    shards = [moments_of([part]) for part in PROBS.split([10, 1490, 500, 1000])]
    forwards = shards[0].merged(shards[1]).merged(shards[2]).merged(shards[3])
    backwards = shards[3].merged(shards[2].merged(shards[1])).merged(shards[0])
    assert forwards.count == backwards.count == 3000
    np.testing.assert_allclose(forwards.mean, backwards.mean, rtol=1e-13)
    np.testing.assert_allclose(forwards.scatter, backwards.scatter, rtol=1e-11, atol=1e-13)


def test_covariances_far_from_zero_keep_their_digits():
    probs = (
        torch.tensor([[0.5, 0.5]], dtype=torch.float64) + 1e-9 * torch.tensor([[[1.0, -1.0]], [[-1.0, 1.0]]]).double()
    )
    found = moments_of(list(probs))
    assert found.covariance[0, 0] == pytest.approx(2e-18, rel=1e-6)


def test_a_class_that_never_changes_correlates_with_none():
    found = moments_of([torch.tensor([[0.5, 0.5, 0.0], [0.25, 0.75, 0.0]])]).correlation
    np.testing.assert_allclose(found, [[1, -1, 0], [-1, 1, 0], [0, 0, 1]], atol=1e-12)


@pytest.mark.parametrize("batches", [[], [PROBS[:1]], [PROBS[:0]]])
def test_one_example_has_no_covariance(batches):
    with pytest.raises(ArgumentError, match=re.escape("predictions must be of two or more examples, got ")):
        moments_of(batches)


def test_other_classes_or_logits_are_refused():
    with pytest.raises(ArgumentError, match=re.escape("moments must be of the same classes, got 30 and 2")):
        moments_of([PROBS, torch.full((4, 2), 0.5)])
    with pytest.raises(ArgumentError, match="the generalist's rows must be probabilities that add up to 1"):
        moments_of([torch.randn(4, 3)])


@pytest.mark.parametrize("method", ["average", "spectral"])
def test_planted_groups_are_found(method):
    found = clustered(moments_of([PROBS]), 6, method)
    assert agreement(GROUPS, found) == 1
    assert set(found) == set(range(6))


def test_the_papers_kmeans_hardly_finds_those_of_a_net_that_is_mostly_right():
    moments = moments_of([planted(group=1.5, label=5.0)[0]])
    runs = [clustered(moments, 6, "kmeans", seed=seed) for seed in range(3)]
    assert all(agreement(GROUPS, run) < 0.5 for run in runs)
    assert agreement(GROUPS, clustered(moments, 6)) == 1
    assert np.array_equal(runs[0], clustered(moments, 6, "kmeans", seed=0))


@pytest.mark.parametrize("num_clusters", [1, 2, 5, 11, 29])
def test_with_room_for_all_it_is_scipys_average_linkage(num_clusters):
    moments = moments_of([torch.randn(200, 30, generator=torch.Generator().manual_seed(4)).softmax(1)])
    tree = linkage(squareform(1 - moments.correlation, checks=False), "average")
    found = clustered(moments, num_clusters, largest=30)
    assert agreement(found, fcluster(tree, num_clusters, "maxclust")) == 1


def test_no_cluster_grows_too_large_where_that_can_be():
    moments = moments_of([planted(groups=np.repeat([0, 1, 2], [20, 5, 5]))[0]])
    assert sorted(np.bincount(clustered(moments, 3, largest=30))) == [5, 5, 20]
    assert np.bincount(clustered(moments, 3)).max() <= 15
    assert np.bincount(clustered(moments, 3, largest=11)).max() <= 11
    assert sorted(np.bincount(clustered(moments, 15, largest=1))) == [2] * 15
    with pytest.raises(ArgumentError, match=re.escape("largest must be a whole number in 1..30, got 0")):
        clustered(moments, 6, largest=0)


@pytest.mark.parametrize("method", ["average", "spectral", "kmeans"])
@pytest.mark.parametrize("num_clusters", [1, 30])
def test_one_cluster_or_one_for_each_class(method, num_clusters):
    found = clustered(moments_of([PROBS]), num_clusters, method)
    assert len(found) == 30
    assert len(set(found)) == (30 if method != "kmeans" else len(set(found))) if num_clusters == 30 else 1


def test_one_class_is_one_cluster():
    assert clustered(moments_of([torch.ones(3, 1)]), 1).tolist() == [0]


def test_names_of_classes_make_no_difference():
    order = np.random.default_rng(1).permutation(30)
    found = clustered(moments_of([PROBS[:, order]]), 6)
    assert agreement(found, clustered(moments_of([PROBS]), 6)[order]) == 1


def test_sets_have_their_clusters_first_and_then_what_is_nearest():
    moments = moments_of([PROBS])
    sets = special_sets(moments, GROUPS, 8)
    assert [len(own) for own in sets] == [8] * 6
    for cluster, own in enumerate(sets):
        assert set(own[:5]) == set(np.flatnonzero(cluster == GROUPS))
        closeness = moments.correlation[:, cluster == GROUPS].mean(1)
        others = [each for each in range(30) if each not in own[:5]]
        assert set(own[5:]) == set(sorted(others, key=lambda each: -closeness[each])[:3])
    assert coverage(sets, 30) == 1
    small = special_sets(moments, GROUPS, 3)
    assert coverage(small, 30) == 18 / 30


@pytest.mark.parametrize("size", [0, 30])
def test_a_set_leaves_classes_to_the_dustbin(size):
    with pytest.raises(
        ArgumentError, match=re.escape(f"a special set's size must be a whole number in 1..29, got {size}")
    ):
        special_sets(moments_of([PROBS]), GROUPS, size)


def test_what_clusters_can_not_be_is_refused():
    moments = moments_of([PROBS])
    with pytest.raises(ArgumentError, match=re.escape("num_clusters must be a whole number in 1..30, got 31")):
        clustered(moments, 31)
    with pytest.raises(ArgumentError, match=re.escape("clusters must be one for each of 30 classes, got 3")):
        special_sets(moments, np.arange(3), 5)


@pytest.mark.usefixtures("shapes_unchecked")
def test_another_method_is_refused():
    with pytest.raises(ArgumentError, match="method must be 'average', 'spectral' or 'kmeans', got 'magic'"):
        clustered(moments_of([PROBS]), 3, "magic")


def test_the_report_counts():
    moments = moments_of([PROBS])
    sets = special_sets(moments, GROUPS, 5)
    found = cluster_report(moments, sets, PROBS, LABELS)
    pairs = [(i, j) for i in range(30) for j in range(i)]
    within = [moments.correlation[pair] for pair in pairs if GROUPS[pair[0]] == GROUPS[pair[1]]]
    between = [moments.correlation[pair] for pair in pairs if GROUPS[pair[0]] != GROUPS[pair[1]]]
    assert found.coverage == 1
    assert found.within == pytest.approx(np.mean(within))
    assert found.between == pytest.approx(np.mean(between))
    wrong = PROBS.argmax(1) != LABELS
    chosen, truth = GROUPS[PROBS.argmax(1)[wrong]], GROUPS[LABELS[wrong]]
    assert found.ceiling == pytest.approx((chosen == truth).mean())
    assert ceiling(PROBS, LABELS, sets, n=30) == 1


def test_the_report_tells_what_there_is():
    moments = moments_of([PROBS])
    alone = cluster_report(moments, [[0], [1]])
    assert (alone.within, alone.ceiling) == (None, None)
    assert alone.coverage == pytest.approx(2 / 30)
    assert cluster_report(moments, [list(range(30))]).between is None
    right = torch.eye(3)
    assert ceiling(right, torch.arange(3), [[0]]) is None


def test_stability_is_the_mean_agreement_of_pairs():
    one, other = [0, 0, 1, 1], [1, 1, 0, 0]
    assert stability([one, other]) == 1
    third = [0, 1, 0, 1]
    assert stability([one, other, third]) == pytest.approx((1 + 2 * agreement(one, third)) / 3)
    with pytest.raises(ArgumentError, match="clusterings must be two or more, got 1"):
        stability([one])
    with pytest.raises(ArgumentError, match="clusterings must be of the same classes, got 4 and 3"):
        agreement(one, [0, 1, 2])


def test_halves_of_the_examples_agree():
    halves = [clustered(moments_of([half]), 6).tolist() for half in PROBS.split(1500)]
    assert stability(halves) == 1
    assert_close(torch.tensor(halves[0]).bincount(), torch.full((6,), 5))


@pytest.mark.usefixtures("shapes_unchecked")
@pytest.mark.parametrize("given", [[[0.5, 0.5]], torch.tensor([0.5, 0.5])])
def test_predictions_come_in_batches_of_rows(given):
    with pytest.raises(ArgumentError, match="the generalist's probabilities must be a tensor of numbers"):
        moments_of([given])


@pytest.mark.usefixtures("shapes_unchecked")
def test_numbers_of_clusters_and_classes_are_whole():
    moments = moments_of([PROBS])
    with pytest.raises(ArgumentError, match=re.escape("num_clusters must be a whole number in 1..30, got 2.5")):
        clustered(moments, 2.5)
    with pytest.raises(ArgumentError, match=re.escape("a special set's size must be a whole number in 1..29, got 5.0")):
        special_sets(moments, GROUPS, 5.0)
    with pytest.raises(ArgumentError, match=re.escape("special set 0 must have classes in 0..29, got 0..99")):
        coverage([[0, 99]], 30)


def test_of_a_cluster_that_is_too_large_those_nearest_to_its_others_stay():
    moments = moments_of([PROBS])
    whole = np.zeros(30, int)
    closeness = (moments.correlation.sum(1) - 1) / 29
    assert special_sets(moments, whole, 4) == [np.argsort(-closeness)[:4].tolist()]
