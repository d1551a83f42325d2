"""A teacher and a student to begin with: `limbeck distill` runs with them as they are.

    limbeck distill --teacher beginning:teacher --student beginning:student --data digits

Put your own in their places, and name your data: table.csv, a folder of tables or images, owner/name of the hub.
"""

from sklearn.base import ClassifierMixin
from sklearn.ensemble import ExtraTreesClassifier
from torch import nn

from limbeck.data import load_digits
from limbeck.models import MLP


def teacher() -> ClassifierMixin:
    """Return a teacher that has learned, the same each time: an estimator that is fitted, or a net.

    A net is made and loaded here, `net.load_state_dict(safetensors.torch.load_file("net.safetensors"))`; or name its
    class, `--teacher beginning:Net --teacher-weights net.safetensors`. It gives logits (batch, classes) for rows as the
    data hold them; `--scale 255`, `--mean` and `--std` give it what it wants of pixels.
    """
    train, _ = load_digits()
    labels = train.labels_to_judge()
    return ExtraTreesClassifier(50, random_state=0).fit(train.at(train.ids).flatten(1).numpy(), labels.numpy())


def student() -> nn.Module:
    """Return an untrained net, a new one each time; leave --student out, and one is proposed."""
    return MLP([64, 32, 10], scale=16)
