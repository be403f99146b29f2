"""Trains one model in several processes, on JAX, which cut each batch among them.

`scripts/launch N train RECIPE` starts N of them on this machine, on a GPU each where it has any.
`scripts/launch train RECIPE` is one process of a job over machines: it reads from the environment

    KERAS_DISTRIBUTION_JOB_ADDRESSES  HOST:PORT of process 0, the same for all
    KERAS_DISTRIBUTION_NUM_PROCESSES  how many there are (or SLURM_NTASKS)
    KERAS_DISTRIBUTION_PROCESS_ID     which one this is, from 0 (or SLURM_PROCID, JOB_COMPLETION_INDEX)
    ZOO_JOB_TIMEOUT                   seconds to wait for the others (120)

The flags are those of `zoo train`, or --resume RUN. Process 0 writes the run and says what `zoo
train` says; the others are silent. Where one of N dies, all are stopped, with a message.
"""  # noqa: E501

import argparse
import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

ADDRESS, COUNT, INDEX = (
    f"KERAS_DISTRIBUTION_{each}" for each in ("JOB_ADDRESSES", "NUM_PROCESSES", "PROCESS_ID")
)
TIMEOUT = "ZOO_JOB_TIMEOUT"
#: Once one has died: seconds that the others have to end by themselves.
GRACE = 5
TOP = Path(__file__).resolve().parents[1]


def main(arguments=None) -> int:
    """Runs the command; returns its exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["train"]:
        return member(arguments[1:])
    parser = argparse.ArgumentParser(
        "scripts/launch", description=__doc__, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    again = "how often the job begins again where a process dies, from its last whole epoch (0)"
    parser.add_argument("--max_restarts", type=int, default=0, metavar="R", help=again)
    parser.add_argument("count", type=int, metavar="N", help="number of processes")
    parser.add_argument("command", choices=["train"], metavar="train")
    parser.add_argument("flags", nargs=argparse.REMAINDER, metavar="RECIPE [OPTION...]")
    found = parser.parse_args(arguments)
    gpus = devices(found.flags)
    if found.count < 1 or (gpus and found.count > len(gpus)):
        most = f" and at most {len(gpus)}, the number of GPUs" if gpus else ""
        parser.error(f"expected N to be at least 1{most}. Received: {found.count}")
    flags, run = completed(found.flags)
    for left in range(found.max_restarts, -1, -1):
        status, said = run_once(found.count, flags, gpus)
        if said is None:
            return status
        if run is not None and (run / "config.yaml").exists():
            flags = ["--resume", str(run)]
        again = shlex.join(["scripts/launch", str(found.count), "train", *flags])
        how = "the job begins again" if left else "it goes on with"
        print(f"launch: {said}\nlaunch: all were stopped; {how}: {again}", file=sys.stderr)
    return 1


def devices(flags) -> list[str]:
    """Numbers of the GPUs that this machine has and the flags allow."""
    if flag(flags, "device") == "cpu":
        return []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [each for each in visible.split(",") if each not in ("", "-1")]
    return [str(each) for each in range(len([*Path("/dev").glob("nvidia[0-9]*")]))]


def flag(flags, name):
    """The value of a flag, or `None`.

    >>> flag(["tabular", "--name", "a", "--seed=1"], "name"), flag(["--seed=1"], "seed")
    ('a', '1')
    """
    for item, following in zip(flags, [*flags[1:], None], strict=False):
        given, has_value, value = item.partition("=")
        if given == f"--{name}":
            return value if has_value else following
    return None


def completed(flags):
    """The flags with those that a job needs, and the folder of its run, if a flag names it.

    >>> completed(["images", "--name", "a", "--backend", "jax"])[1].as_posix()
    'logs/images/a'
    """
    if flag(flags, "resume") is not None:
        return [*flags], Path(flag(flags, "resume"))
    needed = {"distribution": "data_parallel", "backend": "jax"}
    needed["name"] = time.strftime("%Y-%m-%d_%H-%M-%S")
    more = [
        part for name in needed if flag(flags, name) is None for part in (f"--{name}", needed[name])
    ]
    flags = [*flags, *more]
    if not flags or flags[0].startswith("-"):  # of which `zoo train` says what is wrong
        return flags, None
    return flags, Path(flag(flags, "logdir") or "logs", flags[0], flag(flags, "name"))


def run_once(count, flags, gpus):
    """Runs the job; returns its status, and which process died and how, or `None`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    processes, outputs = [], []
    with tempfile.TemporaryDirectory() as temporary, contextlib.ExitStack() as held:
        held.callback(stop, processes)
        environment = {**os.environ, ADDRESS: address, COUNT: str(count)}
        for index in range(count):
            own = {**environment, INDEX: str(index)}
            own |= {"CUDA_VISIBLE_DEVICES": gpus[index]} if gpus else {}
            if index:  # what they write goes, even when they are killed
                own["TMPDIR"] = temporary
                outputs.append(held.enter_context(tempfile.TemporaryFile("w+", errors="replace")))
            processes.append(
                subprocess.Popen(
                    [sys.executable, __file__, "train", *flags], env=own, stdin=subprocess.DEVNULL,
                    stdout=outputs[-1] if index else None, stderr=outputs[-1] if index else None,
                )
            )  # fmt: skip
        try:
            dead = wait(processes)
            if dead is None:
                return 0, None
            end = time.monotonic() + GRACE
            for each in processes:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    each.wait(max(0.0, end - time.monotonic()))
        except KeyboardInterrupt:  # which the processes have heard, too
            with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
                processes[0].wait(GRACE)
            return 130, None
        if processes[0].returncode == 2:  # the input is wrong, as it has said
            return 2, None
        status = processes[dead].returncode
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else "failed"
        said = ""
        if dead and status > 0:
            outputs[dead - 1].seek(0)
            said = "".join(f"\n    {line}" for line in outputs[dead - 1].read().splitlines()[-5:])
        return 1, f"process {dead} of {count} {how}{said}"


def wait(processes):
    """Waits for all; returns the number of the first that failed, or `None`."""
    while True:
        ends = [each.poll() for each in processes]
        failed = [index for index, status in enumerate(ends) if status]
        if failed or None not in ends:
            return failed[0] if failed else None
        time.sleep(0.1)


def stop(processes):
    """Ends those that still run: checkpoints are written whole or not at all."""
    for each in processes:
        if each.poll() is None:
            each.kill()
        each.wait()


def member(flags) -> int:
    """Trains as one process of a job."""
    sys.path.insert(0, str(TOP))
    from recipes.cli import main as zoo
    from recipes.engine import environment
    from recipes.errors import UserError

    device = flag(flags, "device") or "auto"
    try:
        host, port, count, index = job()
        call_roll(host, port, count, index)
        # JAX is not to look for devices yet, and `zoo` says whether there is a GPU.
        environment.prepare("jax", "auto" if device == "gpu" else device)
    except UserError as error:
        print(f"launch: {error}", file=sys.stderr)
        return 2
    import jax

    bound = f"{host}:{port}" if is_local(host) else None  # by default any address of this machine
    jax.distributed.initialize(f"{host}:{port}", count, index, coordinator_bind_address=bound)
    try:
        status = zoo(["train", *completed(flags)[0]])
    except Exception as error:
        gone = "Gloo" in str(error) or isinstance(error, jax.errors.JaxRuntimeError)
        said = str(error).partition("\n")[0][:200] if gone else traceback.format_exc()
        why = "another one cannot be reached" if gone else "a fault of the program"
        print(f"launch: process {index} of {count} ends: {why}. {said}", file=sys.stderr)
        status = 1
    if status:  # the others may never come to the end that JAX would wait for
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return status


def job():
    """Host and port of process 0, the number of processes, and which one this is."""
    from recipes.errors import UserError

    address, count, index = (
        next(filter(None, map(os.environ.get, names)), "")
        for names in (
            [ADDRESS], [COUNT, "SLURM_NTASKS"], [INDEX, "SLURM_PROCID", "JOB_COMPLETION_INDEX"],
        )
    )  # fmt: skip
    with contextlib.suppress(ValueError):
        host, port = address.partition(",")[0].rsplit(":", 1)
        if 0 <= int(index) < int(count):
            return host, int(port), int(count), int(index)
    raise UserError(
        f"Expected {ADDRESS}=HOST:PORT, {COUNT}=N, and {INDEX} from 0 to N - 1; or `scripts/launch "
        f"N train`, which starts N processes here. Received: {address!r}, {count!r}, {index!r}"
    )


def is_local(host):
    """Whether an address is that of this machine alone."""
    return host in ("localhost", "127.0.0.1")


def call_roll(host, port, count, index):
    """Waits until all processes are there: JAX would abort where one is missing."""
    from recipes.errors import UserError

    seconds = float(os.environ.get(TIMEOUT) or 120)
    end, come, where = time.monotonic() + seconds, [], f"{host}:{port}"
    try:
        if index == 0:
            with socket.create_server((host if is_local(host) else "", port)) as server:
                while len(come) < count - 1:
                    server.settimeout(max(0.01, end - time.monotonic()))
                    come.append(server.accept()[0])
                for each in come:
                    each.sendall(b"+")
                    each.close()
            return
        while not heard(host, port, end):
            time.sleep(0.1)
    except TimeoutError:
        wanting = f"process 0, which process {index} waits for, does not answer at {where}"
        if index == 0:
            wanting = f"at {where}, process 0 met {len(come)} of {count - 1} others"
        raise UserError(
            f"Expected all {count} processes of the job within {seconds:g} s ({TIMEOUT}). "
            f"Received: {wanting}. Start all of them, with the same {ADDRESS}."
        ) from None
    except OSError as error:
        raise UserError(
            f"Expected {where} to be free, and of the machine of process 0. Received: "
            f"{error.strerror}. Choose another {ADDRESS}."
        ) from error


def heard(host, port, end):
    """Whether process 0 said that all are there; a `TimeoutError` when it is late."""
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    try:
        with socket.create_connection((host, port), timeout=left) as first:
            return first.recv(1) == b"+"
    except TimeoutError:
        raise
    except OSError:  # its program, its machine or its name is not there yet
        return False


if __name__ == "__main__":
    sys.exit(main())
