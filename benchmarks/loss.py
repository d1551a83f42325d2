"""The soft-target loss, value and gradient: ours beside autograd, torch.compile, the peers and the least there can be.

    .venv-peers/bin/python benchmarks/loss.py        writes results/bench-loss.json

All are timed on one thread, in turn, in float32 at T = 4; the least is the two softmaxes that value and gradient are
made of. Who does not give T²·KL at a size is not timed there. Before that, on 64 examples of 10 classes, each peer's
term is set beside T²·KL in float64: as it comes, and as it is when told what benchmarks/peers.py says.
"""

import functools
import shutil
import warnings
from collections.abc import Callable
from typing import Any

import torch
from peers import PEERS_PYTHON, TEMPERATURE, Peer, SoftLoss, peers, versions
from timing import in_turn, ratio_row, record, value_row
from torch import Tensor

from limbeck import distillation_loss

SIZES = {10: 128, 100: 128, 1_000: 128, 15_000: 32, 128_000: 8}  # classes: batch
ROUNDS = 50
NUMBERS_A_ROUND = 2_000_000  # of logits that go through a contender in a round, so that a round takes a few ms
TOLERANCE = 1e-3  # of T²·KL, relative: a formula that is another one is off by more


def logits(batch: int, classes: int) -> tuple[Tensor, Tensor]:
    """Return a student's and a teacher's logits, of a spread that trained nets have."""
    generator = torch.Generator().manual_seed(0)
    student, teacher = (4 * torch.randn(batch, classes, generator=generator) for _ in range(2))
    return student, teacher


def exact(student_logits: Tensor, teacher_logits: Tensor) -> float:
    """Return T²·KL in float64, the mean over the batch (Hinton et al. 2015, s. 2)."""
    log_q, log_p = ((z.double() / TEMPERATURE).log_softmax(1) for z in (student_logits, teacher_logits))
    return TEMPERATURE**2 * float((log_p.exp() * (log_p - log_q)).sum(1).mean())


def ours(student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """Return the library's loss."""
    return distillation_loss(student_logits, teacher_logits, temperature=TEMPERATURE).mean()


def eager(student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """Return the formula, left to autograd."""
    log_q, log_p = ((z / TEMPERATURE).log_softmax(1) for z in (student_logits, teacher_logits))
    return TEMPERATURE**2 * (log_p.exp() * (log_p - log_q)).sum(1).mean()


def two_softmaxes(student_logits: Tensor, teacher_logits: Tensor) -> None:
    """Compute what neither value nor gradient can do without."""
    student_logits.softmax(1)
    teacher_logits.softmax(1)


def value_and_gradient(loss: SoftLoss, student_logits: Tensor, teacher_logits: Tensor) -> float:
    """Go forward and backward; return the value."""
    student_logits.grad = None
    value = loss(student_logits, teacher_logits)
    value.backward()
    return value.item()


def losses(others: list[Peer]) -> dict[str, SoftLoss]:
    """Return all that make a value and a gradient, by name."""
    found: dict[str, SoftLoss] = {"ours": ours, "eager": eager}
    if shutil.which("g++"):
        found["torch.compile"] = torch.compile(eager, dynamic=False)
    else:
        print("torch.compile: left out, there is no g++")
    return found | {peer.name: peer.soft_loss for peer in others}


def term_rows(others: list[Peer]) -> list[dict[str, Any]]:
    """Return each one's term relative to T²·KL, in each of its ways."""
    pair = logits(64, 10)
    truth = exact(*pair)
    terms = {"our default loss": lambda z, v: distillation_loss(z, v).mean()}
    terms |= {f"{peer.name}'s {way}": term for peer in others for way, term in peer.terms.items()}
    return [ratio_row(f"student, {name} / T²·KL", [(float(term(*pair)), truth)]) for name, term in terms.items()]


def timed_rows(contenders: dict[str, SoftLoss], classes: int, batch: int) -> list[dict[str, Any]]:
    """Return the seconds of all at one size, and how ours stand to the others'."""
    student, teacher = logits(batch, classes)
    student.requires_grad_()
    truth = exact(student.detach(), teacher)
    calls = min(50, max(1, NUMBERS_A_ROUND // (batch * classes)))

    def repeated(work: Callable[[], object]) -> None:
        for _ in range(calls):
            work()

    works: dict[str, Callable[[], object]] = {"two softmaxes": lambda: two_softmaxes(student.detach(), teacher)}
    for name, loss in contenders.items():
        value = value_and_gradient(loss, student, teacher)
        if abs(value / truth - 1) > TOLERANCE:
            print(f"{name}: left out at C = {classes}, its value is {value:.6g} where T²·KL is {truth:.6g}")
            continue
        works[name] = functools.partial(value_and_gradient, loss, student, teacher)
    times = in_turn({name: functools.partial(repeated, work) for name, work in works.items()}, ROUNDS)
    each = {name: [total / calls for total in totals] for name, totals in times.items()}
    told = f"C = {classes}"
    rows = [value_row(f"student, loss of {name}, {told}", "seconds", values) for name, values in each.items()]
    pairs = {name: list(zip(each["ours"], values, strict=True)) for name, values in each.items() if name != "ours"}
    return rows + [ratio_row(f"student, ours / {name}, {told}", pair) for name, pair in pairs.items()]


def main() -> None:
    """Measure and record."""
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message="reduction: 'mean' divides")  # ModelOpt's default, which is measured
    others = peers()
    rows = term_rows(others)
    contenders = losses(others)
    for classes, batch in SIZES.items():
        rows += timed_rows(contenders, classes, batch)
    config = {"batch_of_classes": SIZES, "temperature": TEMPERATURE, "rounds": ROUNDS, "threads": 1}
    record("loss", config | {"peers": versions()}, rows, PEERS_PYTHON)


if __name__ == "__main__":
    main()
