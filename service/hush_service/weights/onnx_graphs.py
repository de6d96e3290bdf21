"""Whisper as two ONNX graphs, which ONNX Runtime runs in browsers and on servers.

    encoder   mel (windows, mel_bins, frames)
              -> cross.LAYER.key (windows, heads, width, steps),
                 cross.LAYER.value (windows, heads, steps, width)
    decoder   tokens (texts, new), rows (texts), all of cross.*,
              past.LAYER.key (rows, heads, width, old), past.LAYER.value (rows, heads, old, width)
              -> logits (texts, vocabulary) after each text's last token,
                 attention (windows, alignment heads, shown, steps) before its softmax,
                 present.LAYER.key, present.LAYER.value as the past, with the new tokens

What a decoder attends to of a window is computed once, by the encoder. `rows` says from which row
of the past each text goes on, so that a beam is one call a token; a past of no tokens begins. Each
window has as many texts, one after the other; `shown` are all new tokens of a window's texts.
Windows are of any length up to 30 s: the positional embedding is sliced.

The graphs are written node by node, from the weights alone: torch's exporter wants torch and a
minute, and its graphs would have to be taken apart again for the embedding, which is kept once.

Precisions: "float16" stores weights as Whisper's are to begin with, and loses nothing; a runtime
turns them into float32 once, when it loads them. "int8" reckons in integers wherever something is
multiplied by weights, as CTranslate2 does: each column of these has a scale, and so has each row of
what they are multiplied with. With one scale for all rows, as ONNX Runtime's own tool has it,
`tiny.en` says other tokens in 7 of 12 recordings, with these in 4.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, TensorProto, helper, numpy_helper

from hush_service.weights.catalogue import Head
from hush_service.weights.checkpoint import Checkpoint, Dimensions
from hush_service.weights.onnx_export import Precision

OPSET = 20
"""The first with GELU."""
_FORMAT = 9
"""ONNX's own version with that opset."""
_SMALL = 4096
"""Values of a tensor that is not worth fewer bits."""
_LARGEST, _ZERO = 127, 128
"""Of 8 bits, and what stands for 0: without a sign, since processors multiply numbers with one more
slowly, or, x86 before VNNI where only one of two has it, wrongly."""
_EPSILON = 1e-5

Values = npt.NDArray[Any]


def encoder_graph(checkpoint: Checkpoint, precision: Precision) -> ModelProto:
    """Return what makes of a window all that a decoder attends to."""
    graph = _Graph(checkpoint, precision)
    size = checkpoint.dimensions
    x = graph.input("mel", TensorProto.FLOAT, ["windows", size.n_mels, "frames"])
    for name, stride in (("conv1", 1), ("conv2", 2)):
        x = graph.node(
            "Conv",
            x,
            graph.weight(f"encoder.{name}.weight"),
            graph.weight(f"encoder.{name}.bias"),
            kernel_shape=[3],
            pads=[1, 1],
            strides=[stride],
        )
        x = graph.node("Gelu", x)
    x = graph.node("Transpose", x, perm=[0, 2, 1])
    steps = graph.node("Shape", x, start=1, end=2)
    places = graph.weight("encoder.positional_embedding")
    x = graph.node("Add", x, graph.node("Slice", places, graph.integers(0), steps))
    for layer in range(size.n_audio_layer):
        block = f"encoder.blocks.{layer}"
        heard = graph.normalized(x, f"{block}.attn_ln")
        query, key, value = graph.projected(heard, f"{block}.attn", size.n_audio_head)
        mixed, _ = graph.attended(query, key, value)
        x = graph.node("Add", x, graph.linear(mixed, f"{block}.attn.out"))
        x = graph.thought(x, block)
    x = graph.normalized(x, "encoder.ln_post")
    for layer in range(size.n_text_layer):
        attention = f"decoder.blocks.{layer}.cross_attn"
        graph.output(
            graph.keys(graph.linear(x, f"{attention}.key", bias=False), size.n_text_head),
            f"cross.{layer}.key",
            ["windows", size.n_text_head, _width(size), "steps"],
        )
        graph.output(
            graph.heads(graph.linear(x, f"{attention}.value"), size.n_text_head),
            f"cross.{layer}.value",
            ["windows", size.n_text_head, "steps", _width(size)],
        )
    return graph.model("encoder")


def decoder_graph(
    checkpoint: Checkpoint, alignment_heads: Sequence[Head], precision: Precision
) -> ModelProto:
    """Return what says which token follows some others.

    Parameters
    ----------
    checkpoint
        The model.
    alignment_heads
        Whose attention it shows: those that follow the words in time.
    precision
        Of its weights.
    """
    graph = _Graph(checkpoint, precision)
    size = checkpoint.dimensions
    heads, width = size.n_text_head, _width(size)
    tokens = graph.input("tokens", TensorProto.INT32, ["texts", "new"])
    rows = graph.input("rows", TensorProto.INT32, ["texts"])
    past, cross = list[tuple[str, str]](), list[tuple[str, str]]()
    for kept, name, first, steps in (
        (past, "past", "rows", "old"),
        (cross, "cross", "windows", "steps"),
    ):
        for layer in range(size.n_text_layer):
            shapes: dict[str, list[int | str]] = {
                "key": [first, heads, width, steps],
                "value": [first, heads, steps, width],
            }
            key, value = (
                graph.input(f"{name}.{layer}.{part}", TensorProto.FLOAT, shape)
                for part, shape in shapes.items()
            )
            kept.append((key, value))
    old = graph.node("Shape", past[0][1], start=2, end=3)
    end = graph.node("Add", old, graph.node("Shape", tokens, start=1, end=2))
    x = graph.node(
        "Add",
        graph.embedded(tokens),
        graph.node("Slice", graph.weight("decoder.positional_embedding"), old, end),
    )
    mask = graph.mask(old, end)
    windows = graph.node("Shape", cross[0][0], start=0, end=1)
    by_window = graph.node("Concat", windows, graph.integers(-1, size.n_text_state), axis=0)
    by_text = graph.node("Shape", x)
    shown = []
    for layer in range(size.n_text_layer):
        block = f"decoder.blocks.{layer}"
        heard = graph.normalized(x, f"{block}.attn_ln")
        query, new_key, new_value = graph.projected(heard, f"{block}.attn", heads)
        key, value = (
            graph.node("Concat", graph.node("Gather", before, rows, axis=0), new, axis=axis)
            for before, new, axis in zip(past[layer], (new_key, new_value), (3, 2), strict=True)
        )
        graph.output(key, f"present.{layer}.key", ["texts", heads, width, "all"])
        graph.output(value, f"present.{layer}.value", ["texts", heads, "all", width])
        mixed, _ = graph.attended(query, key, value, mask)
        x = graph.node("Add", x, graph.linear(mixed, f"{block}.attn.out"))
        heard = graph.normalized(x, f"{block}.cross_attn_ln")
        # All texts of a window attend to it at once, as one long text would: it is not copied.
        asked = graph.linear(heard, f"{block}.cross_attn.query")
        query = graph.heads(graph.node("Reshape", asked, by_window), heads)
        mixed, weights = graph.attended(query, *cross[layer])
        mixed = graph.node("Reshape", mixed, by_text)
        x = graph.node("Add", x, graph.linear(mixed, f"{block}.cross_attn.out"))
        x = graph.thought(x, block)
        if chosen := [head for of, head in alignment_heads if of == layer]:
            shown.append(graph.node("Gather", weights, graph.integers(*chosen), axis=1))
    last = graph.node("Gather", x, graph.constant(np.array(-1)), axis=1)
    logits = graph.weighed(graph.normalized(last, "decoder.ln"))
    graph.output(logits, "logits", ["texts", size.n_vocab])
    attention = graph.node("Concat", *shown, axis=1)
    graph.output(attention, "attention", ["windows", len(alignment_heads), "shown", "steps"])
    return graph.model("decoder")


def _width(size: Dimensions) -> int:
    """Return the width of a head, which is 64 in all of Whisper's models, encoders too."""
    return size.n_text_state // size.n_text_head


class _Graph:
    """A graph that is being written; values in it are known by their names."""

    def __init__(self, checkpoint: Checkpoint, precision: Precision) -> None:
        self._tensors, self._precision = checkpoint.tensors, precision
        self._width = _width(checkpoint.dimensions)
        self._nodes = list[Any]()
        self._inputs, self._outputs = list[Any](), list[Any]()
        self._initializers = dict[str, TensorProto]()
        self._embedding: tuple[str, str | None] | None = None

    def model(self, name: str) -> ModelProto:
        graph = helper.make_graph(
            self._nodes, name, self._inputs, self._outputs, list(self._initializers.values())
        )
        opset = helper.make_opsetid("", OPSET)
        return helper.make_model(graph, opset_imports=[opset], ir_version=_FORMAT)

    def input(self, name: str, kind: int, shape: Sequence[int | str]) -> str:
        self._inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, value: str, name: str, shape: Sequence[int | str]) -> None:
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        output = f"{kind}.{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, values: Values, name: str = "") -> str:
        name = name or f"constant.{values.dtype}.{values.shape}.{values.ravel()[:8].tolist()}"
        if name not in self._initializers:
            self._initializers[name] = numpy_helper.from_array(values, name)
        return name

    def integers(self, *values: int) -> str:
        return self.constant(np.array(values, np.int64))

    def weight(self, name: str, values: Values | None = None) -> str:
        """Return a tensor of the checkpoint, or one made of it, in float32."""
        values = self._tensors[name] if values is None else values
        if self._precision != "float32" and values.size > _SMALL:
            stored = self.constant(values.astype(np.float16), f"{name}.float16")
            return self.node("Cast", stored, to=TensorProto.FLOAT)
        return self.constant(values.astype(np.float32), name)

    def normalized(self, x: str, name: str) -> str:
        scale, bias = (self.weight(f"{name}.{part}") for part in ("weight", "bias"))
        return self.node("LayerNormalization", x, scale, bias, epsilon=_EPSILON)

    def linear(self, x: str, name: str, bias: bool = True) -> str:
        weight = self._tensors[f"{name}.weight"].T
        if self._precision == "int8":
            product = self._product(x, *self._quantized(f"{name}.weight", weight))
        else:
            product = self.node("MatMul", x, self.weight(f"{name}.weight", weight))
        return self.node("Add", product, self.weight(f"{name}.bias")) if bias else product

    def _quantized(self, name: str, matrix: Values) -> tuple[str, str]:
        """Return a matrix in 8 bits, and the scales of its columns."""
        values = matrix.astype(np.float32)
        largest = np.abs(values).max(axis=0)
        scale = np.where(largest == 0, 1, largest / _LARGEST).astype(np.float32)
        whole = (np.rint(values / scale) + _ZERO).astype(np.uint8)
        return self.constant(whole, f"{name}.int8"), self.constant(scale, f"{name}.scale")

    def _product(self, x: str, matrix: str, scale: str) -> str:
        """Multiply by a matrix in 8 bits, each row of x in 8 bits of its own."""
        largest = self.node("ReduceMax", self.node("Abs", x), self.integers(-1), keepdims=1)
        steps = self.constant(np.array(1 / _LARGEST, np.float32))
        least = self.constant(np.array(1e-12, np.float32))
        of = self.node("Max", self.node("Mul", largest, steps), least)
        rounded = self.node("Round", self.node("Div", x, of))
        middle, zero = (self.constant(np.array(_ZERO, kind)) for kind in (np.float32, np.uint8))
        whole = self.node("Cast", self.node("Add", rounded, middle), to=TensorProto.UINT8)
        product = self.node("MatMulInteger", whole, matrix, zero, zero)
        product = self.node("Cast", product, to=TensorProto.FLOAT)
        return self.node("Mul", self.node("Mul", product, of), scale)

    def _embeddings(self) -> tuple[str, str | None]:
        """Return the matrix (state, vocabulary) that finds tokens and weighs them; its scales."""
        if self._embedding is None:
            name = "decoder.token_embedding.weight"
            matrix = self._tensors[name].T
            if self._precision == "int8":
                self._embedding = self._quantized(name, matrix)
            else:
                self._embedding = (self.weight(name, matrix), None)
        return self._embedding

    def embedded(self, tokens: str) -> str:
        """(texts, new) -> (texts, new, state)."""
        matrix, scale = self._embeddings()
        found = self.node("Gather", matrix, tokens, axis=1)
        if scale is not None:
            scales = self.node("Gather", scale, tokens)
            middle = self.constant(np.array(_ZERO, np.float32))
            found = self.node("Sub", self.node("Cast", found, to=TensorProto.FLOAT), middle)
            found = self.node("Mul", found, scales)
        return self.node("Transpose", found, perm=[1, 2, 0])

    def weighed(self, x: str) -> str:
        """(texts, state) -> (texts, vocabulary)."""
        matrix, scale = self._embeddings()
        return self.node("MatMul", x, matrix) if scale is None else self._product(x, matrix, scale)

    def heads(self, x: str, heads: int) -> str:
        """(rows, n, state) -> (rows, heads, n, width)."""
        shape = self.integers(0, 0, heads, -1)
        return self.node("Transpose", self.node("Reshape", x, shape), perm=[0, 2, 1, 3])

    def keys(self, x: str, heads: int) -> str:
        """(rows, n, state) -> (rows, heads, width, n)."""
        shape = self.integers(0, 0, heads, -1)
        return self.node("Transpose", self.node("Reshape", x, shape), perm=[0, 2, 3, 1])

    def projected(self, x: str, name: str, heads: int) -> tuple[str, str, str]:
        """Return query, key and value of self-attention."""
        return (
            self.heads(self.linear(x, f"{name}.query"), heads),
            self.keys(self.linear(x, f"{name}.key", bias=False), heads),
            self.heads(self.linear(x, f"{name}.value"), heads),
        )

    def attended(
        self, query: str, key: str, value: str, mask: str | None = None
    ) -> tuple[str, str]:
        """Return (rows, n, state) of what is attended to, and the weights before their softmax."""
        scale = self.constant(np.array(self._width**-0.5, np.float32))
        weights = self.node("MatMul", self.node("Mul", query, scale), key)
        if mask is not None:
            weights = self.node("Add", weights, mask)
        mixed = self.node("MatMul", self.node("Softmax", weights, axis=-1), value)
        mixed = self.node("Transpose", mixed, perm=[0, 2, 1, 3])
        return self.node("Reshape", mixed, self.integers(0, 0, -1)), weights

    def mask(self, old: str, end: str) -> str:
        """Return (new, all): nothing, but -infinity for tokens that come later."""
        scalar = self.node("Squeeze", end)
        zero, one = self.constant(np.array(0)), self.constant(np.array(1))
        places = self.node("Range", zero, scalar, one)
        own = self.node("Unsqueeze", self.node("Slice", places, old, end), self.integers(1))
        nothing, never = (self.constant(np.array(value, np.float32)) for value in (0, -np.inf))
        return self.node("Where", self.node("Greater", places, own), never, nothing)

    def thought(self, x: str, block: str) -> str:
        """Add what a block's two layers make of x."""
        hidden = self.linear(self.normalized(x, f"{block}.mlp_ln"), f"{block}.mlp.0")
        return self.node("Add", x, self.linear(self.node("Gelu", hidden), f"{block}.mlp.2"))
