"""Data: data sets of arrays, batches in a seeded order, and two sets of handwritten digits.

>>> import pullback as pb
>>> digits = pb.data.digits()
>>> loader = pb.data.DataLoader(digits.train, batch_size=32, shuffle=True, drop_last=True, rng=0)
>>> for images, labels in loader:
...     pass  # one training step
>>> images.shape, labels.shape
((32, 8, 8), (32,))
"""

from pullback.core.habits import namespace
from pullback.data import augment as augment
from pullback.data.augment import Augmented as Augmented
from pullback.data.augment import MixUp as MixUp
from pullback.data.catalogue import ImageSet as ImageSet
from pullback.data.catalogue import TextSet as TextSet
from pullback.data.catalogue import cifar10 as cifar10
from pullback.data.catalogue import digits as digits
from pullback.data.catalogue import fashion_mnist as fashion_mnist
from pullback.data.catalogue import mnist as mnist
from pullback.data.catalogue import tiny_shakespeare as tiny_shakespeare
from pullback.data.collate import collate as collate
from pullback.data.collate import padded as padded
from pullback.data.dataset import Dataset as Dataset
from pullback.data.dataset import Subset as Subset
from pullback.data.dataset import TensorDataset as TensorDataset
from pullback.data.folder import ImageFolder as ImageFolder
from pullback.data.idx import read_idx as read_idx
from pullback.data.idx import write_idx as write_idx
from pullback.data.loader import DataLoader as DataLoader
from pullback.data.mapped import create_array as create_array
from pullback.data.mapped import open_array as open_array
from pullback.data.samplers import BucketSampler as BucketSampler
from pullback.data.samplers import RandomSampler as RandomSampler
from pullback.data.samplers import RankSampler as RankSampler
from pullback.data.samplers import Sampler as Sampler
from pullback.data.samplers import StratifiedSampler as StratifiedSampler
from pullback.data.samplers import WeightedSampler as WeightedSampler
from pullback.data.splits import random_split as random_split
from pullback.data.windows import Characters as Characters
from pullback.data.windows import TokenWindows as TokenWindows

__getattr__, __dir__ = namespace(__name__, "augment")
