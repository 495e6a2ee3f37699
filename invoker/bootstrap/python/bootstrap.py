"""Runs a Python handler for the function that the environment describes, until the Runtime API goes away."""

import os
import sys

# The handler must find its own modules first and never ours, so this directory is on the path for these imports only.
_here = os.path.dirname(os.path.realpath(__file__))
sys.path[:] = [_here] + [entry for entry in sys.path if os.path.realpath(entry) != _here]

from esm_bootstrap import loop  # noqa: E402

sys.path[0] = os.environ.get("LAMBDA_TASK_ROOT") or os.getcwd()

if __name__ == "__main__":
    loop.run()
