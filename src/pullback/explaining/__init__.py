"""Why a gradient is zero, missing or NaN: `pb.explain`."""

from pullback.explaining.diagnosis import Diagnosis as Diagnosis
from pullback.explaining.diagnosis import Finding as Finding
from pullback.explaining.diagnosis import Verdict as Verdict
from pullback.explaining.explain import explain as explain
