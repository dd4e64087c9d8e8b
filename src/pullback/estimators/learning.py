"""Learning from arrays in epochs: what all estimators share, in scikit-learn's words."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from copy import copy
from importlib.util import find_spec
from typing import Any, Final, Self, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from pullback.compiler import compile
from pullback.core.errors import OptionError
from pullback.core.modes import no_grad
from pullback.core.numbers import checked_count, checked_number
from pullback.estimators.networks import optimizer_of, perceptron, widths_of
from pullback.estimators.stopping import Patience
from pullback.estimators.threads import threads
from pullback.estimators.weights import mean
from pullback.nn import Module
from pullback.nn.losses import Loss
from pullback.optim import LBFGS
from pullback.tensors import Tensor

Array: TypeAlias = npt.NDArray[Any]

# A step is compiled where as many are to come: below, compiling takes longer than they do.
PAYS: Final = 200
ROWS: Final = 4_096  # that are shuffled, and predicted, at once, which bounds the memory


class Learning(BaseEstimator, ABC):  # type: ignore[misc]  # scikit-learn has no types
    """A network that learns from arrays; a subclass says what its targets and its loss are.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int
        The widths of the hidden layers.
    activation : str or class
        What stands between them: a layer of `pb.nn`, or its name in any case.
    network : callable, optional
        Makes a network of one's own in place of the layers: `network(inputs, outputs, rng)` gives a module.
    loss : callable, optional
        In place of the usual one: `loss(outputs, targets)` gives one loss a sample, or their mean. Of the classes of
        `pb.nn`, an instance. With weights of samples it has to be one a sample, which those classes give.
    optimizer : str or callable
        A class of `pb.optim`, its name, or a function of the parameters that makes one.
    learning_rate_init : float, optional
        The optimizer's `lr`; None for its own.
    alpha : float
        The weight of the penalty α·‖W‖²/2 for each batch, divided by its samples, or by
        their weights; biases are free.
    batch_size : int or "auto"
        Samples a step; "auto" is 200, or all if there are fewer.
    max_iter : int
        Epochs at most.
    shuffle : bool
        Draw a new order for each epoch.
    tol, n_iter_no_change : float, int
        Stop when the loss has not become better by `tol` for so many epochs.
    early_stopping, validation_fraction : bool, float
        Hold back this part of the data, stop when the score on it does not become better, and keep the best weights.
    warm_start : bool
        Go on from what is learned when `fit` is called again.
    compile : bool
        Run the steps as native code where that pays and llvmlite is installed.
    n_jobs : int, optional
        Threads: -1 for one a core; None for what the process has.
    random_state : int, RandomState or None
        Where weights, orders and the held-back part are drawn from.
    verbose : bool
        Print the loss of each epoch.

    Attributes
    ----------
    module_, optimizer_ : Module, Optimizer
        What learns, and by which rule.
    loss_, best_loss_, loss_curve_ : float, float, list of float
        The loss of the last epoch, the least, and all.
    validation_scores_, best_validation_score_ : list of float, float
        The scores on the part that was held back, or None.
    n_iter_, t_, n_features_in_, n_outputs_ : int
        Epochs, samples met, features and outputs.
    """

    def __init__(
        self, hidden_layer_sizes: Any = (100,), activation: Any = "relu", *, network: Any = None, loss: Any = None,
        optimizer: Any = "adam", learning_rate_init: float | None = 1e-3, alpha: float = 1e-4, batch_size: Any = "auto",
        max_iter: int = 200, shuffle: bool = True, tol: float = 1e-4, n_iter_no_change: int = 10,
        early_stopping: bool = False, validation_fraction: float = 0.1, warm_start: bool = False, compile: bool = True,
        n_jobs: int | None = None, random_state: Any = None, verbose: bool = False,
    ) -> None:  # fmt: skip
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.network = network
        self.loss = loss
        self.optimizer = optimizer
        self.learning_rate_init = learning_rate_init
        self.alpha = alpha
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.warm_start = warm_start
        self.compile = compile
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    # What a subclass says.

    @abstractmethod
    def _losses(self) -> Callable[..., Any]:
        """The usual loss, one a sample."""

    @abstractmethod
    def _outputs(self, targets: Array) -> int:
        """How many outputs the network has."""

    @abstractmethod
    def _score(self, inputs: Array, targets: Array, weights: Array) -> float:
        """How good the predictions are: more is better."""

    def _strata(self, targets: Array) -> Array | None:
        """What is held back in equal parts."""
        return None

    def _built(self, rng: np.random.Generator, inputs: int, outputs: int, dtype: Any) -> Module:
        """The network."""
        if self.network is None:
            return perceptron(inputs, widths_of(self.hidden_layer_sizes), outputs, self.activation, rng, dtype)
        return self._own_network(inputs, outputs, rng, dtype)

    def _own_network(self, inputs: int, outputs: int, rng: np.random.Generator, dtype: Any) -> Module:
        module = self.network(inputs, outputs, rng)
        if not isinstance(module, Module):
            raise OptionError("network: this makes no module", got=type(module).__name__, fix="pb.nn.Sequential(…)")
        return module.astype(dtype)

    # Learning.

    module_: Any
    loss_: float
    best_loss_: float
    best_validation_score_: float | None
    _step: tuple[tuple[Any, ...], Callable[..., Any]]

    def _learn(self, inputs: Array, targets: Array, weights: Array | None, *, epochs: int, afresh: bool) -> Self:
        self._check()
        random = check_random_state(self.random_state)
        if afresh:
            self._begin(inputs, targets, random)
        order = self._generator_
        weighted = np.ones(len(inputs), inputs.dtype) if weights is None else weights
        held = None
        if self.early_stopping and epochs > 1:
            split = train_test_split(
                inputs, targets, weighted, test_size=self.validation_fraction, stratify=self._strata(targets),
                random_state=random,
            )  # fmt: skip
            inputs, held_inputs, targets, held_targets, weighted, held_weights = split
            held = (held_inputs, held_targets, held_weights)
        size = self._size(len(inputs))
        # What is ours is the same of rows that weigh nothing: the last batch is filled up, and one program does all.
        ours = self.network is None and (self.loss is None or isinstance(self.loss, Loss))
        lacking = -len(inputs) % size if ours else 0
        has_weights = weights is not None or lacking > 0
        step = self._step_of(has_weights, len(inputs), size, epochs)
        patience = Patience(self.tol, self.n_iter_no_change)
        best: dict[str, Array] | None = None
        # What leaves the numbers is told below, as an error.
        with threads(self.n_jobs), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for _ in range(epochs):
                self.loss_ = self._epoch(step, (inputs, targets, weighted), size, order, has_weights, lacking)
                self.n_iter_ += 1
                self.t_ += len(inputs)
                self.loss_curve_.append(self.loss_)
                self.best_loss_ = min(self.loss_, self.best_loss_)
                told = f"Iteration {self.n_iter_}, loss = {self.loss_:.8f}"
                if not np.isfinite(self.loss_):
                    raise FloatingPointError(
                        f"{type(self).__name__}: the loss is {self.loss_} in epoch {self.n_iter_}\n"
                        "  fix  a smaller learning_rate_init, or scaled features (StandardScaler)"
                    )
                value = -self.loss_
                if held is not None:
                    value = self._score(*held)
                    self.validation_scores_.append(value)
                    told += f", validation score = {value:.6f}"
                better = patience.better(value)
                if held is not None and better:
                    self.best_validation_score_ = value
                    best = self.module_.state_dict()
                if self.verbose:
                    print(told)  # noqa: T201 - scikit-learn's estimators print where they are verbose
                if patience.over:
                    break
            else:
                if epochs == self.max_iter and epochs > 1:
                    warnings.warn(
                        f"{type(self).__name__}: max_iter={epochs} epochs are over, and the loss still falls\n"
                        "  fix  a greater max_iter, or a greater learning_rate_init",
                        ConvergenceWarning, stacklevel=3,
                    )  # fmt: skip
        if best is not None:
            self.module_.load_state_dict(best)
        return self

    def _begin(self, inputs: Array, targets: Array, random: Any) -> None:
        self._generator_ = np.random.default_rng(random.randint(2**31, size=4))
        self.n_outputs_ = self._outputs(targets)
        self.module_ = self._built(self._generator_, inputs.shape[1], self.n_outputs_, inputs.dtype)
        self.optimizer_ = optimizer_of(self.optimizer, self.module_, self.learning_rate_init)
        self.n_iter_ = self.t_ = 0
        self.loss_curve_: list[float] = []
        self.loss_ = np.inf
        self.best_loss_ = np.inf
        self.validation_scores_: Any = [] if self.early_stopping else None
        self.best_validation_score_ = None

    def _epoch(
        self, step: Callable[..., Any], data: tuple[Array, ...], size: int, order: np.random.Generator, weighted: bool,
        lacking: int,
    ) -> float:  # fmt: skip
        count = len(data[0])
        rows = order.permutation(count) if self.shuffle and size < count else np.arange(count)
        rows = np.concatenate((rows, rows[:lacking]))
        self.module_.train()
        total = share = 0.0
        for first in range(0, count, many := size * max(1, ROWS // size)):
            part = rows[first : first + many]
            inputs, targets, weights = data if size == count else [each.take(part, 0) for each in data]
            weights[count - first :] = 0.0  # of the rows that fill up
            for at in range(0, len(part), size):
                batch = weights[at : at + size]
                weight = float(batch.sum()) if weighted else float(len(batch))
                if weight == 0.0:
                    continue  # nobody in this batch counts
                loss = step(Tensor(inputs[at : at + size]), Tensor(targets[at : at + size]), Tensor(batch))
                total += loss.item() * weight
                share += weight
        return total / share if share else 0.0

    def _step_of(self, weighted: bool, samples: int, size: int, epochs: int) -> Callable[..., Any]:
        """The step: a function of inputs, targets and weights that changes the network and gives the loss."""
        steps = epochs * -(-samples // size) + self.t_ // size
        native = self.compile and steps >= PAYS and find_spec("llvmlite") is not None
        key = (self.module_, self.optimizer_, self.alpha, self.loss, weighted, native)
        known = hasattr(self, "_step") and all(old is new for old, new in zip(self._step[0], key, strict=True))
        if not known:
            self._step = key, self._new_step(weighted, compile if native else lambda function: function)
        return self._step[1]

    def _new_step(self, weighted: bool, made: Callable[..., Any]) -> Callable[..., Any]:
        module, optimizer, alpha = self.module_, self.optimizer_, self.alpha
        losses = self._chosen_loss()
        matrices = [parameter for parameter in module.parameters() if parameter.ndim > 1] if alpha else []

        def objective(inputs: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
            optimizer.zero_grad()
            samples = weights.sum() if weighted else len(inputs)
            loss = mean(losses(module(inputs), targets), weights, weighted)
            for matrix in matrices:
                loss = loss + (matrix * matrix).sum() * (0.5 * alpha) / samples
            loss.backward()
            return loss

        def whole(*batch: Tensor) -> Tensor:
            loss = objective(*batch)
            optimizer.step()
            return loss

        if not isinstance(optimizer, LBFGS):
            return made(whole)
        closure = made(objective)
        return lambda *batch: optimizer.step(lambda: closure(*batch))

    def _chosen_loss(self) -> Callable[..., Any]:
        if self.loss is None:
            return self._losses()
        if isinstance(self.loss, Loss):
            loss = copy(self.loss)  # with the weights of classes that it holds
            loss.reduction = "none"
            return loss
        return self.loss

    def _forward(self, inputs: Array, module: Module | None = None) -> Array:
        """The outputs of the network, or of a part of it, for checked inputs."""
        network = self.module_.eval() if module is None else module.eval()
        with threads(self.n_jobs), no_grad():
            parts = [network(Tensor(inputs[at : at + ROWS])).numpy() for at in range(0, len(inputs), ROWS)]
        return np.concatenate(parts)

    def _checked(self, inputs: Any) -> Array:
        """Inputs to predict from."""
        check_is_fitted(self, "module_")
        return validate_data(self, inputs, dtype=(np.float64, np.float32), reset=False)

    def _check(self) -> None:
        name = type(self).__name__
        checked_count(name, "max_iter", self.max_iter, least=1)
        checked_count(name, "n_iter_no_change", self.n_iter_no_change, least=1)
        checked_number(name, "alpha", self.alpha, 0.0)
        checked_number(name, "tol", self.tol)
        for setting, fix in (("network", "a function of (inputs, outputs, rng)"), ("loss", "pb.nn.HuberLoss()")):
            given = getattr(self, setting)
            if given is not None and not callable(given):
                raise OptionError(f"{name}: {setting} cannot be called", got=repr(given), fix=fix)
        if self.early_stopping and not 0 < checked_number(name, "validation_fraction", self.validation_fraction) < 1:
            raise OptionError(f"{name}: a part is held back", validation_fraction=self.validation_fraction, fix="0.1")

    def _size(self, samples: int) -> int:
        if isinstance(self.batch_size, str) and self.batch_size == "auto":
            return min(200, samples)
        return min(checked_count(type(self).__name__, "batch_size", self.batch_size, least=1), samples)

    def __getstate__(self) -> Any:
        # The step is native code of this process; it is made again where it is wanted.
        return {name: value for name, value in super().__getstate__().items() if name != "_step"}
