"""The one training loop: teachers, specialists, twins and students differ only in objective and batches.

A training is a pure function of its arguments. Killed at any step and started again with the same arguments and
the same folder, it ends with the same bits: the order of the data is a function of (seed, epoch), views are
functions of (seed, example, number), and a checkpoint holds the net, the optimizer and the random generators.
"""

import contextlib
import logging
import math
import operator
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from limbeck.budget import Budget, Precision, Schedule
from limbeck.data.transfer_set import TransferSet
from limbeck.divergence import BatchTargets
from limbeck.errors import ArgumentError, RunError, TrainingError
from limbeck.files import fingerprint, locked, read_sealed, write_sealed
from limbeck.objective import label_loss
from limbeck.progress import Progress
from limbeck.teachers import described, judging, laid_out, layout_for, own_code, predict, weights_fingerprint
from limbeck.teachers.judging import fails_to_view
from limbeck.teachers.seeding import generators_kept, seed_generators
from limbeck.teachers.unsaved import unsaved_put_back
from limbeck.tensor_files import load_tensors, save_tensors
from limbeck.training.ahead import ahead
from limbeck.training.checkpoint import restore_training, save_training
from limbeck.training.clock import Clock
from limbeck.training.curves import Curves
from limbeck.training.learning import check_learning, check_parameters
from limbeck.training.objectives import FromLabels, Objective
from limbeck.training.replay import Batch, Replayed, Step
from limbeck.training.statistics import batch_norms, measuring

BLOCK, BLOCK_BYTES = 16, 32 * 2**20  # batches, and bytes of inputs and soft targets, read at once
DIVERGED_HINT = "lower the learning rate, or look at the data and the teacher's logits of that batch"
HASH_LENGTH = 20  # of a training's folder in a cache
NUMERICS = 1  # to be raised with every change by which the same training ends with other numbers
MOMENTUM = 0.9  # of SGD
DROPS = (5 / 8, 6 / 8, 7 / 8)  # shares of all steps: epochs 150, 180 and 210 of 240
COMPILING = ("cuda",)  # devices on which steps are compiled where a budget asks for it
MEASURED = 10_000  # training examples over which batch normalisation's statistics are measured anew
CHECK_EVERY = 50  # steps between looks at the loss where reading it would stall the device

Row = dict[str, float]


@dataclass(frozen=True)
class Fitted:
    """A trained net, in evaluation mode on the CPU, and how it got there: one row of figures an epoch."""

    net: nn.Module
    history: list[Row]
    seconds: float
    folder: Path | None = None
    """Where it is kept."""
    start: str | None = None
    """Hash of the weights it was trained from."""


def fit(
    net: nn.Module,
    transfer_set: TransferSet,
    *,
    objective: Objective | None = None,
    validation: TransferSet | None = None,
    budget: Budget | None = None,
    seed: int = 0,
    folder: str | Path | None = None,
    cache: str | Path | None = None,
    wait: bool = True,
    name: str = "training",
    progress: Progress | None = None,
) -> Fitted:
    """Train a net in place and return it.

    Args:
        net: a module from inputs to logits (batch, classes). Its buffers that `state_dict` leaves out are given back as
            they came, for no file holds them.
        transfer_set: what it learns from, seen through the set's view.
        objective: what to minimise; cross-entropy with the labels where None.
        validation: labelled set for the curves and for early stopping; no gradient ever comes from it.
        budget: steps, rate and regularisation.
        seed: of the order of the data and of dropout. The net's start is the caller's.
        folder: where checkpoints, curves and the finished net go. Started again with the same arguments, a killed
            training goes on from there, a finished one is read. Nothing is kept where None.
        cache: instead of `folder`, a folder of trainings, each in one of its own that is named by the hash of all that
            its result depends on: a net is trained there once, whoever asks for it again, and is checked when read.
        wait: whether to wait for another process that trains this very net in the cache.
        name: what progress calls it.
        progress: where to tell how far it is; nowhere by default.

    Raises:
        TargetsError: the objective's soft targets are of another set or view.
        ArgumentError: early stopping without a validation set, or labels that are needed and not there.
        TrainingError: a loss that is not finite.
        RunError: the folder holds another training, or can't be written.
        BusyError: another process trains this net in the cache, and `wait` is False.
    """
    if folder is not None and cache is not None:
        raise ArgumentError(f"a training is kept in one place: give folder or cache, got {folder} and {cache}")
    budget, seed = budget or Budget(), operator.index(seed)
    objective = objective or FromLabels()
    objective.check(transfer_set)
    check_parameters(net)
    training = _Training(
        net=net,
        transfer_set=transfer_set,
        objective=objective,
        validation=validation,
        budget=budget,
        seed=seed,
        folder=None if folder is None else Path(folder),
        precision=precision_of(budget),
    )
    check_affordable(budget, net, transfer_set, validation)
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    progress = progress or Progress()
    with contextlib.ExitStack() as stack:
        if cache is not None:
            training.folder = Path(cache) / training.key()[:HASH_LENGTH]
            finished = training.finished()
            if finished is not None:  # nothing to lock: a cache that can't be written is read
                return finished
            stack.enter_context(locked(training.folder / ".lock", wait=wait, say=progress.say))
        stack.enter_context(generators_kept(devices))
        stack.enter_context(unsaved_put_back(net))
        stack.enter_context(torch.backends.cudnn.flags(enabled=True, deterministic=True))  # the same bits again
        return training.run(name, progress)


def check_affordable(budget: Budget, net: nn.Module, transfer_set: TransferSet, validation: TransferSet | None) -> None:
    """Find what keeps a net from training on these sets with this budget.

    Raises:
        ArgumentError: a batch of one for a net that normalises batches, or early stopping with nothing to go by.
    """
    size = budget.batch_size
    lonely = transfer_set.run_lengths is None and (size == 1 or transfer_set.num_drawn % size == 1)
    if lonely and batch_norms(net):
        raise ArgumentError(
            f"a net with batch normalisation can't train on a batch of one, the last of {transfer_set.num_drawn} "
            f"examples in batches of {size}",
            f"choose another batch_size{_other_size(transfer_set, size)}: --budget.batch-size of limbeck distill, "
            "--student.batch-size or --teacher.batch-size of recipes",
        )
    if validation is not None and validation.labels is not None:
        validation.labels_to_judge()
    if budget.early_stop is not None and (validation is None or validation.labels is None):
        raise ArgumentError("early_stop needs a labelled validation set, got none")


def _other_size(transfer_set: TransferSet, size: int) -> str:
    """Return in words the next batch size that leaves no example alone, if there is one."""
    found = next((other for other in (size + 1, size + 2) if transfer_set.num_drawn % other != 1), None)
    return "" if found is None else f", {found} say"


def device_here() -> str:
    """Return where this machine trains: cuda or cpu."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def precision_here() -> Precision:
    """Return bf16-mixed where this machine computes in bfloat16, 32-true elsewhere."""
    if torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "32-true"
    able = torch.cpu.get_capabilities()
    return "bf16-mixed" if able.get("avx512_bf16") or able.get("amx_bf16") or able.get("bf16") else "32-true"


def precision_of(budget: Budget) -> Precision:
    """Return the precision in which a training with this budget computes here: what `auto` stands for."""
    return precision_here() if budget.precision == "auto" else budget.precision


@dataclass
class _State:
    """How far a training is: what a checkpoint tells beside the tensors."""

    epoch: int = 0
    step: int = 0  # in the epoch
    loss_sum: float = 0.0  # over the epoch's examples so far
    best_nll: float = math.inf
    best_epoch: int = -1
    seconds: float = 0.0
    history: list[Row] = field(default_factory=list)


@dataclass(frozen=True)
class _Block:
    """Some batches, read but not yet seen through the view."""

    rows: Tensor
    sizes: list[int]
    inputs: Tensor | None  # None where they lie on the device
    targets: BatchTargets | None


def _slices(sizes: list[int]) -> Iterator[slice]:
    ends = list(accumulate(sizes))
    return (slice(end - size, end) for size, end in zip(sizes, ends, strict=True))


@dataclass
class _Training:
    net: nn.Module
    transfer_set: TransferSet
    objective: Objective
    validation: TransferSet | None
    budget: Budget
    seed: int
    folder: Path | None
    precision: Precision
    state: _State = field(default_factory=_State)
    best: dict[str, Tensor] | None = None

    def run(self, name: str, progress: Progress) -> Fitted:
        """Go from wherever the folder says to the end."""
        finished = self.finished()
        if finished is not None:
            return finished
        self._start()
        began = time.monotonic() - self.state.seconds
        done = self.state.epoch * self.steps + self.state.step
        with progress.task(name, self.budget.epochs * self.steps, "steps", done) as task:
            self._clock = Clock(began, task)
            try:
                while self.state.epoch < self.budget.epochs and not self._should_stop():
                    self._epoch()
                    task.advance(0, self._note())
            finally:
                if self._curves is not None:
                    self._curves.close()
        return self._finish()

    @property
    def steps(self) -> int:
        """Steps in an epoch."""
        return -(-self.transfer_set.num_drawn // self.budget.batch_size)

    def key(self) -> str:
        """Return the hash that names this training in a cache."""
        kind = type(self.net)
        made_by = {"kind": f"{kind.__module__}.{kind.__qualname__}", "numerics": NUMERICS, "torch": torch.__version__}
        return fingerprint(self.binding | made_by)

    def __post_init__(self) -> None:
        """Take down all that the result depends on, before the net is trained."""
        validation = self.validation
        self.binding: dict[str, Any] = {
            "net": described(self.net),
            "start": weights_fingerprint(self.net),
            "data": [self.transfer_set.fingerprint, self.transfer_set.labels_fingerprint],
            "view": self.transfer_set.view.spec(),
            "objective": self.objective.spec(),
            "validation": None
            if validation is None
            else [validation.fingerprint, validation.labels_fingerprint, validation.view.spec()],
            "budget": self.budget.spec(),
            "seed": self.seed,
            "precision": self.precision,
            "device": device_here(),
            **own_code(self.net),
        }
        self.infinite = _infinite(self.net)

    def finished(self) -> Fitted | None:
        """Return the net that its folder holds, checked; None where it holds none yet."""
        path = self._path("model.safetensors")
        if path is None or not path.exists():
            return None
        tensors, told = load_tensors(path)
        self._check_binding(path, told["binding"])
        self.net.cpu().load_state_dict(tensors)
        seconds = read_seconds(path.parent / "seconds.json")
        return Fitted(self.net.eval(), told["history"], seconds, self.folder, self.binding["start"])

    def _start(self) -> None:
        """Set up Fabric and the optimizer, from the checkpoint where there is one of this same training."""
        path = self._path("checkpoint.safetensors")
        kept = load_tensors(path) if path is not None and path.exists() else None
        if kept is not None and path is not None:
            self._check_binding(path, kept[1]["binding"])
        from lightning_fabric import Fabric

        logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # its import sets INFO
        assert self.precision != "auto"  # `fit` has chosen
        self._fabric = Fabric(accelerator=device_here(), devices=1, precision=self.precision)
        self._layout = self._laid_out()
        seed_generators(self.seed)
        recorded = self.budget.cuda_graph and self._fabric.device.type == "cuda"
        self._optimizer = _optimizer(self.net, self.budget, recorded=recorded)
        self._run_step: Step = Replayed(self._step, self._whole_batch()) if recorded else self._step
        compiled = self.budget.compiled and self._fabric.device.type in COMPILING
        self._asked = _compiled(self.net) if compiled else self.net
        self._data = self.transfer_set.near(self._fabric.device)
        if kept is not None:
            self.best = restore_training(*kept, self.net, self._optimizer) or None
            self.state = _State(**kept[1]["state"])
        self._curves = None if self.folder is None else Curves(self.folder, self.state.history)

    def _laid_out(self) -> torch.memory_format:
        """Lay the net out where it is trained, and return the layout: the plain one where its `view`s need that."""
        device, layout = self._fabric.device, layout_for(self.net)
        lay_out(self.net.to(device), layout)
        if layout == torch.contiguous_format:
            return layout
        rows = self.transfer_set.at(self.transfer_set.ids[:2]).to(device)
        state = {name: value.clone() for name, value in self.net.state_dict().items()}
        try:
            with judging(self.net), torch.no_grad():
                self.net(laid_out(rows, layout))
        except Exception as error:  # noqa: BLE001 - any other is the first step's to tell
            if fails_to_view(error):
                layout = torch.contiguous_format
        self.net.load_state_dict(state)  # as it was before it was asked
        lay_out(self.net, layout)
        return layout

    def _epoch(self) -> None:
        """Run what is left of one epoch and close it."""
        state, clock = self.state, self._clock
        self.net.train()
        pending: list[tuple[Tensor, int]] = []
        every = 1 if self._fabric.device.type == "cpu" else CHECK_EVERY
        for batch in self._batches(state.step):
            self._set_rate()
            pending.append((self._run_step(batch), len(batch.inputs)))
            state.step += 1
            due = clock.checkpoint_is_due()
            if len(pending) >= every or due or state.step == self.steps:
                self._account(pending)
            clock.advance()
            if due and state.step < self.steps:
                self._checkpoint()
        clock.tell()
        self._close_epoch()
        if clock.checkpoint_is_due():
            self._checkpoint()

    def _step(self, batch: Batch) -> Tensor:
        """Learn from one batch and return its loss."""
        with self._fabric.autocast():
            logits = self._asked(batch.inputs)
        each = self.objective.loss(check_learning(logits, len(batch.inputs)), batch.labels, batch.targets)
        loss = each.mean()
        self._fabric.backward(loss)
        self._optimizer.step()
        self._optimizer.zero_grad()
        if self.budget.max_norm is not None:
            constrain(self.net, self.budget.max_norm)
        return loss.detach()

    def _batches(self, done: int) -> Generator[Batch, None, None]:
        """Yield the epoch's batches after the first `done`; a thread reads ahead by a block of them."""
        size, epoch = self.budget.batch_size, self.state.epoch
        cycle = self.objective.num_views
        number = epoch if cycle is None else epoch % cycle
        order = self._data.drawn(self.seed, epoch, self.budget.shuffle_window)
        in_block = self._batches_in_block()
        blocks = (order[first * size : (first + in_block) * size] for first in range(done, self.steps, in_block))
        readings = (partial(self._read, block, number) for block in blocks)
        with contextlib.closing(ahead(readings)) as read:
            for block in read:
                for batch in self._seen(block, number):
                    yield replace(batch, inputs=laid_out(batch.inputs, self._layout))

    def _seen(self, block: "_Block", number: int) -> Iterator[Batch]:
        """Yield a block's batches, seen through the view, where the net is.

        On a GPU the block is seen and moved in one piece: many small launches and copies take longer than steps.
        """
        data, rows, targets, device = self._data, block.rows, block.targets, self._fabric.device
        labels = data.labels_of(rows)
        if device.type == "cpu":
            assert block.inputs is not None  # as `_read` leaves it
            for part in _slices(block.sizes):
                inputs = data.view(block.inputs[part], rows[part], number)
                yield Batch(
                    inputs, None if labels is None else labels[part], None if targets is None else targets[part]
                )
            return
        inputs = data.rows_at(rows, number) if block.inputs is None else data.view(block.inputs, rows, number)
        labels = None if labels is None else labels.to(device)
        targets = None if targets is None else targets.to(device)
        for part, own in zip(_slices(block.sizes), inputs.to(device).split(block.sizes), strict=True):
            yield Batch(own, None if labels is None else labels[part], None if targets is None else targets[part])

    def _whole_batch(self) -> int | None:
        """Return the rows of every batch but an epoch's last; None for runs of rows, whose batches all differ."""
        runs = self.transfer_set.run_lengths is not None
        return None if runs else min(self.budget.batch_size, self.transfer_set.num_drawn)

    def _batches_in_block(self) -> int:
        """Return how many batches are read at once: up to BLOCK, in so much memory."""
        data = self.transfer_set
        row_bytes = data.inputs[:1].numel() * data.inputs.element_size() + self.objective.row_bytes
        batch_bytes = max(1, row_bytes * self.budget.batch_size * data.num_rows // len(data))
        return max(1, min(BLOCK, BLOCK_BYTES // batch_bytes))

    def _read(self, ids: Tensor, number: int) -> "_Block":
        data = self._data
        rows = data.rows_of(ids)
        lengths = torch.ones_like(ids) if data.run_lengths is None else data.run_lengths[ids]
        sizes = [int(part.sum()) for part in lengths.split(self.budget.batch_size)]
        inputs = data.inputs_at(rows) if data.inputs.device.type == "cpu" else None
        return _Block(rows, sizes, inputs, self.objective.targets(ids, number))

    def _set_rate(self) -> None:
        done = self.state.epoch * self.steps + self.state.step
        share = (done + 0.5) / (self.budget.epochs * self.steps)  # the middle of the step: never 0
        self._rate = self.budget.learning_rate * rate_share(share, self.budget.warmup, self.budget.schedule)
        for group in self._optimizer.param_groups:
            if isinstance(group["lr"], Tensor):  # which a recorded step reads
                group["lr"].fill_(self._rate)
            else:
                group["lr"] = self._rate

    def _account(self, pending: list[tuple[Tensor, int]]) -> None:
        """Add the losses of the last steps to the epoch's, and stop at the first that is not finite."""
        losses = torch.stack([value for value, _ in pending]).tolist()  # one wait for the device
        for back, loss, (_, count) in zip(range(len(pending), 0, -1), losses, pending, strict=True):
            if not math.isfinite(loss):
                raise TrainingError(
                    f"the loss must be finite, got {loss} in epoch {self.state.epoch + 1}, "
                    f"step {self.state.step - back + 1}",
                    DIVERGED_HINT,
                )
            self.state.loss_sum += loss * count
        pending.clear()

    def _close_epoch(self) -> None:
        state = self.state
        row = {
            "epoch": state.epoch + 1,
            "loss": state.loss_sum / self.transfer_set.num_rows_drawn,
            "learning_rate": self._rate,
        }
        if self.validation is not None and self.validation.labels is not None:
            logits = predict(self.net, self.validation)
            labels = self.validation.labels_to_judge()
            row["validation_nll"] = label_loss(logits, labels).mean().item()
            row["validation_errors"] = int((logits.argmax(-1) != labels).sum())
            if self.budget.early_stop is not None and row["validation_nll"] < state.best_nll:
                state.best_nll, state.best_epoch = row["validation_nll"], state.epoch
                self.best = {key: value.detach().cpu().clone() for key, value in self.net.state_dict().items()}
        state.history.append(row)
        if self._curves is not None:
            self._curves.tell(row)
        state.epoch, state.step, state.loss_sum = state.epoch + 1, 0, 0.0

    def _should_stop(self) -> bool:
        patience = self.budget.early_stop
        return patience is not None and self.state.epoch - 1 - self.state.best_epoch >= patience

    def _checkpoint(self) -> None:
        self._clock.kept = time.monotonic()
        path = self._path("checkpoint.safetensors")
        if path is not None:
            self.state.seconds = self._clock.seconds()
            told = {"binding": self.binding, "state": asdict(self.state)}
            save_training(path, self.net, self._optimizer, told, self.best)

    def _finish(self) -> Fitted:
        if self.best is not None:
            self.net.load_state_dict(self.best)
        if self.budget.precise_batchnorm and batch_norms(self.net):
            self._measure_statistics()
        lay_out(self.net.cpu(), torch.contiguous_format).eval()
        if not _infinite(self.net) <= self.infinite:
            raise TrainingError("the weights must be finite, the last step made some that are not", DIVERGED_HINT)
        fitted = Fitted(self.net, self.state.history, self._clock.seconds(), self.folder, self.binding["start"])
        if self.folder is not None:
            write_sealed(self.folder / "seconds.json", fitted.seconds)  # apart, so that equal nets are equal files
            told = {"binding": self.binding, "history": fitted.history}
            save_tensors(self.folder / "model.safetensors", self.net.state_dict(), told)
            (self.folder / "checkpoint.safetensors").unlink(missing_ok=True)
        return fitted

    @torch.no_grad()
    def _measure_statistics(self) -> None:
        """Give the finished net the statistics of what it is asked with: the weights as they are now, no dropout.

        A last batch that is smaller is left out where there are others: the mean over batches weighs each alike.
        """
        size = self.budget.batch_size
        whole = max(1, self.transfer_set.num_drawn // size)
        with measuring(self.net), contextlib.closing(self._batches(0)) as batches:
            for batch in islice(batches, min(whole, -(-MEASURED // size))):
                with self._fabric.autocast():
                    self.net(batch.inputs)

    def _path(self, name: str) -> Path | None:
        return None if self.folder is None else self.folder / name

    def _check_binding(self, path: Path, there: dict[str, Any]) -> None:
        for key, value in self.binding.items():
            if fingerprint({"": there.get(key)}) != fingerprint({"": value}):
                raise RunError(
                    f"{path} belongs to another training: its {key} is not the one asked for",
                    "choose another folder, or delete this one to train anew",
                )

    def _note(self) -> str:
        row = self.state.history[-1]
        errors = f", {row['validation_errors']:.0f} validation errors" if "validation_errors" in row else ""
        return f"epoch {row['epoch']:.0f}: loss {row['loss']:.4f}{errors}"


def _infinite(net: nn.Module) -> set[tuple[str, str]]:
    """Return which of a net's tensors hold infinite numbers, which NaN: masks hold -inf, others have blown up."""
    kinds = {"inf": torch.isinf, "nan": torch.isnan}
    every = [(name, kind, tensor) for name, tensor in net.state_dict().items() for kind in kinds]
    return {(name, kind) for name, kind, tensor in every if kinds[kind](tensor).any()}


def _compiled(net: nn.Module) -> Callable[[Tensor], Tensor]:
    """Return a net whose forward and backward are compiled, whatever was compiled before it."""
    torch.compiler.reset()  # else what was compiled before decides what is compiled now, and so the last bits
    return torch.compile(net, dynamic=False)


def _optimizer(net: nn.Module, budget: Budget, *, recorded: bool) -> torch.optim.Optimizer:
    """Return what a budget asks for; its rate is set before each step, on the device where steps are recorded."""
    rate: Any = torch.zeros((), device="cuda") if recorded else 0.0
    own = net.parameters()
    if budget.optimizer == "sgd":
        return torch.optim.SGD(own, rate, MOMENTUM, weight_decay=budget.weight_decay, fused=True)
    return torch.optim.AdamW(own, rate, weight_decay=budget.weight_decay, fused=True, capturable=recorded)


def rate_share(share: float, warmup: float, schedule: Schedule = "cosine") -> float:
    """Return the learning rate's share (0..1) of its peak after a share (0..1) of the steps: a rise, then a fall."""
    if share < warmup:
        return share / warmup
    if schedule == "constant":
        return 1.0
    if schedule == "steps":
        return 0.1 ** sum(share >= drop for drop in DROPS)
    return 0.5 * (1 + math.cos(math.pi * (share - warmup) / (1 - warmup))) if warmup < 1 else 1.0


def read_seconds(path: Path) -> float:
    """Return what a finished training took.

    Raises:
        RunError: the file is missing or damaged.
    """
    seconds = read_sealed(path)
    if not isinstance(seconds, float) or not 0 <= seconds < math.inf:
        raise RunError(f"{path} must hold the seconds of a training, got {seconds!r}", f"delete {path.parent}")
    return seconds


def lay_out(net: Any, memory_format: torch.memory_format) -> nn.Module:
    """Lay a net's weights out in memory, in place, and return it: torch's own types don't know that `to` can."""
    return net.to(memory_format=memory_format)


@torch.no_grad()
def constrain(net: nn.Module, max_norm: float) -> None:
    """Scale the weights that come into a unit down to `max_norm` where their norm is larger (s. 3)."""
    for parameter in net.parameters():
        if parameter.requires_grad and parameter.ndim > 1:
            parameter.copy_(parameter.renorm(2, 0, max_norm))
