"""Run the world alone, for a bot started elsewhere: `python -m sandbox --port 0`."""

import argparse
import asyncio
import signal
import sys

from sandbox.happenings import ANSWER_WITHIN_MS
from sandbox.server import serve


async def run(port: int, shards: int, answer_within_ms: int) -> None:
    """Serve until told to stop, after one line on standard output that says where."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Windows has no such handlers; there Ctrl+C ends the loop as an exception.
        if sys.platform != "win32":
            loop.add_signal_handler(number, stop.set)
    async with serve(port=port, shards=shards) as sandbox:
        sandbox.world.answer_within_ms = answer_within_ms
        sys.stdout.write(f"sandbox={sandbox.url} webhook_secret={sandbox.webhook_secret}\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> int:
    """Read the command line, run, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="the loopback port; 0 takes any free one")
    parser.add_argument("--shards", type=int, default=1, help="how many connections bots are asked for (1)")
    parser.add_argument(
        "--answer-within-ms",
        type=int,
        default=ANSWER_WITHIN_MS,
        help=f"how long a bot has for its first answer to an interaction ({ANSWER_WITHIN_MS}, as Discord)",
    )
    arguments = parser.parse_args()
    try:
        asyncio.run(run(arguments.port, arguments.shards, arguments.answer_within_ms))
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
