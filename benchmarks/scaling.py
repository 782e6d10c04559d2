"""What a training gains from 1 to 64 devices: writes docs/scaling.md.

    python benchmarks/scaling.py

The time of a step of the recipe of lrr_4x is measured on this machine, each
device keeping the recipe's batch, and so are the bytes of its gradients. The
rest is computed: after each step the gradients are summed by a ring, in which
each device sends and receives 2 (n - 1) / n of their bytes in 2 (n - 1)
messages, and nothing else goes on meanwhile. Faster devices are the measured
step, divided. The times are kept in docs/scaling.json.
"""

import argparse
import json
from pathlib import Path

import timing

DEVICES = (1, 2, 4, 8, 16, 32, 64)
# Bytes per second in one direction, and seconds of a message.
LINKS = {
    "Ethernet, 1 Gbit/s": (0.125e9, 50e-6),
    "Ethernet, 10 Gbit/s": (1.25e9, 30e-6),
    "Ethernet, 100 Gbit/s": (12.5e9, 10e-6),
    "NVLink, 300 GB/s": (300e9, 5e-6),
}
FASTER = (1, 10, 100)
PAGE = Path(__file__).parents[1] / "docs" / "scaling.md"
STORE = PAGE.with_suffix(".json")


def ring_seconds(devices, gradient_bytes, bandwidth, latency):
    """Time in which a ring of devices sums its gradients.

    Patarasuk and Yuan, "Bandwidth optimal all-reduce algorithms for clusters
    of workstations", JPDC 69(2), 2009.
    """
    sent = 2 * (devices - 1) / devices * gradient_bytes
    return sent / bandwidth + 2 * (devices - 1) * latency


def efficiency(step_seconds, devices, gradient_bytes, bandwidth, latency):
    """Images per second of n devices over n times those of one."""
    waited = ring_seconds(devices, gradient_bytes, bandwidth, latency)
    return step_seconds / (step_seconds + waited)


def measure(rounds):
    """Seconds of a step, bytes of the gradients, and what was trained."""
    import subjects

    from kerasseg.cli.train import load_recipe

    recipe = load_recipe(subjects.RECIPE)
    trainer = subjects.trainer(recipe)
    crop = recipe.augmentation.crop_size
    step = subjects.training_step(trainer, recipe.batch_size, crop)
    step()
    seconds = timing.in_turns({"step": step}, rounds)["step"]
    values = sum(
        int(variable.shape.num_elements())
        for variable in trainer.trainable_variables
    )
    return {
        # Other work on the machine only ever adds to it.
        "seconds": min(seconds),
        # float32, as the gradients of float32 weights are at any precision.
        "gradient_bytes": 4 * values,
        "batch_size": recipe.batch_size,
        "crop_size": list(crop),
    }


def table(measured, faster):
    """Rows of a table: devices, and for each link what is gained."""
    step = measured["seconds"] / faster
    rows = [
        f"| devices | {' | '.join(LINKS)} |",
        "| ---: " * (1 + len(LINKS)) + "|",
    ]
    for devices in DEVICES:
        gains = [
            devices
            * efficiency(step, devices, measured["gradient_bytes"], *link)
            for link in LINKS.values()
        ]
        cells = [
            f"{gain:.1f} ({gain / devices:.0%})".replace("%", " %")
            for gain in gains
        ]
        rows.append(f"| {devices} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _busy(record):
    machine = record["machine"]
    return ", while other work ran" if machine["load_at_start"] > 1 else ""


def page(record):
    """The text of docs/scaling.md."""
    measured = record["measured"]
    step = measured["seconds"]
    processor = record["machine"]["processor"]
    height, width = measured["crop_size"]
    links = "\n".join(
        f"- {name}: {bandwidth / 1e9:g} GB/s, {1e6 * latency:.0f} us a message"
        for name, (bandwidth, latency) in LINKS.items()
    )
    tables = "\n\n".join(
        f"Where a step takes {1000 * step / faster:.0f} ms"
        + (" (measured):" if faster == 1 else f", {faster} times as fast:")
        + f"\n\n{table(measured, faster)}"
        for faster in FASTER
    )
    return f"""\
# From 1 to 64 devices

<!-- made by benchmarks/scaling.py -->

What to expect of a training on several devices, before any is rented. One
step of the recipe of `lrr_4x` was measured on one device; all else on this
page is computed from that and from the bytes of the gradients, and was not
measured on a cluster.

- Measured: {step:.2f} s a step of {measured["batch_size"]} images of \
{height}x{width}, on {processor} with {record["options"]["threads"]} threads,
  the fastest of {record["options"]["rounds"]}{_busy(record)}. Nothing is \
frozen.
  The rate in [Upsamplers, side by side](upsamplers.md) is of another processor,
  and of a stage with the first blocks frozen.
- Gradients: {measured["gradient_bytes"] / 1e6:.1f} MB, float32.

Each device keeps this batch, so n devices take n times as many images a step
(`batch_size` in a recipe counts the images over all devices; the learning rate
is yours to scale). After each step the gradients are summed by ring all-reduce:
each device sends 2 (n - 1) / n of their bytes, in 2 (n - 1) messages. That
nothing else goes on meanwhile is the worst case; XLA overlaps some of it.

    gain = n * step / (step + 2 (n - 1) / n * bytes / bandwidth
                            + 2 (n - 1) * latency)

{links}

The tables say how many times the images per second of one device, and which
part of n times.

{tables}

## How to read it

- The sum of the gradients costs nearly the same for 8 devices as for 64, as
  long as messages are short against it: what counts is the step over the
  bytes. A larger batch on each device, or a larger crop, helps at once.
- Each process must be fed. `python benchmarks/input_pipeline.py` says how many
  times faster than training the input is; it runs on every host by itself.
- The part that no device shares: a start of some seconds, one compilation, the
  validation's last batch, and a checkpoint that the first process writes.

## How to run it

GPUs of one machine share each batch by themselves on TensorFlow, see
`kerasseg.training.fit`. Several hosts run on JAX, each with its own number:

    KERAS_BACKEND=jax kerasseg train RECIPE.py --out /shared/run \\
        --hosts 10.0.0.1:4321,10.0.0.2:4321 --process-id 0

All must read `/shared/run`; the first process writes it. They wait
`--wait-for-hosts` seconds for each other. If one is killed, the others end
within a minute with an error that names it, and all resume from the last
finished epoch with `--resume`.
"""


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--page-only",
        action="store_true",
        help="write the page from the times of docs/scaling.json",
    )
    parser.add_argument("--rounds", type=int, default=5, help="default 5")
    parser.add_argument("--threads", type=int, default=2, help="default 2")
    args = parser.parse_args()
    if not args.page_only:
        timing.set_up(args.threads)
        before = timing.machine()
        measured = measure(args.rounds)
        timing.write_json(STORE, before, args, measured=measured)
    record = json.loads(STORE.read_text(encoding="utf-8"))
    PAGE.write_text(page(record), encoding="utf-8")


if __name__ == "__main__":
    main()
