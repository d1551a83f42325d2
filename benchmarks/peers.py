"""What other libraries do at a step of distillation, each in the way its documentation shows.

`make .venv-peers/.done` makes the environment they live in: benchmarks/peers.txt beside the torch of constraints.txt.
A peer is timed with the soft-target term T²·KL. Where its default is another one, it is told what its documentation
offers to mend that; what it does untold is measured as well:

    timm              is right as it comes
    torchdistill      drops T² where labels are missing or weigh nothing; to see its term alone they weigh 1e-30
    keras             takes the KL of raw logits unless its loss is an instance, KLDivergence(), instead of a name
    nvidia-modelopt   divides by the number of classes unless reduction="none", which leaves the mean to the caller
    RepDistiller      is right, and on no registry: its formula, in our words
"""

import functools
import importlib
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, kl_div

PEERS_PYTHON = ".venv-peers/bin/python"
TEMPERATURE, HARD_WEIGHT, LEARNING_RATE = 4.0, 0.1, 1e-3
PACKAGES = ("timm", "torchdistill", "keras", "nvidia-modelopt", "torchvision")
LABEL_WEIGHT = 1e-30  # torchdistill keeps T² where labels weigh more than 0; beside 1 this is lost in float32

SoftLoss = Callable[[Tensor, Tensor], Tensor]
"""From student and teacher logits to the batch's soft-target term."""
Step = Callable[[Tensor, Tensor], object]
"""One training step on images and labels."""
MakeStep = Callable[[nn.Module, nn.Module], Step]
"""From student and teacher to a step that trains the one by the other; both nets are the step's own from then on."""


@dataclass(frozen=True)
class Peer:
    """One library: its soft-target term in words and ways, and its training step with the last of them."""

    name: str
    terms: dict[str, SoftLoss]
    make_step: MakeStep | None

    @property
    def soft_loss(self) -> SoftLoss:
        """The way that gives T²·KL."""
        return list(self.terms.values())[-1]


def peers() -> list[Peer]:
    """Return all peers; importing them takes seconds."""
    return [
        Peer("timm", {"default loss": timm_loss()}, timm_step),
        Peer(
            "torchdistill",
            {"loss without labels": torchdistill_loss(0.0), "loss with labels": torchdistill_loss(LABEL_WEIGHT)},
            torchdistill_step,
        ),
        Peer(
            "keras",
            {"default loss": keras_loss(), "loss with KLDivergence()": keras_loss(by_instance=True)},
            keras_step,
        ),
        Peer(
            "nvidia-modelopt",
            {"default loss": modelopt_loss(), 'loss with reduction="none"': modelopt_loss(reduction="none")},
            modelopt_step,
        ),
        Peer("RepDistiller", {"loss": repdistiller_loss}, None),
    ]


def versions() -> dict[str, str]:
    """Return the peers' versions."""
    return {name: metadata.version(name) for name in PACKAGES}


def repdistiller_loss(student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """Return T² times the KL divergence, its sum divided by the batch."""
    log_q = (student_logits / TEMPERATURE).log_softmax(1)
    p = (teacher_logits / TEMPERATURE).softmax(1)
    return kl_div(log_q, p, reduction="sum") * TEMPERATURE**2 / len(student_logits)


class Given(nn.Module):
    """A net whose logits are given, whatever its input."""

    logits: Tensor

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the logits."""
        return self.logits


def timm_loss() -> SoftLoss:
    """Return timm's term: it stands in a task's forward alone, so both nets are replaced by given logits."""
    student, teacher = Given(), Given()
    task = _timm_task(student, teacher, _nothing, 0.0)

    def soft_loss(student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
        student.logits, teacher.logits = student_logits, teacher_logits
        return task(teacher_logits, None)["kd_loss"]

    return soft_loss


def _nothing(*_: object) -> float:
    """Stand for a term that is not wanted."""
    return 0.0


def timm_step(student: nn.Module, teacher: nn.Module) -> Step:
    """Return the step of timm's train.py: a task's loss, backward, the optimizer's step."""
    task = _timm_task(student, teacher, nn.CrossEntropyLoss(), HARD_WEIGHT).train()
    return plain_step(student, lambda images, labels: task(images, labels)["loss"])


def _timm_task(student: nn.Module, teacher: nn.Module, criterion: Callable[..., Any], hard_weight: float) -> nn.Module:
    """Return timm's task; it asks a student for the normalisation of its pixels, which is the teacher's own."""
    tasks = _imported("timm.task.distillation")
    student.pretrained_cfg = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}  # pyright: ignore[reportArgumentType]
    return tasks.LogitDistillationTask(
        student_model=student,
        teacher_model=tasks.DistillationTeacher(teacher),
        criterion=criterion,
        task_loss_weight=hard_weight,
        temperature=TEMPERATURE,
    )


def torchdistill_loss(label_weight: float) -> SoftLoss:
    """Return torchdistill's term, with so much weight on the labels' (class 0 throughout)."""
    loss = _imported("torchdistill.losses.mid_level").KDLoss(
        **_TORCHDISTILL_IO, temperature=TEMPERATURE, alpha=label_weight
    )

    def soft_loss(student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
        labels = torch.zeros(len(student_logits), dtype=torch.long)
        return loss({".": {"output": student_logits}}, {".": {"output": teacher_logits}}, labels)

    return soft_loss


def torchdistill_step(student: nn.Module, teacher: nn.Module) -> Step:
    """Return the step of torchdistill's examples: a box's forward and what it does after it."""
    distillation = _imported("torchdistill.core.distillation")
    forward = {"forward_proc": "forward_batch_only"}
    loss = {**_TORCHDISTILL_IO, "temperature": TEMPERATURE, "alpha": HARD_WEIGHT}
    terms = {"kd": {"criterion": {"key": "KDLoss", "kwargs": loss}, "weight": 1.0}}
    config = {
        "num_epochs": 1,
        "teacher": {**forward, "requires_grad": False},
        "student": {**forward, "requires_grad": True},
        "optimizer": {"key": "AdamW", "kwargs": {"lr": LEARNING_RATE, "weight_decay": 0.0, "fused": True}},
        "criterion": {"key": "WeightedSumLoss", "kwargs": {"sub_terms": terms}},
    }
    box = distillation.get_distillation_box(
        teacher_model=teacher.eval(),
        student_model=student,
        dataset_dict={},
        train_config=config,
        device=torch.device("cpu"),
        device_ids=None,
        distributed=False,
        lr_factor=1,
    )
    box.pre_epoch_process(epoch=0)

    def step(images: Tensor, labels: Tensor) -> None:
        box.post_forward_process(loss=box.forward_process(images, labels, {}))

    return step


_TORCHDISTILL_IO = {
    f"{net}_module_{part}": value for net in ("student", "teacher") for part, value in (("path", "."), ("io", "output"))
}


def keras_loss(*, by_instance: bool = False) -> SoftLoss:
    """Return keras's term, its loss by default or as an instance."""
    loss = _keras_distillation_loss(by_instance=by_instance)
    return lambda student_logits, teacher_logits: loss.compute_loss(teacher_logits, student_logits)


def keras_step(student: nn.Module, teacher: nn.Module) -> Step:
    """Return keras's step on a batch, with its own AdamW: it takes no other."""
    keras = _keras()
    distiller = keras.distillation.Distiller(
        teacher=_keras_model(teacher.eval()),
        student=_keras_model(student),
        distillation_losses=_keras_distillation_loss(by_instance=True),
        student_loss_weight=HARD_WEIGHT,
    )
    distiller.compile(
        optimizer=keras.optimizers.AdamW(LEARNING_RATE, weight_decay=0.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return distiller.train_on_batch


def _keras_distillation_loss(*, by_instance: bool) -> Any:
    keras = _keras()
    told = {"loss": keras.losses.KLDivergence()} if by_instance else {}
    return keras.distillation.LogitsDistillation(temperature=TEMPERATURE, **told)


def _keras_model(net: nn.Module) -> Any:
    """Return a net as keras wants it: its own wrapper as the one layer of a model."""
    keras = _keras()
    return keras.Sequential([keras.layers.TorchModuleWrapper(net)])


def _keras() -> Any:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    return importlib.import_module("keras")


def modelopt_loss(**told: str) -> SoftLoss:
    """Return ModelOpt's term, told its reduction or not; what it leaves is averaged."""
    loss = _modelopt_criterion(**told)
    return lambda student_logits, teacher_logits: loss(student_logits, teacher_logits).mean()


def modelopt_step(student: nn.Module, teacher: nn.Module) -> Step:
    """Return ModelOpt's step: a student that runs its teacher too and makes the loss of what both have said."""
    distill = _imported("modelopt.torch.distill")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r".*weights do not sum to 1")  # the labels' term has the rest
        balancer = distill.StaticLossBalancer(kd_loss_weight=1 - HARD_WEIGHT)
    config = {"teacher_model": teacher, "criterion": _modelopt_criterion(reduction="none"), "loss_balancer": balancer}
    model = distill.convert(student, mode=[("kd_loss", config)])
    model.train()  # which returns nothing here

    def loss(images: Tensor, labels: Tensor) -> Tensor:
        hard = cross_entropy(model(images), labels)
        return model.compute_kd_loss(student_loss=hard, loss_reduction_fn=torch.mean)

    return plain_step(model, loss)


def _modelopt_criterion(**told: str) -> Any:
    return _imported("modelopt.torch.distill").LogitsDistillationLoss(temperature=TEMPERATURE, **told)


def plain_step(student: nn.Module, loss: Callable[[Tensor, Tensor], Tensor]) -> Step:
    """Return the step of a loop written out, with the optimizer of `limbeck.fit`."""
    parameters = [parameter for parameter in student.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, weight_decay=0.0, fused=True)

    def step(images: Tensor, labels: Tensor) -> None:
        optimizer.zero_grad()
        loss(images, labels).backward()
        optimizer.step()

    return step


def _imported(name: str) -> Any:
    """Return a peer's module, once torchvision can be imported, which timm and torchdistill need."""
    _declare_operators()
    return importlib.import_module(name)


@functools.cache
def _declare_operators() -> torch.library.Library | None:
    """Declare what torchvision's C++ part would: its wheel's is built for CUDA, and without it the import fails.

    Returns what keeps the declarations alive, None where that part can be loaded.
    """
    spec = find_spec("torchvision")
    assert spec is not None, "make .venv-peers/.done installs torchvision"
    try:
        for path in Path(spec.origin or "").parent.glob("_C*"):
            torch.ops.load_library(path)
    except OSError:
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}() -> ()")
        return library
    return None
