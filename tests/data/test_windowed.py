"""The order for data larger than memory: a permutation that stays near, as a pure function."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limbeck import ArgumentError, Budget
from limbeck.data.philox import windowed


@settings(deadline=None)
@given(st.integers(1, 700), st.one_of(st.integers(1, 700), st.just(10**9)), st.integers(0, 2**64 - 1))
def test_each_example_comes_once(size, window, seed):
    order = windowed(seed, 0, 3, size, window)
    assert order.dtype == np.int64
    assert (np.sort(order) == np.arange(size)).all()


def spans(order, chunk):
    """Return for each chunk of rows on disk over how many places of the order it is spread."""
    size, places = len(order), np.argsort(order)
    return [np.ptp(places[start : start + chunk]) + 1 for start in range(0, size, chunk)]


@pytest.mark.parametrize(("size", "window"), [(20_000, 640), (20_000, 1000), (20_011, 1280), (3000, 64)])
def test_each_chunk_is_read_within_two_windows(size, window):
    chunk = window // 64
    assert max(spans(windowed(1, 0, 0, size, window), chunk)) <= 2 * window + chunk


def test_few_chunks_are_open_at_once():
    size, window = 50_000, 6400
    chunk = window // 64
    places = np.argsort(windowed(1, 0, 0, size, window)).reshape(-1, chunk)
    first, last = places.min(1), places.max(1)
    open_at_once = [int(((first <= place) & (place <= last)).sum()) for place in range(0, size, 500)]
    assert max(open_at_once) * chunk <= 2 * window + 2 * chunk


def test_near_rows_are_put_apart_and_chunks_come_in_another_order():
    size, window = 20_000, 6400
    order = windowed(1, 0, 0, size, window)
    assert (np.abs(np.diff(order)) == 1).mean() < 0.02
    assert abs(np.corrcoef(order, np.arange(size))[0, 1]) < 0.2


@pytest.mark.parametrize("window", [64, 500, 10**9])
def test_every_example_comes_first_sooner_or_later(window):
    firsts = [int(windowed(0, 0, step, 500, window)[0]) for step in range(300)]
    assert len(set(firsts)) > 150
    assert 200 < np.mean(firsts) < 300


def test_a_window_far_beyond_the_set_shuffles_it_evenly():
    orders = np.stack([windowed(0, 0, step, 10, 10**6) for step in range(4000)])
    counts = np.stack([np.bincount(place, minlength=10) for place in orders.T])
    assert abs(counts - 400).max() < 5 * np.sqrt(400)


def test_it_is_a_pure_function_of_all_its_arguments():
    orders = [windowed(*key) for key in ((0, 0, 0, 999, 128), (1, 0, 0, 999, 128), (0, 1, 0, 999, 128))]
    orders += [windowed(0, 0, 1, 999, 128), windowed(0, 0, 0, 999, 640)]
    assert len({order.tobytes() for order in orders}) == 5
    assert (windowed(0, 0, 0, 999, 128) == orders[0]).all()


@pytest.mark.parametrize("window", [0, -1, 10**9 + 1])
def test_a_window_that_is_none_is_refused(window):
    with pytest.raises(ArgumentError, match=r"shuffle_window must be a whole number in 1\.\.1000000000, got"):
        Budget(shuffle_window=window)
