"""A generalist and its specialists as one model: all are asked, those that count are combined (s. 5.4)."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from limbeck.errors import ArgumentError
from limbeck.specialists.calibration import AS_IT_IS, Calibration
from limbeck.specialists.choose import active_specialists
from limbeck.specialists.combine import combine
from limbeck.specialists.dustbin import folded_logits

LEAST_PROB = 1e-30  # of a class in what a team says, so that its logit is finite


@dataclass(frozen=True)
class Member:
    """What is known of a specialist beside its weights."""

    special_classes: tuple[int, ...]
    calibration: Calibration = AS_IT_IS
    full_softmax: bool = False
    """Whether it gives a logit for each class, which are folded into its outcomes (s. 6.1)."""

    def answers(self, logits: Float[Tensor, "batch _"]) -> Float[Tensor, "batch outcomes"]:
        """Return its probabilities: of its classes and, last, of its dustbin."""
        own = folded_logits(logits.double(), self.special_classes) if self.full_softmax else logits.double()
        return self.calibration(own).softmax(1)


@dataclass(frozen=True)
class Terms:
    """On which terms a generalist and its specialists are combined."""

    members: tuple[Member, ...]
    n: int = 1
    """Specialists that have one of the generalist's n most probable classes count."""
    generalist: Calibration = AS_IT_IS

    @property
    def special_classes(self) -> list[tuple[int, ...]]:
        """The special sets."""
        return [member.special_classes for member in self.members]

    def probs(
        self, generalist_logits: Float[Tensor, "batch classes"], specialist_logits: Sequence[Float[Tensor, "batch _"]]
    ) -> tuple[Tensor, list[Tensor], Tensor]:
        """Return what equation 5 takes: (p_g, each p_m, which count for which row).

        Raises:
            ArgumentError: not as many specialists as there are members, or a full softmax of other classes.
        """
        if len(specialist_logits) != len(self.members):
            raise ArgumentError(
                f"each member must have said something, got {len(specialist_logits)} of {len(self.members)}"
            )
        for number, (member, logits) in enumerate(zip(self.members, specialist_logits, strict=True)):
            if member.full_softmax and logits.shape != generalist_logits.shape:
                raise ArgumentError(
                    f"specialist {number} has a full softmax: its logits must have the generalist's shape "
                    f"{tuple(generalist_logits.shape)}, got {tuple(logits.shape)}"
                )
        p_g = self.generalist(generalist_logits.double()).softmax(1)
        answers = [own.answers(logits) for own, logits in zip(self.members, specialist_logits, strict=True)]
        return p_g, answers, active_specialists(generalist_logits, self.special_classes, self.n)

    def together(
        self, generalist_logits: Float[Tensor, "batch classes"], specialist_logits: Sequence[Float[Tensor, "batch _"]]
    ) -> Float[Tensor, "batch classes"]:
        """Return the logits of all together: the log of equation 5's solution, float32."""
        p_g, answers, active = self.probs(generalist_logits, specialist_logits)
        return combine(p_g, answers, self.special_classes, active).clamp_min(LEAST_PROB).log().float()


class Team(nn.Module):
    """Nets and their terms as one teacher, whose logits are the log of equation 5's solution."""

    def __init__(self, generalist: nn.Module, specialists: Sequence[nn.Module], terms: Terms) -> None:
        """Join nets; what they say is combined on the CPU in float64.

        Raises:
            ArgumentError: not as many specialists as there are members in the terms.
        """
        super().__init__()
        if len(specialists) != len(terms.members):
            raise ArgumentError(
                f"terms must be of as many specialists, got {len(terms.members)} for {len(specialists)}"
            )
        self.generalist, self.specialists, self.terms = generalist, nn.ModuleList(specialists), terms

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits (batch, classes)."""
        said = [net(inputs) for net in self.specialists]
        return self.terms.together(self.generalist(inputs), said)
