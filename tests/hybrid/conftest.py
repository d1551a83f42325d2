"""Made speech on its way: the ground that a run of it begins on."""

from dataclasses import replace

import pytest
from made_speech import run_in, write_an4

import limbeck
from limbeck.budget import Budget, StartBudget
from limbeck.hybrid.preparing import Corpus, parted, prepared
from limbeck.recipes import an4

CHANGES = {
    "held_out": 1,
    "before": 1,
    "after": 1,
    "slopes": False,
    "start": StartBudget(15, 4, 16, 1, 16, 2),
    "hidden": (32,),
    "temperatures": (1.0, 2.0),
    "hard_weights": (0.5, 0.1),
    "acoustic_scales": (0.2, 0.5),
    "insertion_penalties": (0.0, 1.0),
    "fractions": (0.3,),
    "budget": Budget(epochs=3, batch_size=64, learning_rate=1e-2, precision="32-true"),
    "beam": 16.0,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("data")
    write_an4(place / "an4", 40)
    return place


@pytest.fixture(scope="module")
def config():
    return replace(an4.An4().smoke(), **CHANGES)


@pytest.fixture(scope="module")
def ground(folder, config, tmp_path_factory):
    data = limbeck.data.load_an4(folder)
    lexicon = limbeck.acoustic.Lexicon(data.pronunciations)
    corpus = Corpus(data.train, data.test, lexicon, config.start, limbeck.data.in_another_voice)
    run = run_in(tmp_path_factory.mktemp("ground"), config)
    with run.held():
        languages = {"uniform": limbeck.acoustic.loop_graph(3)}
        yield prepared(corpus, parted(corpus, config), languages, config, run)
