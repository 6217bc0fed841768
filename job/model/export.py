"""The published model as ONNX: torchvision's ResNet18 written node by node, uint8 photos in, probabilities out.

torch.onnx.export takes 6 s, and its file holds paths of the machine; its older, faster form is deprecated. Written like
this the file is a pure function of its arguments, byte for byte, and takes a tenth of a second.
"""

from collections.abc import Mapping

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load as load_safetensors

from job.training.data import Normalisation

INPUT = "images"
OUTPUT = "probabilities"

_OPSET, _IR_VERSION = 17, 8
"""Of 2022, so that older runtimes read the file; they have all that a ResNet18 needs."""

_EPSILON = 1e-5  # of torch's BatchNorm2d
_STAGES = (("layer1", 1), ("layer2", 2), ("layer3", 2), ("layer4", 2))
"""Each stage's name, and the stride of its first block."""


def export_onnx(
    weights: bytes, normalisation: Normalisation, *, height: int, width: int, metadata: Mapping[str, str]
) -> bytes:
    """Return an ONNX model of the ResNet18 whose state dict is in `weights`, a safetensors file.

    Its input `images` is (N, height, width, 3) uint8, RGB, for any N; the graph normalises it. Its output
    `probabilities` is (N, C) float32. The weights keep their names.
    """
    graph = _Graph(load_safetensors(weights))
    photos = graph.node("Cast", INPUT, to=TensorProto.FLOAT)
    # the same steps in the same arithmetic as job.training.data.normalise
    photos = graph.node("Sub", photos, graph.constant("mean", np.array(normalisation.mean, np.float32) * 255))
    photos = graph.node("Div", photos, graph.constant("std", np.array(normalisation.std, np.float32) * 255))
    photos = graph.node("Transpose", photos, perm=[0, 3, 1, 2])  # (N, 3, H, W)
    features = graph.convolution(photos, "conv1", "bn1", stride=2)
    features = graph.node("Relu", features)
    features = graph.node("MaxPool", features, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    for stage, stride in _STAGES:
        features = _block(graph, features, f"{stage}.0", stride)
        features = _block(graph, features, f"{stage}.1", 1)
    features = graph.node("Flatten", graph.node("GlobalAveragePool", features))  # (N, 512)
    logits = graph.node("Gemm", features, graph.weight("fc.weight"), graph.weight("fc.bias"), transB=1)
    graph.node("Softmax", logits, output=OUTPUT, axis=1)
    n_classes = len(graph.weights["fc.bias"])
    photo_type = helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["N", height, width, 3])
    probability_type = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["N", n_classes])
    model = helper.make_model(
        helper.make_graph(graph.nodes, "resnet18", [photo_type], [probability_type], graph.initializers),
        ir_version=_IR_VERSION,
        opset_imports=[helper.make_opsetid("", _OPSET)],
        producer_name="fashiontune-job",
    )
    helper.set_model_props(model, dict(metadata))
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _block(graph: "_Graph", features: str, name: str, stride: int) -> str:
    """Add torchvision's BasicBlock: two convolutions beside the identity or, if the size changes, a 1 x 1 one."""
    inner = graph.convolution(features, f"{name}.conv1", f"{name}.bn1", stride)
    inner = graph.convolution(graph.node("Relu", inner), f"{name}.conv2", f"{name}.bn2", stride=1)
    if f"{name}.downsample.0.weight" in graph.weights:
        features = graph.convolution(features, f"{name}.downsample.0", f"{name}.downsample.1", stride)
    return graph.node("Relu", graph.node("Add", inner, features))


class _Graph:
    """Nodes and initializers in the order in which they were added; a value is known by its name."""

    def __init__(self, weights: Mapping[str, NDArray[np.float32]]) -> None:
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def node(self, kind: str, *inputs: str, output: str = "", **attributes: float | list[int]) -> str:
        """Add a node and return its output's name."""
        name = f"{kind.lower()}_{len(self.nodes)}"
        node = helper.make_node(kind, inputs, [output or name], name)
        node.attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
        self.nodes.append(node)
        return output or name

    def constant(self, name: str, value: NDArray[np.float32]) -> str:
        """Add an initializer and return its name."""
        self.initializers.append(numpy_helper.from_array(value, name))
        return name

    def weight(self, name: str) -> str:
        """Add a weight, under its own name."""
        return self.constant(name, self.weights[name])

    def convolution(self, features: str, convolution: str, norm: str, stride: int) -> str:
        """Add a convolution, padded to keep the size at stride 1, and its batch normalisation."""
        kernel = self.weights[f"{convolution}.weight"].shape[2]
        features = self.node(
            "Conv",
            features,
            self.weight(f"{convolution}.weight"),
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[kernel // 2] * 4,
        )
        parameters = [self.weight(f"{norm}.{name}") for name in ("weight", "bias", "running_mean", "running_var")]
        return self.node("BatchNormalization", features, *parameters, epsilon=_EPSILON)
