"""`python -m serving.predictor`: verify a model directory, then serve it until told to stop."""

from __future__ import annotations

import argparse
import gc
import os
import sys

from serving.errors import KanaryaError
from serving.predictor.flags import parser, public_key
from serving.predictor.frugal import import_kserve


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM; return the exit code (1 and one line on stderr where it cannot)."""
    parent = os.getppid()
    # Collections during the imports cost a fifth of the start and find nothing.
    gc.disable()
    flags, _ = parser().parse_known_args(arguments)
    try:
        _run(flags, arguments, parent)
    except KanaryaError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _run(flags: argparse.Namespace, arguments: list[str], parent: int) -> None:
    if flags.workers > 1:
        import_kserve()
        from serving.predictor.workers.start import supervise

        supervise(_all_flags(flags, arguments), parent)
        return

    from serving.predictor.listening import address, bind
    from serving.predictor.parent import exit_with
    from serving.predictor.served import load

    if flags.exit_with_parent:
        exit_with(parent)
    served = load(flags.model_dir, public_key(flags))
    listener = bind(flags.host, flags.http_port, flags.listen_fd)
    name = flags.model_name or served.card.name
    print(f"{name} version {served.card.version} on {address(listener)}", file=sys.stderr)

    import_kserve()
    from serving.predictor.server import serve

    serve(name, served, listener, _all_flags(flags, arguments))


def _all_flags(flags: argparse.Namespace, arguments: list[str]) -> argparse.Namespace:
    """Return KServe's flags as well; an unknown one ends the process with the usage."""
    from kserve.model_server import parser as stock

    both = argparse.ArgumentParser(parents=[stock, parser()], conflict_handler="resolve")
    return both.parse_args(arguments, namespace=flags)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
