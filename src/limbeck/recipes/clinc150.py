"""A generalist, specialists and one net of both, on CLINC150's sentences (Hinton et al. 2015, s. 5).

150 intents; a sentence is its words and pairs of words, 0 or 1 each; a net with one hidden layer. The whole of section
5 in minutes: special sets from the covariance of the generalist's predictions, specialists that start from its weights,
equation 5, and a student of the generalist's own kind that learns from all together. Beside them, at equal total cost,
an ensemble of generalists and a generalist trained longer. All choices are made on the source's validation split.

    limbeck run clinc150 --data DIR --seeds 8 --record    eight paired seeds; DIR holds data_full.json and domains.json

The paper's figures are those of 100 million images. Expected figures, time and machine: results/clinc150.json, shown by
`limbeck list`.
"""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import limbeck
from limbeck.budget import Budget
from limbeck.runs import Run
from limbeck.teams.plan import Plan

if TYPE_CHECKING:
    from limbeck.teams.training import Ground


@dataclass(frozen=True)
class Clinc150(Plan):
    """Section 5 on sentences of 150 intents."""

    words: int = 3000
    """Words and pairs of words that are told apart."""
    hidden: tuple[int, ...] = (128,)
    """Hidden units of each layer."""
    teams: tuple[tuple[int, int], ...] = ((10, 15), (10, 30), (5, 30))
    specialist_rate: float = 4e-3
    student_views: int = 4
    left_out: float = 0.4
    """Probability with which a word is left out of what students and twins see. A student that learns
    from the team alone takes over more of its gain where it is asked of sentences that none has learned. Of 0, 0.2 and
    0.4 the student does best on held-out sentences with the last."""
    generalist: Budget = field(
        default_factory=lambda: Budget(epochs=4, batch_size=64, learning_rate=1e-3, precision="32-true")
    )
    student: Budget = field(
        default_factory=lambda: Budget(epochs=4, batch_size=64, learning_rate=2e-3, precision="32-true")
    )
    """What a student may spend, and its twin: at this rate both do better on held-out sentences than at half of it."""

    def check(self) -> None:
        super().check()
        if not 0 <= self.left_out <= 1:
            raise limbeck.ArgumentError(f"left_out must lie in 0..1, got {self.left_out}")

    def smoke(self) -> "Clinc150":
        """Return the same run in seconds."""
        return replace(self, **self.small())

    def widened(self, factor: float) -> "Clinc150":
        """Return the same with hidden layers of another width."""
        return replace(self, hidden=tuple(max(1, round(factor * units)) for units in self.hidden))

    def small(self) -> dict[str, Any]:
        return {**super().small(), "hidden": (8,)}


def main(config: Clinc150, run: Run) -> "limbeck.conclusion.Result":
    """Take section 5's road."""
    from limbeck.teams.road import travel

    study, domains = study_of(config, run)
    names = sorted(set(domains))
    return travel(ground_of(config, study, len(domains)), [names.index(domain) for domain in domains])


def study_of(config: Clinc150, run: Run) -> "tuple[limbeck.study.Study, tuple[str, ...]]":
    """Return a study of the sentences, and each class's domain."""
    from limbeck.teams.tables import PAPER

    config.check()
    sentences = limbeck.data.load_clinc150(run.data, config.words)
    sets = (sentences.train, sentences.test)
    return limbeck.study.Study.on(run, sets, sentences.validation, paper=PAPER, accuracy=True), sentences.domains


def ground_of(config: Clinc150, study: "limbeck.study.Study", num_classes: int) -> "Ground":
    """Return what all trainings share on these sentences or on those of some classes."""
    from limbeck.teams.training import Ground

    def make() -> "limbeck.models.MLP":
        return limbeck.models.MLP([study.train.inputs.shape[1], *config.hidden, num_classes])

    shown = study.train.seen_through(limbeck.data.WordDropout(config.left_out))
    return Ground(study, config, make, study.train, shown, num_classes)
