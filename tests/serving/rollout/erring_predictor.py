"""A stand-in predictor that does what files in its model directory tell it to.

`errors`: every prediction is a 500; `differs`: another label than the others'; `slow`: a pause
before each V2 answer; `dies`, `damaged`.
"""

import json
import os
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FLAGS = dict(arg[2:].partition("=")[::2] for arg in sys.argv[1:])
MODEL = FLAGS["model_dir"]
PAGE = f"process_start_time_seconds {time.time()}\n".encode() + (
    b'kanarya_predictions_total{model="iris",version="1",label="setosa"} %d\n'
)
answers = []


def told(word):
    return os.path.exists(f"{MODEL}/{word}")  # noqa: PTH110  (quick to start)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self):
        takes = json.dumps({"inputs": [{"name": "a", "datatype": "FP32", "shape": [-1]}]}).encode()
        self.answer(200, PAGE % answers.count(200) if self.path == "/metrics" else takes)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        if told("dies"):
            os._exit(9)
        if told("slow") and self.path.endswith("/infer"):
            time.sleep(0.05)
        label = "other" if told("differs") else "same"
        said = {"outputs": [{"name": "label", "data": [label]}]}
        answers.append(500 if told("errors") else 200)
        self.answer(answers[-1], json.dumps(said).encode())

    def answer(self, code, body):
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def watch(parent):
    while os.getppid() == parent:
        time.sleep(0.05)
    os._exit(0)


if told("damaged"):
    sys.exit("ModelError: model.onnx is damaged")
threading.Thread(target=watch, args=(os.getppid(),), daemon=True).start()
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
server.socket.close()
server.socket = socket.socket(fileno=int(FLAGS["listen_fd"]))
server.server_activate()
server.serve_forever()
