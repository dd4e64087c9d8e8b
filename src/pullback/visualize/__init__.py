"""Seeing a graph: as a value, as text, as DOT, and as SVG of our own layout.

`graph` gives the value. A `Drawing` (boxes and arrows, whatever they stand for) becomes a picture through
`svg`.
"""

from pullback.visualize.capture import graph
from pullback.visualize.drawing import Arrow, Box, Drawing, Style
from pullback.visualize.graphs import Graph, UnknownNameError
from pullback.visualize.layout import Layout, layout
from pullback.visualize.picture import Picture
from pullback.visualize.player import Player, record_player
from pullback.visualize.surface import Surface, loss_surface
from pullback.visualize.svg import svg
from pullback.visualize.vertex import Edge, Vertex

__all__ = [
    "Arrow",
    "Box",
    "Drawing",
    "Edge",
    "Graph",
    "Layout",
    "Picture",
    "Player",
    "Style",
    "Surface",
    "UnknownNameError",
    "Vertex",
    "graph",
    "layout",
    "loss_surface",
    "record_player",
    "svg",
]
