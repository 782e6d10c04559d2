"""Images per second in training, against a peer on PyTorch.

    python benchmarks/training_throughput.py \\
        --peer-python build/peers/bin/python

Batches of 4 images of 352 x 480, 11 classes, float32, two threads. `lrr_4x`
takes the losses and the optimizer of its recipe: as trained (with deep
supervision, and the blocks up to stride 4 frozen), with nothing frozen, and so
without the heads. The peer runs in its own Python process, made as
benchmarks/peers/README.md says, and waits while others have their turn. Every
step sees the same batch; reading data costs nothing here.
Goal: at least twice the peer's DeepLabV3Plus.

Run it twice, as above and with MALLOC_TOP_PAD_=4000000000 in the environment,
which both sides inherit, and quote both ratios: by default glibc gives memory
back after each step, which costs PyTorch about a third of its speed. The
machine must be idle; beside other work the peer is hit harder than the rest.
"""

import argparse
import statistics
import subprocess
from pathlib import Path

import timing

PEER_SCRIPT = Path(__file__).parent / "peers" / "smp.py"
# Name -> whether the first blocks are frozen, whether there are heads.
OURS = {
    "lrr_4x, as trained": (True, True),
    "lrr_4x, nothing frozen": (False, True),
    "lrr_4x, nothing frozen, no heads": (False, False),
}


class Peer:
    """A model that trains in another Python, one step per line sent."""

    def __init__(self, python, model, args):
        import subjects

        self.process = subprocess.Popen(
            [python, PEER_SCRIPT, "train", "--model", model]
            + ["--threads", str(args.threads), "--batch", str(args.batch)]
            + ["--size", *map(str, subjects.IMAGE_SHAPE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._wait()

    def __call__(self):
        self.process.stdin.write("step\n")
        self.process.stdin.flush()
        self._wait()

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def _wait(self):
        if self.process.stdout.readline() != "done\n":
            raise SystemExit(f"The peer stopped: {self.process.args}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--peer-python", metavar="PYTHON")
    parser.add_argument(
        "--peer-models",
        nargs="+",
        default=["DeepLabV3Plus"],
        help="architectures of the peer, default DeepLabV3Plus",
    )
    parser.add_argument("--recipe", type=Path, metavar="RECIPE.py")
    parser.add_argument("--batch", type=int, default=4, help="default 4")
    parser.add_argument(
        "--repeats", type=int, default=3, help="steps a turn, default 3"
    )
    timing.add_arguments(parser, rounds=8)
    args = parser.parse_args()
    timing.set_up(args.threads)

    import subjects

    from kerasseg.cli.train import load_recipe

    recipe = load_recipe(args.recipe or subjects.RECIPE)
    steps = {}
    for name, (frozen, heads) in OURS.items():
        model = subjects.lrr()
        if frozen:
            model = subjects.frozen(model)
        trainer = subjects.trainer(recipe, heads, model)
        steps[name] = subjects.training_step(
            trainer, args.batch, subjects.IMAGE_SHAPE
        )
        steps[name]()
    peers = {}
    if args.peer_python:
        for model in args.peer_models:
            peers[f"SMP {model}"] = Peer(args.peer_python, model, args)
    before = timing.machine()
    seconds = timing.in_turns(
        {**steps, **peers}, args.rounds, args.repeats, pause=0.3
    )
    for peer in peers.values():
        peer.close()

    base = seconds[next(iter(peers), next(iter(steps)))]
    results, rows = [], []
    for name, taken in seconds.items():
        rate = args.batch / statistics.median(taken)
        times = timing.ratio(base, taken)
        best = args.batch / min(taken)
        rows.append([name, f"{rate:.2f}", f"{best:.2f}", f"{times:.2f}"])
        results.append({"model": name, "images_per_s": rate, "times": times})
    timing.print_table(
        ["training, img/s", "median", "best", f"over {next(iter(peers), '-')}"],
        rows,
    )
    timing.write_json(args.json, before, args, results=results, seconds=seconds)


if __name__ == "__main__":
    main()
