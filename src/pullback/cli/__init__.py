"""The command line: `pullback train`, `evaluate`, `predict`, `grad`, `draw` and `info`."""

from pullback.cli.app import main as main
