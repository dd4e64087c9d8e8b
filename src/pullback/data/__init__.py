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
from pullback.data.catalogue import ImageSet as ImageSet
from pullback.data.catalogue import digits as digits
from pullback.data.catalogue import mnist as mnist
from pullback.data.dataset import Dataset as Dataset
from pullback.data.dataset import Subset as Subset
from pullback.data.dataset import TensorDataset as TensorDataset
from pullback.data.idx import read_idx as read_idx
from pullback.data.idx import write_idx as write_idx
from pullback.data.loader import DataLoader as DataLoader
from pullback.data.splits import random_split as random_split

__getattr__, __dir__ = namespace(__name__)
