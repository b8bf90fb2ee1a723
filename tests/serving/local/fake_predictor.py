"""A predictor that does what files in its "model directory" tell it to.

`held`: not ready before a file `go` is there; `crash`: writes an error and exits 3; `hang`: its
readiness is not answered while the file is there. `POST …:predict` answers who it is, after
`sleep` seconds where the body says so.
"""

import json
import os
import signal
import socket
import sys
import threading
import time

FLAGS = dict(arg[2:].partition("=")[::2] for arg in sys.argv[1:])
MODEL = FLAGS["model_dir"]
RUNNING = []


def told(word):
    return os.path.exists(f"{MODEL}/{word}")  # noqa: PTH110  (pathlib costs a third of the start)


def serve(connection):
    """Answer the requests of one connection, one after the other."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    file = connection.makefile("rb")
    while line := file.readline():
        length = 0
        while (header := file.readline()) not in (b"\r\n", b""):
            name, _, value = header.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        method, path, _ = line.decode().split()
        RUNNING.append(connection)
        code, body = probed(path) if method == "GET" else predicted(json.loads(file.read(length)))
        data = json.dumps(body).encode()
        head = f"HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nContent-Length: {len(data)}"
        connection.sendall(head.encode() + b"\r\n\r\n" + data)
        RUNNING.remove(connection)
    connection.close()


def probed(path):
    while told("hang"):
        time.sleep(0.02)
    held = told("held") and not told("go")
    known = path == f"/v2/models/{FLAGS['model_name']}/ready"
    return 503 if held else 200 if known else 404, {"ready": not held}


def predicted(asked):
    time.sleep(asked.get("sleep", 0))
    me = {"revision": os.environ["KANARYA_REVISION"], "model": MODEL.split("/")[-1]}
    variables = {name: os.environ.get(name) for name in asked.get("env", ())}
    return 200, {**me, "pid": os.getpid(), "argv": sys.argv[1:], "env": variables}


def drain(*_):
    def finish():
        while RUNNING:
            time.sleep(0.01)
        os._exit(0)

    threading.Thread(target=finish).start()


def watch(parent):
    while os.getppid() == parent:
        time.sleep(0.05)
    os._exit(0)


def main():
    if told("crash"):
        print("ModelError: model.onnx is damaged", file=sys.stderr)
        sys.exit(3)
    threading.Thread(target=watch, args=(os.getppid(),), daemon=True).start()
    signal.signal(signal.SIGTERM, drain)
    server = socket.socket(fileno=int(FLAGS["listen_fd"]))
    server.listen()
    while True:
        connection, _ = server.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


main()
