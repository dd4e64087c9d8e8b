"""Derivatives checked by numbers: `check_grads`, and the numerical derivatives that it stands on."""

from pullback.testing.check import Finding as Finding
from pullback.testing.check import Report as Report
from pullback.testing.check import check_grads as check_grads
from pullback.testing.numerical import Estimate as Estimate
from pullback.testing.numerical import complex_step as complex_step
from pullback.testing.numerical import differentiate as differentiate
