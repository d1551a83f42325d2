"""What makes words of audio files, as a run leaves it beside its student's ONNX file: transcriber.safetensors.

Tensors are the states' priors and probabilities of staying, mean and deviation of the features; the rest is JSON: front
end, lexicon, trees of the tied states, models of language as text, scales, beam, and the checksum of the ONNX file.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64

from limbeck.acoustic import Lexicon, Scales, TiedStates, lexicon_graph, state_graph
from limbeck.acoustic.graphs import Graph
from limbeck.acoustic.needed import needed
from limbeck.acoustic.states import tree_from, tree_told
from limbeck.errors import ArgumentError, RunError
from limbeck.files import DAMAGED_HINT, file_sha256
from limbeck.hybrid.front import Front
from limbeck.hybrid.ground import Ground
from limbeck.tensor_files import load_tensors, save_tensors

KEPT, NET = "transcriber.safetensors", "student.onnx"
FORMAT = 1


@dataclass(frozen=True, eq=False)
class Transcriber:
    """All that a net's logits need to become words."""

    front: Front
    lexicon: Lexicon
    states: TiedStates
    staying: Float64[np.ndarray, " states"]
    priors: Float64[np.ndarray, " states"]
    languages: Mapping[str, Graph]
    """Models of language by name; the last is taken where none is asked for."""
    scales: Mapping[str, Scales]
    """Of each."""
    beam: float

    def graph_of(self, language: str) -> Graph:
        """Return the way from states to words of a model of language."""
        penalty = self.scales[language].insertion_penalty
        return state_graph(self.languages[language], lexicon_graph(self.lexicon), self.states, self.staying, penalty)

    def chosen(self, language: str | None) -> str:
        """Return the name of a model of language, the last where none is asked for.

        Raises:
            ArgumentError: there is none of this name.
        """
        if language is not None and language not in self.languages:
            raise ArgumentError(f"language must be one of {', '.join(self.languages)}, got {language!r}")
        return language or [*self.languages][-1]


def transcriber_of(ground: Ground, front: Front, scales: Mapping[str, Scales]) -> Transcriber:
    """Return what makes words of what a ground's nets say of files."""
    start = ground.start
    return Transcriber(
        front, ground.lexicon, start.states, start.staying, start.priors, ground.languages, scales, ground.plan.beam
    )


def save_transcriber(folder: Path, own: Transcriber) -> None:
    """Write what makes words of a run's student, if the run has shipped its ONNX file; else take away an older one."""
    net = folder / NET
    if not net.is_file():
        (folder / KEPT).unlink(missing_ok=True)
        return
    arrays = {
        "mean": own.front.mean,
        "deviation": own.front.deviation,
        "staying": own.staying,
        "priors": own.priors,
    }
    told = {
        "format": FORMAT,
        "front": {name: getattr(own.front, name) for name in ("rate", "num_filters", "slopes", "before", "after")},
        "lexicon": own.lexicon.pronunciations,
        "trees": [tree_told(tree) for tree in own.states.trees],
        "languages": {name: graph.to_str() for name, graph in own.languages.items()},
        "scales": {name: asdict(scales) for name, scales in own.scales.items()},
        "beam": own.beam,
        "net": file_sha256(net),
    }
    save_tensors(folder / KEPT, {name: torch.from_numpy(each) for name, each in arrays.items()}, told)


def load_transcriber(folder: Path) -> Transcriber:
    """Return what a run's folder holds, once its student's ONNX file is the one that it was written with.

    Raises:
        RunError: the run has none, it is damaged, or the ONNX file is missing or another one.
    """
    if not (folder / KEPT).is_file():
        raise RunError(
            f"{folder} has no {KEPT}", "runs that hear audio files leave one where they ship: limbeck run fsdd"
        )
    tensors, told = load_tensors(folder / KEPT)
    try:
        if told["format"] != FORMAT:
            raise RunError(f"{folder / KEPT} must have format {FORMAT}, it has {told['format']}", DAMAGED_HINT)
        own = _read({name: tensor.numpy() for name, tensor in tensors.items()}, told)
        net = told["net"]
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{folder / KEPT} is damaged: {type(error).__name__}: {error}", DAMAGED_HINT) from error
    if not (folder / NET).is_file() or file_sha256(folder / NET) != net:
        raise RunError(f"{folder / NET} is missing, or not the file that the run shipped", "run the same command again")
    return own


def _read(arrays: Mapping[str, np.ndarray], told: Mapping[str, Any]) -> Transcriber:
    compiled = needed("kaldifst").compile
    return Transcriber(
        Front(**told["front"], mean=arrays["mean"], deviation=arrays["deviation"]),
        Lexicon(tuple((word, tuple(phones)) for word, phones in told["lexicon"])),
        TiedStates(tuple(tree_from(tree) for tree in told["trees"])),
        arrays["staying"],
        arrays["priors"],
        {name: compiled(text, acceptor=False) for name, text in told["languages"].items()},
        {name: Scales(**scales) for name, scales in told["scales"].items()},
        told["beam"],
    )
