"""Networks that anybody may have made: refused before ONNX Runtime sees what they ask for."""

import numpy as np
import pytest
from networks import try_changed, write_network

from digitcnn import DigitClassifier
from digitcnn.errors import CorruptFileError

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402 - once it is known to be there

FLOAT = TensorProto.FLOAT


@pytest.fixture
def network(tmp_path):
    """Write a network that is as it should be."""
    return write_network(tmp_path / "own.onnx")


def attribute(name, value):
    """Change a network by one attribute more."""

    def change(model):
        model.graph.node[0].attribute.append(helper.make_attribute(name, value))

    return change


def external_tensor(location):
    """Make a tensor whose values lie in another file."""
    tensor = TensorProto(name="kernel", data_type=FLOAT, dims=[49, 10])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return tensor


def external_kernel(model):
    """Let the network's own weights lie in another file."""
    del model.graph.initializer[:]
    model.graph.initializer.append(external_tensor("/etc/passwd"))


def control_flow(model):
    """Hide a loop's body, with another file in it, in an attribute."""
    body = helper.make_graph([], "body", [], [], [external_tensor("/etc/passwd")])
    model.graph.node[0].attribute.append(helper.make_attribute("body", body))


def function(model):
    """Bring an operator along that is made of others, under an allowed name."""
    model.functions.add(name="Relu", domain="")


def sparse(model):
    """Hold weights in a form that is unpacked."""
    values = numpy_helper.from_array(np.ones(1, np.float32), "sparse")
    model.graph.sparse_initializer.add(values=values, dims=[1 << 40])


def text(model):
    """Hold text instead of numbers."""
    model.graph.initializer.append(helper.make_tensor("text", TensorProto.STRING, [1], [b"x"]))


def second_graph(model):
    """Append a second graph, which protocol buffers merge into the first."""
    more = onnx.ModelProto()
    more.graph.node.append(helper.make_node("Loop", [], ["more"]))
    control_flow(more)
    return model.SerializeToString() + more.SerializeToString()


ODD_NETWORKS = {
    "weights in another file": (external_kernel, "tensor has the field 1[34]"),
    "an attribute's weights in another file": (
        attribute("value", external_tensor("/etc/passwd")),
        "tensor has the field 1[34]",
    ),
    "a graph within an operator": (control_flow, "attribute has the field 6"),
    "functions": (function, "model has the field 25"),
    "sparse weights": (sparse, "graph has the field 15"),
    "text for weights": (text, "tensor has the field 6"),
    "a stride of nothing": (attribute("strides", [2, 0]), "strides is not from 1 to"),
    "a second graph": (second_graph, "attribute has the field 6"),
}


@pytest.mark.parametrize(("change", "reason"), ODD_NETWORKS.values(), ids=ODD_NETWORKS)
def test_odd_network_is_refused(network, change, reason):
    """Whatever ONNX can ask for beyond a plain network is refused by name."""
    model = onnx.load(network)
    content = change(model)
    network.write_bytes(content or model.SerializeToString())

    with pytest.raises(CorruptFileError, match=rf"plain feed-forward network; got .*{reason}"):
        DigitClassifier(network)


@pytest.mark.parametrize(("name", "domain"), [("System", ""), ("Relu", "com.example")])
def test_unknown_operators_are_refused(network, name, domain):
    """What ONNX Runtime does not know it does not run, and the error says so."""
    model = onnx.load(network)
    model.graph.node.append(helper.make_node(name, ["images"], ["more"], domain=domain))
    network.write_bytes(model.SerializeToString())

    with pytest.raises(CorruptFileError, match="network that ONNX Runtime can run; got"):
        DigitClassifier(network)


def test_too_large_a_network_is_refused(network, monkeypatch):
    """A file is read up to the limit, whatever its length."""
    monkeypatch.setattr("digitcnn._weight_files.ONNX_SIZE_MAX", 1 << 20)
    with network.open("r+b") as stream:
        stream.truncate(1 << 40)

    with pytest.raises(CorruptFileError, match="which has more than 1 MiB"):
        DigitClassifier(network)


@pytest.mark.parametrize(
    "content", [b"", b"\x80\x04.", b"\xff" * 20, b"\x3a\x7f", b"\x20\0\0\0ORTM" + bytes(100)]
)
def test_file_of_another_kind_is_refused(network, content):
    """Neither an empty file, nor a pickle, nor ONNX Runtime's own format is a network."""
    network.write_bytes(content)

    with pytest.raises(CorruptFileError, match=r"got .*own\.onnx', (which|whose)"):
        DigitClassifier(network)


@pytest.mark.parametrize("count", [100, pytest.param(5_000, marks=pytest.mark.slow)])
def test_changed_bytes_do_no_harm(network, count):
    """A network with some bytes changed answers or is refused; the process goes on."""
    before = "import numpy as np; from digitcnn import DigitClassifier"
    use = "DigitClassifier(bad, threads=1).predict_proba(np.eye(28))"

    try_changed(network, count=count, before=before, use=use)
