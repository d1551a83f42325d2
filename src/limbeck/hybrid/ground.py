"""What all nets of a speech recipe share: utterances, states, models of language."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import nn

from limbeck.acoustic import Lexicon, Start, lexicon_graph, state_graph
from limbeck.acoustic.graphs import Graph
from limbeck.data import TransferSet, Utterances
from limbeck.hybrid.front import Front
from limbeck.hybrid.plan import Plan
from limbeck.models import FrameNet
from limbeck.study import Study


@dataclass(frozen=True, eq=False)
class Ground:
    """The plan, and all that is there before the first net."""

    plan: Plan
    study: Study
    lexicon: Lexicon
    start: Start
    train: Utterances
    held_out: Utterances
    test: Utterances
    runs: TransferSet
    """The training utterances, seen as nets see them; the study's own set draws frames from them, or utterances."""
    languages: Mapping[str, Graph]
    """By the name of its settings: 'n-gram', 'uniform'."""
    front: Front | None = None
    """Where files can be heard as the nets' frames were: the student's run then leaves a transcriber."""
    among: Mapping[str, Collection[int]] = field(default_factory=dict)
    """Of a model of language that is not for all utterances: those of the source that it is for."""
    _graphs: dict[tuple[str, float], Graph] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def features(self) -> int:
        """Numbers that a net sees at once."""
        return (self.plan.before + 1 + self.plan.after) * self.train.frames.inputs.shape[1]

    def meant(self, language: str, utterances: Utterances) -> Utterances:
        """Return those of a set that a model of language is for."""
        if language not in self.among:
            return utterances
        own = self.among[language]
        return utterances.subset([each for each in utterances.ids if each in own], utterances.frames.name)

    def graph_of(self, language: str, insertion_penalty: float) -> Graph:
        """Return the way from states to words of a model of language; made once."""
        key = (language, insertion_penalty)
        if key not in self._graphs:
            lexicon, start = lexicon_graph(self.lexicon), self.start
            words = self.languages[language]
            self._graphs[key] = state_graph(words, lexicon, start.states, start.staying, insertion_penalty)
        return self._graphs[key]

    def make_net(self) -> nn.Module:
        """Return a net from spliced frames to states, as every net that learns from labels is made."""
        return FrameNet([self.features, *self.plan.hidden, len(self.start.states)], self.plan.dropout)

    def make_student(self) -> nn.Module:
        """Return the same net that drops no units: soft targets keep it from learning its frames by heart."""
        return FrameNet([self.features, *self.plan.hidden, len(self.start.states)])


def frames_of(utterances: Utterances) -> list[int]:
    """Return how many frames each utterance of a set has, in the order of its ids."""
    lengths = utterances.frames.run_lengths
    assert lengths is not None
    return lengths[torch.tensor(utterances.ids)].tolist()
