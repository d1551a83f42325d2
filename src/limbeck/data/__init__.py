"""Data sets: their one form, where they come from, and the views through which they are seen.

The one form
    transfer_set    inputs, perhaps labels, ids, a view; runs_of_rows: examples of several rows
    utterances      runs of frames, who speaks and what
    splits          training, validation and test set, and how one is cut off another
    origins         the file or the row of one that each row is from; shared_rows: rows that two sets share
Where data sets come from, by name or path: sources
    images          MNIST and CIFAR, from idx, binary or Parquet files or the hub
    letters         UCI's letters; sentences: CLINC150
    an4, fsdd       speech: utterances, frames of which are from audio by filterbanks
    arrays          a folder of numpy's files
    image_folders   a folder of images, by folders which tell of its files; decoding: from encoded image to pixels
    tables          Parquet and Arrow files; csv_files: CSV; hub: of the Hugging Face hub
From tables to inputs and labels: columns says which are which
    arrow           of what kind a column is, and which row is wrong
    cells           inputs: images, lists, numbers
    label_texts     what labels mean over all files; labels: from there to classes
Views, which can be replayed
    views           of images, and what a view is; table_views: of rows of numbers; splice: of frames
    philox          the random numbers of all of them; drawing: what an epoch draws, in which order
"""

from limbeck.data.an4 import An4, load_an4
from limbeck.data.arrays import load_arrays
from limbeck.data.columns import Columns
from limbeck.data.fsdd import connected, isolated, load_fsdd, read_recordings
from limbeck.data.images import load_cifar10, load_cifar100, load_mnist
from limbeck.data.letters import load_letters
from limbeck.data.perturbed import Perturbed, in_another_voice
from limbeck.data.sentences import load_clinc150
from limbeck.data.sources import load_data, load_digits, load_splits
from limbeck.data.splice import Splice
from limbeck.data.splits import Splits
from limbeck.data.table_views import Mingle, Noise, WordDropout, neighbours
from limbeck.data.transfer_set import TransferSet
from limbeck.data.utterances import Utterances
from limbeck.data.views import CropFlip, Elastic, Jitter, Plain, View

__all__ = [
    "An4",
    "Columns",
    "CropFlip",
    "Elastic",
    "Jitter",
    "Mingle",
    "Noise",
    "Perturbed",
    "Plain",
    "Splice",
    "Splits",
    "TransferSet",
    "Utterances",
    "View",
    "WordDropout",
    "connected",
    "in_another_voice",
    "isolated",
    "load_an4",
    "load_arrays",
    "load_cifar10",
    "load_cifar100",
    "load_clinc150",
    "load_data",
    "load_digits",
    "load_fsdd",
    "load_letters",
    "load_mnist",
    "load_splits",
    "neighbours",
    "read_recordings",
]
