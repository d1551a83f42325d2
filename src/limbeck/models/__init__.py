"""The nets of the paper and of the recipes."""

from limbeck.models.dropout import Dropout
from limbeck.models.frame_net import FrameNet
from limbeck.models.logits import Logits
from limbeck.models.mlp import MLP
from limbeck.models.normalised import Normalised
from limbeck.models.resnet import ResNet, WideResNet
from limbeck.models.vgg import VGG
from limbeck.models.whitening import Whitening

__all__ = ["MLP", "VGG", "Dropout", "FrameNet", "Logits", "Normalised", "ResNet", "Whitening", "WideResNet"]
