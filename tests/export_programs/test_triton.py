"""The repository for Triton, and the client against a stand-in server.

Triton itself does not run here. The stand-in follows the binary form of the
HTTP protocol and computes with ONNX Runtime.
"""

import ast
import http.server
import json
import re
import threading

import numpy as np
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.export]

LENGTH = "Inference-Header-Content-Length"


def test_the_repository(segment, files):
    result = segment("triton", "tiny.onnx", "models", name="make_repository.py")
    assert result.code == 0, result.err
    content = (files / "tiny.onnx").read_bytes()
    assert (files / "models/tiny/1/model.onnx").read_bytes() == content
    config = (files / "models/tiny/config.pbtxt").read_text()
    assert config.startswith('name: "tiny"\nbackend: "onnxruntime"\n')
    assert re.findall(r"data_type: (\w+)", config) == ["TYPE_FP32"] * 2
    dims = re.findall(r"dims: \[(.*)\]", config)
    assert dims == ["1, 40, 56, 3", "1, 40, 56, 5"]
    (names,) = re.findall(r'"class_names"\n.*string_value: (".*") }', config)
    assert "sign" in json.loads(unquoted(names))
    for opening, closing in ("[]", "{}"):
        assert config.count(opening) == config.count(closing)


def unquoted(text):
    """What a string of a text protobuf says; Python has the same escapes."""
    return ast.literal_eval(f"b{text}").decode()


@pytest.mark.parametrize(
    "name", ['pixels"\n}', "\\", "\x1b[2J", "bilder/größe", "{name}", "'0'"]
)
def test_names_are_quoted(segment, files, rewrite, name):
    rewrite(files / "tiny.onnx", input={"name": name}, class_names=[name] * 5)
    result = segment("triton", "tiny.onnx", "models", name="make_repository.py")
    assert result.code == 0, result.err
    config = (files / "models/tiny/config.pbtxt").read_bytes().decode("ascii")
    quoted = re.findall(r'^    name: (".*")$', config, re.M)
    assert [unquoted(text) for text in quoted] == [name, "logits"]
    (names,) = re.findall(r'"class_names"\n.*string_value: (".*") }', config)
    assert json.loads(unquoted(names)) == [name] * 5
    for opening, closing in ("[]", "{}"):
        plain = re.sub(r'"[^"]*"', "", config)
        assert plain.count(opening) == plain.count(closing)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--name", "../../x"),
        ("--name", "/x"),
        ("--name", ".."),
        ("--name", "a/b"),
        ("--name", "a\nb"),
        ("--version", "0"),
        ("--instances", "-1"),
    ],
)
def test_nothing_is_written_outside(segment, files, arguments):
    before = sorted(path.name for path in files.parent.iterdir())
    result = segment(
        *("triton", "tiny.onnx", "models", *arguments),
        name="make_repository.py",
    )
    assert result.code == 2
    assert arguments[0] in result.err
    assert not (files / "models").exists()
    assert sorted(path.name for path in files.parent.iterdir()) == before


def test_another_file_than_the_sidecar_describes(segment, files):
    content = bytearray((files / "tiny.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (files / "tiny.onnx").write_bytes(content)
    result = segment("triton", "tiny.onnx", "models", name="make_repository.py")
    assert result.code == 2
    assert "describes another file than tiny.onnx" in result.err
    assert not (files / "models").exists()


def test_files_of_other_formats_are_refused(segment, files):
    result = segment(
        "triton", "tiny.tflite", "models", name="make_repository.py"
    )
    assert result.code == 2
    assert "needs an ONNX file, not litert" in result.err
    assert not (files / "models").exists()


class StandIn(http.server.BaseHTTPRequestHandler):
    """A server that knows one model."""

    def do_GET(self):
        self.answer(json.dumps({"name": "stand-in", "version": "0"}).encode())

    def do_POST(self):
        if self.path != "/v2/models/tiny/infer":
            self.answer(b'{"error": "unknown model"}', 400)
            return
        content = self.rfile.read(int(self.headers["Content-Length"]))
        length = int(self.headers[LENGTH])
        request = json.loads(content[:length])
        (given,), (wanted,) = request["inputs"], request["outputs"]
        size = given["parameters"]["binary_data_size"]
        assert (given["datatype"], size) == ("FP32", len(content) - length)
        assert wanted["parameters"] == {"binary_data": True}
        pixels = np.frombuffer(content[length:], "float32")
        pixels = pixels.reshape(given["shape"])
        (array,) = self.server.session.run(
            [wanted["name"]], {given["name"]: pixels}
        )
        header = json.dumps(
            {
                "model_name": "tiny",
                "outputs": [
                    {
                        "name": wanted["name"],
                        "datatype": "FP32",
                        "shape": list(array.shape),
                        "parameters": {"binary_data_size": array.nbytes},
                    }
                ],
            }
        ).encode()
        self.answer(header + array.tobytes(), length=len(header))

    def answer(self, content, status=200, length=None):
        self.send_response(status)
        if length is not None:
            self.send_header(LENGTH, str(length))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def url(files):
    import onnxruntime

    with http.server.HTTPServer(("127.0.0.1", 0), StandIn) as server:
        server.session = onnxruntime.InferenceSession(files / "tiny.onnx")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_client(segment, agrees, url):
    result = segment(
        *("triton", "tiny.onnx", "image.png", "--mask", "mask.png"),
        *("--url", url),
    )
    assert result.code == 0, result.err
    assert f"runtime: stand-in 0 at {url}, with the transfer" in result.out
    agrees()


def test_a_refusal_is_repeated(segment, url):
    result = segment(
        "triton", "tiny.onnx", "image.png", "--url", url, "--name", "other"
    )
    assert result.code == 2
    assert "the server refused: {" in result.err
    assert "unknown model" in result.err


def test_a_server_that_is_not_there(segment):
    result = segment(
        "triton", "tiny.onnx", "image.png", "--url", "http://127.0.0.1:9"
    )
    assert result.code == 2
    assert result.err.count("\n") == 1
