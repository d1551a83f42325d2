"""A study: students that differ in one thing, each trained once a seed, and what the difference brings.

Where the road (`limbeck.road`) leads from teachers to one student, a study compares many students of one teacher: other
temperatures, other transfer sets, other teachers. All share a start, an order and a budget with those of the same seed.

Nets and soft targets lie in the cache, each under the hash of all that it depends on, so that no net is trained twice,
by whichever recipe. Several processes that share a cache share the work: each takes what no other is at.
"""

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from limbeck.budget import Budget
from limbeck.conclusion import Result, conclude, save_judged
from limbeck.controls import control_of, control_setting
from limbeck.data import TransferSet
from limbeck.errors import ArgumentError, TargetsError
from limbeck.evidence import LATENCY, compared, difference_told, row_of, setting_rows
from limbeck.files import fingerprint, kept_json, locked
from limbeck.judge import (
    Fidelity,
    HeldOut,
    Judgement,
    Measures,
    NetsDifference,
    count_errors,
    count_parameters,
    fidelity_on_training,
    judgement_of,
    measure,
    nets_difference,
)
from limbeck.launch import shared
from limbeck.report import Chart, Judged
from limbeck.road import MEMBERS_PER_SEED, student_seed, teacher_seed
from limbeck.runs import Run
from limbeck.settings import ALL_TRAININGS
from limbeck.ship.latency import latency_ms, times_of
from limbeck.ship.shipping import Shipment
from limbeck.targets import SoftTargets, write_soft_targets
from limbeck.targets.manifest import FORMAT
from limbeck.teachers import (
    Ensemble,
    InBfloat16,
    Teacher,
    asked_at_once,
    members_of,
    predict,
    seeded,
    teacher_fingerprint,
)
from limbeck.training import Fitted, FromLabels, FromSoftTargets, Objective, fit
from limbeck.training.controls import control_objective
from limbeck.training.loop import HASH_LENGTH, check_affordable, device_here, precision_of

NetMaker = Callable[[], nn.Module]
TeacherLogits = Tensor | list[Tensor] | None
"""What a teacher says of the test set: one for all trials, or one a trial."""
Paper = dict[tuple[str, str], float]
"""The paper's figures, by setting and metric."""


def as_trained(net: nn.Module, budget: Budget) -> nn.Module:
    """Return a net as a teacher that is asked in the precision in which a budget trains: quicker where that is bf16."""
    return InBfloat16(net) if precision_of(budget) == "bf16-mixed" else net


@contextlib.contextmanager
def near(teachers: Sequence[Teacher]) -> Iterator[None]:
    """Hold nets where this machine trains while they are asked, and on the CPU again afterwards."""
    nets = [each for each in teachers if isinstance(each, nn.Module)]
    for net in nets:
        net.to(device_here())
    try:
        yield
    finally:
        for net in nets:
            net.cpu()


@dataclass(frozen=True)
class Arm:
    """One kind of net to train, under the name of its setting."""

    setting: str
    make_net: NetMaker
    transfer_set: TransferSet
    objective: Objective
    budget: Budget
    member: int | None = None
    """Number of a teacher among those of its seed, each with a start and order of its own; None for nets that share
    those of the seed's students."""
    followed: bool = True
    """Whether the validation split tells how its training goes: not where its classes are others."""


@dataclass(frozen=True, eq=False)
class Trial:
    """A trained net, and what it says in the order of the sets' ids: asked when somebody wants to know."""

    fitted: Fitted
    test: TransferSet
    validation: TransferSet | None
    """None where nothing is held out."""
    taught: tuple[TransferSet, SoftTargets] | None = None
    """What it was taught, and with whose soft targets; None for nets that learned from labels alone."""

    @property
    def net(self) -> nn.Module:
        """The net, in evaluation mode on the CPU."""
        return self.fitted.net

    @property
    def weights(self) -> Path:
        """The file that holds the net."""
        assert self.fitted.folder is not None  # a study's nets lie in the cache
        return self.fitted.folder / "model.safetensors"

    @cached_property
    def test_logits(self) -> Float[Tensor, "examples classes"]:
        """What it says of the test set."""
        return self._says(self.test)

    @cached_property
    def validation_logits(self) -> Float[Tensor, "others classes"] | None:
        """What it says of the held-out examples; None where nothing is held out."""
        return None if self.validation is None else self._says(self.validation)

    @cached_property
    def training(self) -> Fidelity | None:
        """To its teacher on training examples; None where it had none, or one whose store keeps a part of that."""
        if self.taught is None:
            return None
        with near([self.net]):
            return fidelity_on_training(self.net, *self.taught)

    def _says(self, judged: TransferSet) -> Tensor:
        with near([self.net]):
            return predict(self.net, judged)


@dataclass(frozen=True)
class Study:
    """The sets that all its nets share, and the run that it is part of."""

    run: Run
    train: TransferSet
    validation: TransferSet | None
    test: TransferSet
    paper: Paper = field(default_factory=dict)
    accuracy: bool = False
    """Whether accuracies are told beside errors, as the field does for this data."""
    seconds: dict[Path, float] = field(default_factory=dict)
    """What each net took, by its folder in the cache; a study of a part of the data has the same."""
    whole: tuple[TransferSet, ...] = ()
    """The sets for which the run's folder is claimed, once the first net or store is asked for: its own, those of the
    whole data where it is a part of another study."""
    judgements: dict[str, list[Judgement]] = field(default_factory=dict, init=False)
    """What `rows` found of each setting, one a seed, for `conclude`."""

    @classmethod
    def on(
        cls,
        run: Run,
        sets: tuple[TransferSet, TransferSet],
        held_out: "int | TransferSet",
        examples: int | None = None,
        *,
        paper: Paper | None = None,
        accuracy: bool = False,
    ) -> "Study":
        """Return a study of a training set and a test set.

        Args:
            run: what it is part of.
            sets: (training, test).
            held_out: how many training examples are held out for validation, perhaps none; or a split of its own.
            examples: take the first so many training examples alone; all where None.
            paper: published figures.
            accuracy: whether accuracies are told beside errors.

        Raises:
            ArgumentError: numbers of examples that the set has not got, or labels are missing.
        """
        train, test = sets
        validation = held_out if isinstance(held_out, TransferSet) else None
        if examples is not None:
            if not 1 <= examples <= len(train):
                raise ArgumentError(f"examples must lie in 1..{len(train)}, got {examples}")
            train = train.subset(train.ids[:examples])
        if isinstance(held_out, int) and held_out:
            train, validation = train.split(held_out)
        return cls(run, train, validation, test, paper or {}, accuracy)

    def __post_init__(self) -> None:
        """Refuse sets that no net can be judged on.

        Raises:
            ArgumentError: labels are missing.
        """
        if not self.whole:
            own = tuple(each for each in (self.train, self.validation, self.test) if each is not None)
            object.__setattr__(self, "whole", own)
        for judged in (self.validation, self.test):
            if judged is not None:
                judged.labels_to_judge()

    def check(self, net: nn.Module, *budgets: Budget) -> None:
        """Find what keeps a net from training on these sets, before the first net is trained.

        Raises:
            ArgumentError: as `training.loop.check_affordable`.
        """
        for budget in budgets:
            check_affordable(budget, net, self.train, self.validation)

    def teach(self, name: str, make_net: NetMaker, seen: TransferSet, budget: Budget, count: int = 1) -> list[Fitted]:
        """Return teachers, trained on labels or from the cache; they differ in start, order and dropout alone.

        Raises:
            ArgumentError: `count` teachers would share seeds with students, or are none.
        """
        if not 1 <= count < MEMBERS_PER_SEED - 1:
            raise ArgumentError(f"count must lie in 1..{MEMBERS_PER_SEED - 2}, got {count}")
        arm = Arm(name, make_net, seen, FromLabels(), budget)
        return shared(
            [
                lambda wait, number=number: self._fit(
                    arm, number, seeded(make_net, number), f"{name} {number + 1}", wait=wait
                )
                for number in range(count)
            ]
        )

    def soften(
        self, teacher: Teacher, transfer_set: TransferSet, num_views: int = 1, *, wait: bool = True
    ) -> SoftTargets:
        """Return a teacher's soft targets for a set, written or from the cache; read with an ensemble's mean.

        Raises:
            BusyError: another process writes them, and `wait` is False.
        """
        members, mean, weights = members_of(teacher)
        device = torch.device(device_here())
        binding = {
            "teachers": [teacher_fingerprint(member) for member in members],
            "data": [transfer_set.fingerprint, transfer_set.labels_fingerprint],
            "view": transfer_set.view.spec(),
            "views": num_views,
            "format": FORMAT,
            **({} if device.type == "cpu" else {"device": device.type}),
        }
        together = Ensemble(members) if len(members) > 1 else members[0]

        def write(folder: Path) -> SoftTargets:
            with near(members):
                seen = transfer_set.near(device)
                size, progress = asked_at_once(device), self.run.progress
                return write_soft_targets(
                    together, seen, folder, num_views=num_views, batch_size=size, progress=progress
                )

        targets = self.stored(binding, write, wait=wait)
        return targets.averaged(mean, weights) if len(members) > 1 else targets

    def stored(
        self, binding: Mapping[str, Any], write: Callable[[Path], SoftTargets], *, wait: bool = True
    ) -> SoftTargets:
        """Return the soft targets of the cache that are named by the hash of `binding`, written where there are none.

        Raises:
            BusyError: another process writes them, and `wait` is False.
            RunError: the run's folder holds a run on other data.
        """
        self.run.claim(*self.whole)
        folder = self.run.cache / "targets" / fingerprint(binding)[:HASH_LENGTH]
        try:
            return SoftTargets.open(folder)  # nothing to lock: a cache that can't be written is read
        except TargetsError:
            with locked(folder.with_suffix(".lock"), what=folder, wait=wait, say=self.run.progress.say):
                return write(folder)

    def compare(
        self,
        arms_of: Callable[[int], Sequence[Arm]],
        controlled: Collection[str] = (),
        random_teacher: NetMaker | None = None,
    ) -> dict[str, list[Trial]]:
        """Train every seed's arms and return what its nets say, by setting, one trial a seed.

        Args:
            arms_of: from a seed to what to train; the settings are the same for every seed.
            controlled: settings beside which the run's controls are trained, if it has any.
            random_teacher: makes the untrained teacher of that control.

        Raises:
            LimbeckError: as `fit` does; what was finished is kept.
        """
        jobs = []
        for seed in range(self.run.num_seeds):
            arms = list(arms_of(seed))
            arms += self._controls(arms, controlled, random_teacher)
            jobs += [(arm, seed) for arm in arms]
        settings = dict.fromkeys(arm.setting for arm, _ in jobs)
        if len(settings) * self.run.num_seeds != len(jobs):
            raise ArgumentError(f"settings must differ and be the same for every seed, got {', '.join(settings)}")
        with self.run.progress.task(f"{self.run.recipe}: nets", len(jobs), "nets") as task:
            trials = shared(
                [lambda wait, arm=arm, seed=seed: self._trial(arm, seed, wait=wait) for arm, seed in jobs], task
            )
        found = {(arm.setting, seed): trial for (arm, seed), trial in zip(jobs, trials, strict=True)}
        return {setting: [found[setting, seed] for seed in range(self.run.num_seeds)] for setting in settings}

    def _controls(self, arms: Sequence[Arm], controlled: Collection[str], random_teacher: NetMaker | None) -> list[Arm]:
        unknown = set(controlled) - {arm.setting for arm in arms}
        if unknown:
            raise ArgumentError(f"settings with controls must be arms, got {', '.join(sorted(unknown))}")
        found = []
        for arm in arms:
            for control in self.run.controls if arm.setting in controlled else ():
                if not isinstance(arm.objective, FromSoftTargets) or random_teacher is None:
                    raise ArgumentError(
                        f"controls need soft targets and a random_teacher, {arm.setting} has not got them"
                    )
                own, views = arm.transfer_set, arm.objective.soft_targets.num_views
                objective = control_objective(
                    control,
                    arm.objective,
                    own,
                    lambda own=own, views=views: self.soften(seeded(random_teacher, student_seed(0) - 1), own, views),
                )
                found.append(Arm(control_setting(arm.setting, control), arm.make_net, own, objective, arm.budget))
        return found

    def _trial(self, arm: Arm, seed: int, *, wait: bool) -> Trial:
        start, order = student_seed(seed), seed
        if arm.member is not None:
            start = order = teacher_seed(seed, arm.member)
        fitted = self._fit(arm, order, seeded(arm.make_net, start), f"seed {seed}: {arm.setting}", wait=wait)
        return self.trial(fitted, arm)

    def trial(self, fitted: Fitted, arm: Arm | None = None) -> Trial:
        """Return a trained net as one that can be asked about the study's sets, and about what its arm taught it."""
        taught = None
        if arm is not None and isinstance(arm.objective, FromSoftTargets):
            taught = arm.transfer_set, arm.objective.soft_targets
        return Trial(fitted, self.test, self.validation, taught)

    def _fit(self, arm: Arm, seed: int, net: nn.Module, name: str, *, wait: bool = True) -> Fitted:
        self.run.claim(*self.whole)
        fitted = fit(
            net,
            arm.transfer_set,
            objective=arm.objective,
            validation=self.validation if arm.followed else None,
            budget=arm.budget,
            seed=seed,
            cache=self.run.cache / "nets",
            wait=wait,
            name=name,
            progress=self.run.progress,
        )
        assert fitted.folder is not None  # it lies in the cache
        self.seconds[fitted.folder] = fitted.seconds
        return fitted

    @cached_property
    def labels(self) -> Int[Tensor, " examples"]:
        """The class of each test example."""
        return self.test.labels_to_judge()

    @cached_property
    def validation_labels(self) -> Int[Tensor, " others"]:
        """The class of each validation example; to be asked for only where some are held out."""
        assert self.validation is not None
        return self.validation.labels_to_judge()

    def measures(self, trials: Sequence[Trial], teacher_logits: TeacherLogits = None) -> list[Measures]:
        """Return each trial's figures on the test set; with what its teacher says there, their agreement."""
        return [
            measure(trial.test_logits, self.labels, logits, count_parameters(trial.net))
            for trial, logits in zip(trials, _by_seed(teacher_logits, len(trials)), strict=True)
        ]

    def validation_logits(self, teacher: Teacher) -> Tensor | None:
        """Return what a teacher says of the validation split, None where there is none."""
        if self.validation is None:
            return None
        with near(members_of(teacher)[0]):
            return predict(teacher, self.validation)

    def held_out(self, validation_logits: Tensor | None) -> HeldOut | None:
        """Return what a net says of the validation split with the labels there, None where there is no such split."""
        return None if validation_logits is None else (validation_logits, self.validation_labels)

    def rows(self, trials: Mapping[str, Sequence[Trial]], teacher_logits: TeacherLogits) -> list[dict[str, Any]]:
        """Return the rows of record of settings: their figures on the test set, and their training's seconds.

        What each net is judged by beside these is taken down for `conclude`.
        """
        found = []
        for setting, own in trials.items():
            self.judgements[setting] = [
                judgement_of(
                    trial.test_logits,
                    self.labels,
                    held_out=self.held_out(trial.validation_logits),
                    teacher_logits=logits,
                    training=trial.training,
                    start=trial.fitted.start,
                )
                for trial, logits in zip(own, _by_seed(teacher_logits, len(own)), strict=True)
            ]
            measures = self.measures(own, teacher_logits)
            found += setting_rows(setting, [[each] for each in measures], self.paper, accuracy=self.accuracy)
            found.append(row_of(setting, "seconds", [each.fitted.seconds for each in own], None))
        return found

    def latencies(self, trials: dict[str, Trial]) -> list[dict[str, Any]]:
        """Return the rows that tell how long one example takes each net, timed once a run."""
        nets = {name: trial.net for name, trial in trials.items()}
        path = self.run.folder / "times.json"
        times = kept_json(path, lambda: latency_ms(nets, self.test), lambda told: times_of(told, nets))
        return [row_of(name, LATENCY, [times[name]], None) for name in trials]

    def controls_told(self, trials: Mapping[str, Sequence[Trial]], setting: str) -> list[str]:
        """Return in words what a setting's controls came to."""
        told = []
        for control in self.run.controls:
            name = control_setting(setting, control)
            said = control_of(name.removeprefix(setting))
            assert said is not None
            told.append(self.compared(f"The {setting}", trials[setting], said, trials[name]))
        return told

    def compared(self, name: str, own: Sequence[Trial], other: str, its: Sequence[Trial]) -> str:
        """Return in words by how much two settings differ, as `evidence.compared` does."""
        one_seed = self._of_one_seed(its, own)
        return compared(name, self.errors(own), other, self.errors(its), self.test.num_rows, one_seed=one_seed)

    def changed(self, before: Sequence[Trial], after: Sequence[Trial]) -> str:
        """Return in words by how much test errors change from one setting to another, as `difference_told` does."""
        return difference_told(self.errors(before), self.errors(after), one_seed=self._of_one_seed(after, before))

    def _of_one_seed(self, first: Sequence[Trial], second: Sequence[Trial]) -> NetsDifference | None:
        """Return by how many errors two settings' nets differ, first - second; None where there are several seeds."""
        if len(first) != 1 or len(second) != 1:
            return None
        return nets_difference(first[0].test_logits, second[0].test_logits, self.labels)

    def errors(self, trials: Sequence[Trial]) -> list[float]:
        """Return each trial's test errors."""
        return [float(count_errors(trial.test_logits, self.labels)) for trial in trials]

    def validation_errors(self, trials: Sequence[Trial]) -> list[float]:
        """Return each trial's errors on the held-out images: what choices are made by.

        Raises:
            ArgumentError: nothing is held out.
        """
        said = [trial.validation_logits for trial in trials]
        if any(logits is None for logits in said):
            raise ArgumentError("choices are made by held-out examples, validation must be >= 1")
        return [float(count_errors(logits, self.validation_labels)) for logits in said if logits is not None]

    def conclude(
        self,
        rows: list[dict[str, Any]],
        findings: list[str],
        trials: Mapping[str, Sequence[Trial]],
        *,
        teacher: tuple[str, Tensor],
        asked: Teacher,
        twin: str | None,
        student: str,
        teacher_validation: Tensor | None = None,
        charts: Sequence[Chart] = (),
        note: str = "",
    ) -> Result:
        """Write the study's figures and page, and keep the student that did best on the validation split.

        With no such split the first seed's is kept.

        Args:
            rows: of record.
            findings: sentences.
            trials: all that were compared.
            teacher: who taught ('teacher' or 'ensemble') and what it says of the test set, for the page's pictures.
            asked: the same one itself, that the shipped student is measured beside.
            twin: the setting that is the pictures' twin, None for no twin.
            student: the setting that is the pictures' student, and is kept.
            teacher_validation: what who taught says of the validation split, where there is one.
            charts: of what was varied.
            note: said above the pictures.
        """
        shown = {"twin": twin, "student": student}
        judged = [Judged(*teacher, held_out=self.held_out(teacher_validation))]
        for part, setting in shown.items():
            if setting is not None:
                own = trials[setting][0]
                judged.append(Judged(part, own.test_logits, own.fitted.history, self.held_out(own.validation_logits)))
        save_judged(self.run.seed_folder(0), judged)
        named = [f"the {part} is “{setting}”" for part, setting in shown.items() if setting not in (None, part)]
        told = [f"In the pictures below {' and '.join(named)}."] if named else []
        held_out = [trial.validation_logits for trial in trials[student]]
        nlls = [0.0 if said is None else measure(said, self.validation_labels).nll for said in held_out]
        best = trials[student][nlls.index(min(nlls))]
        return conclude(
            self.run,
            self.test,
            [*rows, row_of(ALL_TRAININGS, "seconds", [sum(self.seconds.values())], None)],
            findings,
            student=best.weights,
            judgements={teacher[0]: [self._judgement_of_teacher(judged[0])], **self.judgements},
            cast={"teacher": teacher[0], **{part: setting for part, setting in shown.items() if setting is not None}},
            shipment=Shipment(best.net, asked, teacher[0], self.train),
            charts=charts,
            accuracy=self.accuracy,
            note=" ".join([*([note] if note else []), *told]),
        )

    def _judgement_of_teacher(self, teacher: Judged) -> Judgement:
        return judgement_of(teacher.logits, self.labels, held_out=teacher.held_out, teacher_logits=teacher.logits)

    def conclude_taught(
        self,
        findings: list[str],
        trials: Mapping[str, Sequence[Trial]],
        *,
        teacher: Trial,
        twin: str | None,
        student: str,
        more_rows: Sequence[dict[str, Any]] = (),
        charts: Sequence[Chart] = (),
    ) -> Result:
        """End a study of one teacher: rows for it and for each setting, then as `conclude`."""
        rows = self.rows({"teacher": [teacher], **trials}, teacher.test_logits)
        told = ("teacher", teacher.test_logits)
        return self.conclude(
            [*rows, *more_rows],
            findings,
            trials,
            teacher=told,
            asked=teacher.net,
            twin=twin,
            student=student,
            teacher_validation=teacher.validation_logits,
            charts=charts,
        )


def _by_seed(teacher_logits: TeacherLogits, seeds: int) -> list[Tensor | None]:
    """Return what its teacher says of the test set for each seed."""
    return list(teacher_logits) if isinstance(teacher_logits, list) else [teacher_logits] * seeds
