"""The test examples whose soft targets tell most: chosen, drawn, and ready to be softened on the page."""

import base64
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from limbeck.data.transfer_set import TransferSet
from limbeck.report.judged import Evidence, Judged

MOST_EXAMPLES = 8
MOST_BARS = 10  # classes that have a bar of their own
LONGEST_SIDE = 96  # pixels of a picture; a larger image is averaged down
DIFFER = "twin and student differ"
EXACT_DIGITS, REST_DIGITS = 4, 2  # decimals of a logit that has a bar, and of one that has none


@dataclass(frozen=True)
class Choice:
    """What one model takes an example for."""

    model: str
    name: str
    wrong: bool


@dataclass(frozen=True)
class Example:
    """One test example, and what the models make of it."""

    id: int
    why: str
    picture: str | None
    """A PNG as a data URI, None where the input is no image."""
    label: str | None
    choices: list[Choice]
    """Those of teacher, twin and student."""
    bars: list[str]
    """Names of the classes that have a bar."""
    label_bar: int | None
    """Which of the bars is the label's."""
    num_others: int
    """Classes that share the last bar."""
    logits: list[dict[str, Any]]
    """For each model with bars: `shown`, null for -inf, and `rest`, the other logits' values and counts."""


def telling(evidence: Evidence) -> list[Example]:
    """Return the examples of `choose` with all that the page shows of them."""
    rows = choose(evidence)
    ids = evidence.test_set.ids[[row for row, _ in rows]]
    pictures = pictures_of(evidence.test_set, ids)
    return [
        _example(evidence, row, why, int(example), picture)
        for (row, why), example, picture in zip(rows, ids, pictures, strict=True)
    ]


def with_bars(evidence: Evidence) -> list[Judged]:
    """Return the models whose distributions are drawn: teacher and student, where they are there."""
    pair = [model for model in (evidence.teacher, evidence.student) if model is not None]
    return pair or evidence.cast


def choose(evidence: Evidence, count: int = MOST_EXAMPLES) -> list[tuple[int, str]]:
    """Return rows of the test set, and why each was chosen; always the same for the same evidence.

    Up to half are examples that twin and student take for different classes, the rest those whose distribution at
    temperature 1 has the highest entropy under the teacher. Both go from its greatest doubt downwards.
    """
    reference = with_bars(evidence)[0]
    order = entropy(reference.logits).argsort(descending=True, stable=True).tolist()
    twin, student = evidence.twin, evidence.student
    differing: list[int] = []
    if twin is not None and student is not None:
        differing = [row for row in order if twin.chosen[row] != student.chosen[row]][: count // 2]
    doubtful = [row for row in order if row not in differing][: count - len(differing)]
    doubt = f"{evidence.the(reference)} is in doubt"
    return [(row, DIFFER) for row in differing] + [(row, doubt) for row in doubtful]


def entropy(logits: Float[Tensor, "examples classes"]) -> Float[Tensor, " examples"]:
    """Return each distribution's entropy in nats; 0 for a row that is none.

    >>> entropy(torch.zeros(1, 4))
    tensor([1.3863])
    """
    return torch.special.entr(logits.softmax(-1)).sum(-1).nan_to_num(0)


def pictures_of(test_set: TransferSet, ids: Int[Tensor, " chosen"]) -> list[str | None]:
    """Return the examples as PNG data URIs, as the models saw them; None where they are no uint8 images.

    The source's largest value is white, for there are sets whose pixels end at 16.
    """
    images = test_set.at(ids)
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3):
        return [None] * len(ids)
    white = max(1, int(test_set.inputs.max()))
    scaled = images.float().cpu() * (255 / white)
    shrink = max(images.shape[2:]) / LONGEST_SIDE
    if shrink > 1:
        size = tuple(max(1, round(side / shrink)) for side in images.shape[2:])
        scaled = torch.nn.functional.interpolate(scaled, size=size, mode="area")
    pixels = scaled.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
    return ["data:image/png;base64," + base64.b64encode(png(image)).decode() for image in pixels]


def png(pixels: UInt8[Tensor, "height width channels"]) -> bytes:
    """Return a PNG file of 8-bit grey (1 channel) or RGB (3 channels) pixels (ISO/IEC 15948)."""
    height, width, channels = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 0 if channels == 1 else 2, 0, 0, 0)
    unfiltered = torch.cat([pixels.new_zeros(height, 1), pixels.reshape(height, -1)], dim=1)
    body = zlib.compress(unfiltered.numpy().tobytes(), 9)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _example(evidence: Evidence, row: int, why: str, example: int, picture: str | None) -> Example:
    names, labels, models = evidence.class_names, evidence.labels, with_bars(evidence)
    shown = classes_with_bars(models[0].logits[row])
    label = None if labels is None else int(labels[row])
    return Example(
        id=example,
        why=why,
        picture=picture,
        label=None if label is None else names[label],
        choices=[_choice(model.name, names, int(model.chosen[row]), label) for model in evidence.cast],
        bars=[names[index] for index in shown],
        label_bar=shown.index(label) if label in shown else None,
        num_others=len(names) - len(shown),
        logits=[logits_for_page(model.logits[row], shown) for model in models],
    )


def _choice(model: str, names: Sequence[str], chosen: int, label: int | None) -> Choice:
    return Choice(model, names[chosen], wrong=label not in (None, chosen))


def classes_with_bars(logits: Float[Tensor, " classes"]) -> list[int]:
    """Return all classes in their order, or the MOST_BARS most probable ones, at every temperature the same."""
    if len(logits) <= MOST_BARS:
        return list(range(len(logits)))
    return logits.nan_to_num(-torch.inf).argsort(descending=True, stable=True)[:MOST_BARS].tolist()


def logits_for_page(logits: Float[Tensor, " classes"], shown: Sequence[int]) -> dict[str, Any]:
    """Return the logits of the classes with bars, and the others as rounded values with their counts.

    A row then has a bounded size, however many classes there are. A class of probability 0 is null among the first
    and left out of the others.

    >>> logits_for_page(torch.tensor([2.0, -torch.inf, 1.001, 0.999]), [0, 1])
    {'shown': [2.0, None], 'rest': {'values': [1.0], 'counts': [2]}}
    """
    wide = logits.double().nan_to_num(nan=-torch.inf, posinf=torch.finfo(torch.float32).max, neginf=-torch.inf)
    others = torch.ones(len(wide), dtype=torch.bool)
    others[list(shown)] = False
    rest = wide[others & wide.isfinite()].mul(10**REST_DIGITS).round()
    values, counts = rest.unique(return_counts=True)
    return {
        "shown": [round(z, EXACT_DIGITS) if z > -torch.inf else None for z in wide[list(shown)].tolist()],
        "rest": {
            "values": [round(z / 10**REST_DIGITS, REST_DIGITS) for z in values.tolist()],
            "counts": counts.tolist(),
        },
    }
