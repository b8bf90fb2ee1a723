"""`python -m serving.local`: the platform in this process; `kanarya up` starts it like this."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence

from serving.errors import KanaryaError
from serving.local.daemon import Options, run
from serving.local.launching import PREDICTOR
from serving.local.platform import loop_run
from serving.local.ports import Ports
from serving.local.record import Platform
from serving.settings import Settings


def parser() -> argparse.ArgumentParser:
    """Return the command line's flags."""
    flags = argparse.ArgumentParser(prog="python -m serving.local", description=__doc__)
    add = flags.add_argument
    add("--api-port", type=int, help="the Kubernetes API's; 0: a free one")
    add("--gateway-port", type=int, help="the gateway's; 0: a free one")
    add("--report-fd", type=int, help="where to write, as JSON, how the start went")
    add("--predictor", type=json.loads, default=PREDICTOR, help="the command, as a JSON list")
    return flags


def ports(args: argparse.Namespace) -> Ports:
    """Return the ports of the flags, or else of the environment. Raises UsageError."""
    asked = Ports.from_env()
    api = asked.api if args.api_port is None else args.api_port
    gateway = asked.gateway if args.gateway_port is None else args.gateway_port
    return Ports(api, gateway)


class Starter:
    """The process that started this one, where there is one: it is told once how that went."""

    def __init__(self, fd: int | None) -> None:
        """Report to this file descriptor, which the predictors must not keep open."""
        self._fd = fd
        if fd is not None:
            os.set_inheritable(fd, False)

    def tell(self, **said: object) -> None:
        """Tell it, unless it was told before."""
        fd, self._fd = self._fd, None
        if fd is not None:
            with os.fdopen(fd, "w", encoding="utf-8") as pipe:
                json.dump(said, pipe)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the platform until SIGTERM or SIGINT, and return the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    args = parser().parse_args(argv)
    starter = Starter(args.report_fd)

    def ready(platform: Platform) -> None:
        print(f"API {platform.api_url}, gateway {platform.gateway_url}", flush=True)
        starter.tell(platform=platform.to_json())

    try:
        loop_run(run(Settings.from_env(), Options(ports(args), args.predictor, ready)))
    except KanaryaError as error:
        print(f"error: {error}", file=sys.stderr)
        starter.tell(error=str(error))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
