"""Bare uvicorn and an ONNX session that take binary bodies: the limit where peers have none.

It finds the numbers where the header says that they begin, asks, answers, and does nothing else.
The harness' own limit reads JSON only, which for images costs more than the model.
"""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from serving.onnx_model import PROBABILITIES, OnnxModel

LENGTH = b"inference-header-content-length"

App = Callable[[Any, Any, Any], Awaitable[None]]


def main() -> None:
    """Serve the model of a directory until told to stop."""
    import uvicorn

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model_dir", type=Path, required=True)
    parser.add_argument("--http_port", type=int, required=True)
    given = parser.parse_args()
    app = bare(OnnxModel.load(given.model_dir))
    uvicorn.run(app, port=given.http_port, lifespan="off", access_log=False, log_level="warning")


def bare(model: OnnxModel) -> App:
    """Return an ASGI app around a session with one input, float32 [n, …]."""
    session = model.session
    (only,) = session.get_inputs()
    shape = (-1, *only.shape[1:])

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        cells = np.frombuffer(body, "<f4", offset=int(dict(scope["headers"])[LENGTH]))
        (answer,) = session.run([PROBABILITIES], {only.name: cells.reshape(shape)})
        outputs = [{"name": "probabilities", "shape": answer.shape, "data": answer.ravel()}]
        content = orjson.dumps({"outputs": outputs}, option=orjson.OPT_SERIALIZE_NUMPY)
        headers = [(b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    return app


if __name__ == "__main__":
    main()
