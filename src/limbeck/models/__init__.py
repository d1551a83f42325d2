"""The nets of the paper and of the recipes."""

from limbeck.models.dropout import Dropout
from limbeck.models.mlp import MLP
from limbeck.models.resnet import ResNet, WideResNet
from limbeck.models.vgg import LABML_LARGE, LABML_SMALL, VGG

__all__ = ["LABML_LARGE", "LABML_SMALL", "MLP", "VGG", "Dropout", "ResNet", "WideResNet"]
