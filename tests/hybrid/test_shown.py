"""What the page is told of a run's words: which utterances, what was heard in them when, errors over speakers."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from made_speech import LEXICON, perfect

from limbeck import RunError
from limbeck.acoustic import (
    Heard,
    Lexicon,
    Scales,
    TiedStates,
    WordErrors,
    monophones,
    phone_spans,
    rate_interval,
    word_spans,
)
from limbeck.acoustic.states import Leaf, Question
from limbeck.data.audio import Audio
from limbeck.data.utterances import Span
from limbeck.hybrid import shown
from limbeck.hybrid.hearing import Decoded
from limbeck.hybrid.tables import heard_by, word_shares
from limbeck.report.speech import keep_speech, read_speech
from limbeck.tensor_files import load_tensors, save_tensors

pytest.importorskip("kaldi_hmm_gmm")
SCALES = {"uniform": Scales(1.0, 0.0)}


@pytest.fixture(scope="module")
def speech(ground):
    """Student and ensemble know every frame, the twin half of them; its second seed all."""
    right, worse = perfect(ground, ground.test), perfect(ground, ground.test, 0.5)
    logits = {"twin": [worse, right], "ensemble": [right], "student": [right]}
    systems = heard_by(ground, logits, SCALES)
    return shown.speech_of(ground, logits, systems, SCALES), systems


def test_rates_are_means_over_seeds_with_intervals_over_speakers(ground, speech):
    told, systems = speech
    twin, ensemble, student = told.rates
    assert [each.system for each in told.rates] == ["twin", "ensemble", "student"]
    assert (ensemble.rate, student.interval, student.seeds, twin.seeds) == (0, (0, 0), 1, 2)
    own = systems["twin"]["uniform"]
    assert twin.rate == pytest.approx(own[0].rate / 2)
    assert twin.interval == rate_interval(word_shares(own))
    assert twin.num_words == sum(len(ground.test.transcripts[each]) for each in ground.test.ids)
    wrong = own[0].heard.total
    assert (twin.substitutions, twin.insertions, twin.deletions) == (
        wrong.substitutions / 2,
        wrong.insertions / 2,
        wrong.deletions / 2,
    )
    seconds = 0.01 * len(ground.study.labels)
    assert student.real_time_factor == pytest.approx(systems["student"]["uniform"][0].heard.seconds / seconds)


def test_words_and_phones_are_where_the_alignment_has_them(ground, speech):
    told, _ = speech
    for each in told.utterances:
        number = ground.test.keys.index(each.key)
        alignment = ground.start.alignments[number]
        assert [span.name for span in each.words] == list(ground.test.transcripts[number])
        assert [each.phones[0].first, each.phones[-1].end] == [0, len(alignment)]
        phone = np.repeat([told.phones.index(span.name) for span in each.phones], [b - a for _, a, b in each.phones])
        np.testing.assert_array_equal(phone, ground.start.states.roots[alignment] // 3)
        heard = {hearing.system: hearing for hearing in each.hearings}
        assert heard["student"].spans == each.words
        assert all(said == own for said, own in heard["student"].pairs)
        place = each.posteriors["student"].argmax(1).numpy()
        np.testing.assert_array_equal(place, ground.start.states.roots[alignment])
        np.testing.assert_array_equal(each.places.numpy(), place)
        assert each.features.shape == (len(alignment), 13)
        assert each.sound is None
    assert told.front == "13 features, each less its mean over the speaker's frames"


def test_utterances_on_which_student_and_twin_differ_come_first(ground):
    counts = {"student": [0, 0, 2, 0], "twin": [0, 1, 0, 3]}
    systems = {name: {"uniform": [only(own)]} for name, own in counts.items()}
    first, second, third, fourth = ground.test.ids
    assert shown.chosen(ground, systems) == [
        (fourth, "the student is right, the twin wrong"),
        (third, "the twin is right, the student wrong"),
        (first, "both are right"),
        (second, "the student is right, the twin wrong"),
    ]
    assert len(shown.chosen(ground, systems, 2)) == 2
    apart = replace(ground, languages={"a": None, "uniform": None}, among={"a": {first}, "uniform": {third, fourth}})
    heard = {name: {"a": [only(own[:1])], "uniform": [only(own[2:])]} for name, own in counts.items()}
    assert [each for each, _ in shown.chosen(apart, heard)] == [first, fourth, third]


def only(counts):
    """What was heard, as far as the errors go."""
    return Decoded(Heard({}, [WordErrors(count, 0, 0, 3) for count in counts], 1.0), [])


def test_states_are_summed_by_their_place_in_a_phone():
    states = TiedStates((Leaf(2), Question(0, frozenset({1}), Leaf(0), Leaf(3)), Leaf(1)))
    probs = torch.tensor([[0.1, 0.2, 0.3, 0.4]])
    torch.testing.assert_close(shown.by_place(probs, states), torch.tensor([[0.3, 0.5, 0.2]]))


def test_words_take_the_pronunciation_that_was_spoken():
    states = monophones(len(LEXICON.phones))
    phones = [LEXICON.phone_number[each] for each in ("SIL", "C", "B", "B", "A")]
    alignment = np.repeat([3 * (phone - 1) + place for phone in phones for place in range(3)], 2)
    spans = phone_spans(alignment, states, LEXICON)
    assert word_spans(["cab", "ba"], spans, LEXICON) == [Span("cab", 6, 18), Span("ba", 18, 30)]
    assert word_spans([], spans[:1], LEXICON) == []
    many = [Span(name, 2 * place, 2 * place + 2) for place, name in enumerate(("A", "B") * 2000)]
    assert word_spans(["ab"] * 2000, many, LEXICON)[-1] == Span("ab", 7996, 8000)


def test_a_silence_parts_words_that_may_part_elsewhere():
    """C A B | A B and C A B A | B: the words are the same, the silence tells where one ends."""
    lexicon = Lexicon((("c", ("C", "A", "B")), ("c", ("C", "A", "B", "A")), ("b", ("A", "B")), ("b", ("B",))))
    for silent, end in ((3, 3), (4, 4)):
        names = [*"CABAB"[:silent], "SIL", *"CABAB"[silent:]]
        spans = word_spans(["c", "b"], [Span(name, place, place + 1) for place, name in enumerate(names)], lexicon)
        assert spans == [Span("c", 0, end), Span("b", end + 1, 6)]


def test_what_is_kept_is_read(speech, tmp_path):
    told, _ = speech
    assert read_speech(tmp_path) is None
    first, *rest = told.utterances
    sound = Audio(np.linspace(-1, 1, 50, dtype=np.float32), 8000)
    keep_speech(tmp_path, replace(told, utterances=[replace(first, sound=sound), *rest]))
    read = read_speech(tmp_path)
    assert (read.rates, read.phones, read.front) == (told.rates, told.phones, told.front)
    for own, other in zip(read.utterances, told.utterances, strict=True):
        assert (own.key, own.speaker, own.why) == (other.key, other.speaker, other.why)
        assert (own.words, own.phones, own.hearings) == (other.words, other.phones, other.hearings)
        assert torch.equal(own.features, other.features)
        assert torch.equal(own.places, other.places)
        assert all(torch.equal(own.posteriors[name], other.posteriors[name]) for name in other.posteriors)
    np.testing.assert_allclose(read.utterances[0].sound.samples, sound.samples, atol=1e-4)
    assert (read.utterances[0].sound.rate, read.utterances[1].sound) == (8000, None)
    tensors, text = load_tensors(tmp_path / "speech.safetensors")
    save_tensors(tmp_path / "speech.safetensors", tensors, {**text, "rates": [{}]})
    with pytest.raises(RunError, match="speech.safetensors is damaged: KeyError: 'interval'"):
        read_speech(tmp_path)
