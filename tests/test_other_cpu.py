"""The core of the suite once more, computed as a processor without AVX-512 would."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]

#: No instructions beyond AVX2 for oneDNN and XLA, and Eigen's kernels in place of oneDNN's.
AVX2 = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
    "TF_ENABLE_ONEDNN_OPTS": "0",
}
#: What compares numbers that were computed on two machines, and in two ways.
TWO_MACHINES = ("tests/parity", "-k", "what_addons_answered and luong_gru")
TWO_WAYS = (
    *("tests/zoo/test_attention.py", "tests/zoo/test_decoding.py"),
    *("tests/zoo/test_sequence_invariants.py", "tests/parity"),
)


@pytest.mark.other_cpu
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    "core", [TWO_MACHINES, pytest.param(TWO_WAYS, marks=pytest.mark.slow)], ids=["short", "long"]
)
def test_the_core_passes_as_another_processor_computes_it(core):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *core],
        cwd=TOP,
        env={**os.environ, **AVX2},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-10_000:]
