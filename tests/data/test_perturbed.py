"""Other voices and paces: views replayed exactly, windows that a plain loop finds, spectra that are shifted."""

import numpy as np
import pytest
import torch

from limbeck import ArgumentError
from limbeck.data import Perturbed, Splice, TransferSet, in_another_voice
from limbeck.data.perturbed import unaugmented, warping

LENGTHS = [30, 50]


def source():
    frames = torch.randn(80, 3, generator=torch.Generator().manual_seed(0))
    return TransferSet(frames, torch.arange(80) % 2, run_lengths=torch.tensor(LENGTHS))


def perturbed(pace=0.3, voices=4):
    own = source()
    return Perturbed(Splice(own, 8, 3), torch.stack([own.inputs + 10 * voice for voice in range(voices)]), pace)


def test_every_window_is_of_one_voice_and_one_pace_and_stays_in_its_utterance():
    view = perturbed()
    own = view.splice.source.inputs
    seen = view(own, torch.arange(80), 5)
    paces, voices = set(), set()
    for row, window in enumerate(seen):
        voice = int((window[8] - own[row])[0].round() / 10)
        first, last = (0, 29) if row < 30 else (30, 79)
        fits = []
        for pace in np.linspace(0.7, 1.3, 601):
            rows = [min(max(row + round(float(away * pace)), first), last) for away in range(-8, 4)]
            fits += [pace] if torch.allclose(window, own[rows] + 10 * voice) else []
        assert fits, row
        paces.add(round(float(np.mean(fits)), 1))
        voices.add(voice)
    assert voices == {0, 1, 2, 3}
    assert len(paces) > 4


def test_a_view_is_the_same_in_any_batch_and_another_by_number():
    view = perturbed()
    own = view.splice.source.inputs
    whole = view(own, torch.arange(80), 1)
    few = torch.tensor([70, 3])
    assert torch.equal(view(own[few], few, 1), whole[few])
    assert not torch.equal(view(own, torch.arange(80), 2), whole)
    still = perturbed(pace=0.0, voices=1)
    assert torch.equal(still(own, torch.arange(80), 1), still.splice(own, torch.arange(80), 1))


def test_the_spec_tells_views_apart():
    specs = [perturbed().spec(), perturbed(pace=0.2).spec(), perturbed(voices=3).spec()]
    assert specs[0] == perturbed().spec()
    assert specs[0] not in specs[1:]


def test_what_augments_nothing_splices_alone():
    view = perturbed()
    seen = view.splice.source.seen_through(view)
    assert unaugmented(seen).view is view.splice


def test_a_longer_vocal_tract_shifts_a_peak_down():
    middles = np.linspace(np.log1p(130 / 700), np.log1p(6800 / 700), 42)[1:-1]
    hertz = 700 * np.expm1(middles)
    peak = np.exp(-(((np.log(hertz) - np.log(1500)) / 0.3) ** 2))
    order = np.outer(np.arange(13), np.arange(40) + 0.5) * np.pi / 40
    cepstra = (np.cos(order) @ peak / 40).astype(np.float32)[None]

    def highest(own):
        spectrum = own[0, 0] + 2 * own[0, 1:] @ np.cos(order[1:])
        return hertz[spectrum.argmax()]

    assert highest(cepstra) == pytest.approx(1500, rel=0.05)
    assert highest(in_another_voice(1.2, cepstra)) == pytest.approx(1500 / 1.2, rel=0.05)
    assert highest(in_another_voice(0.85, cepstra)) == pytest.approx(1500 / 0.85, rel=0.05)
    np.testing.assert_allclose(warping(1.0), np.eye(13), atol=1e-12)


@pytest.mark.parametrize(("voices", "pace", "message"), [(0, 0.1, "voices must be"), (2, 1.0, "pace must lie in")])
def test_what_is_no_voice_or_pace_is_refused(voices, pace, message):
    own = source()
    with pytest.raises(ArgumentError, match=message):
        Perturbed(Splice(own, 2, 1), own.inputs.expand(voices, -1, -1), pace)
