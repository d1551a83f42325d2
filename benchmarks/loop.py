"""The one loop beside a bare PyTorch loop, a student's epoch beside one on labels, and what views cost.

    python benchmarks/loop.py        writes results/bench-loop.json

The bare loop does nothing but train: same net, batches and precision, run in turn. Ours also takes the order from a
counter-based generator, checks each loss, logs curves, keeps a checkpoint and saves the net; it must cost at most 1.05
times as much. A student's epoch reads stored soft targets; it must cost at most 1.05 times the same epoch on labels,
and at most 1.10 times as much where each of 8 views is cropped and flipped anew.
"""

import math
import tempfile
from collections.abc import Callable
from dataclasses import replace

import torch
from timing import interleaved, ratio_row, record, seconds
from torch import nn
from torch.nn.functional import cross_entropy

from limbeck import Budget, TransferSet, fit, write_soft_targets
from limbeck.data import CropFlip, Jitter, View
from limbeck.models import MLP, VGG
from limbeck.recipes.cifar10_labml import SMALL
from limbeck.teachers import from_function
from limbeck.training import FromSoftTargets

EXAMPLES, PAIRS = 51_200, 9
BUDGET = Budget(epochs=1, batch_size=128)


def net() -> MLP:
    """Return the paper's small net."""
    torch.manual_seed(0)
    return MLP([784, 800, 800, 10], scale=255)


def data() -> TransferSet:
    """Return noise in the form of MNIST: what is measured is time."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (EXAMPLES, 1, 28, 28), dtype=torch.uint8, generator=generator)
    return TransferSet(pixels, torch.randint(10, (EXAMPLES,), generator=generator))


def bare(examples: TransferSet, budget: Budget) -> None:
    """Train in the fewest lines that do it."""
    assert examples.labels is not None
    model = net()
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.0, fused=True)
    steps = budget.epochs * math.ceil(len(examples) / budget.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(budget.epochs):
        for ids in torch.randperm(len(examples)).split(budget.batch_size):
            with torch.autocast("cpu", torch.bfloat16, enabled=budget.precision == "bf16-mixed"):
                logits = model(examples.inputs[ids])
            loss = cross_entropy(logits.float(), examples.labels[ids])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()


def ours(examples: TransferSet, budget: Budget) -> None:
    """Train with everything a run needs."""
    with tempfile.TemporaryDirectory() as folder:
        fit(net(), examples, budget=budget, folder=folder)


def colour() -> TransferSet:
    """Return noise in the form of CIFAR-10, one short epoch of it."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (2_048, 3, 32, 32), dtype=torch.uint8, generator=generator)
    return TransferSet(pixels, torch.randint(10, (2_048,), generator=generator))


def epochs(name: str, make: Callable[[], nn.Module], examples: TransferSet, view: View) -> list[dict[str, object]]:
    """Measure a student's epoch from its store, plain and with 8 views, beside the same epoch on labels."""
    examples.fingerprint  # noqa: B018 - taken once for all
    teacher = from_function(lambda inputs: inputs.flatten(1)[:, :10].float(), "ten pixels, 1")
    budget, rows = replace(BUDGET, batch_size=64 if len(examples) < EXAMPLES else 128), []
    with tempfile.TemporaryDirectory() as folder:
        plain = write_soft_targets(teacher, examples, f"{folder}/plain")
        seen = examples.seen_through(view)
        many = write_soft_targets(teacher, seen, f"{folder}/views", num_views=8)
        for told, data, targets in (("from the store", examples, plain), ("8 views", seen, many)):
            objective = FromSoftTargets(targets, 4.0, 0.0)
            times = interleaved(
                lambda d=data, o=objective: fit(make(), d, objective=o, budget=budget),
                lambda: fit(make(), examples, budget=budget),
                PAIRS,
            )
            rows.append(ratio_row(f"student, epoch {told} / epoch on labels, {name}", times))
    return rows


def main() -> None:
    """Measure and record."""
    examples, rows = data(), []
    rows += epochs("800-unit MLP, jitter", net, examples, Jitter(2))
    rows += epochs("labml's small net, crop + flip", lambda: VGG(SMALL, 10), colour(), CropFlip())
    for precision in ("bf16-mixed", "32-true"):
        budget = replace(BUDGET, precision=precision)
        times = interleaved(lambda b=budget: ours(examples, b), lambda b=budget: bare(examples, b), PAIRS)
        rows.append(ratio_row(f"twin, our epoch / bare epoch, {precision}", times))
    steps = EXAMPLES // BUDGET.batch_size
    order = torch.randperm(EXAMPLES).split(BUDGET.batch_size)
    jittered = examples.seen_through(Jitter(2))

    def views() -> None:
        for ids in order:
            jittered.at(ids, 1)

    step = min(seconds(lambda: bare(examples, replace(BUDGET, epochs=1, precision="bf16-mixed"))) for _ in range(3))
    costs = [(seconds(views) / steps, step / steps) for _ in range(PAIRS)]
    rows.append(ratio_row("twin, jitter of a batch / bare step, bf16-mixed", costs))
    record("loop", {"examples": EXAMPLES, "batch_size": BUDGET.batch_size, "epochs": BUDGET.epochs}, rows)


if __name__ == "__main__":
    main()
