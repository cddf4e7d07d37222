"""What the peers in Python share: the data, and the orders that the benchmark gives by standard input.

A peer is started with the path of a JSON file that says what to train. It prints a line of JSON once it is warm, does
what each line of its standard input asks, and prints what that took. Between orders it does nothing.
"""

import json
import sys
import time

import numpy as np

with open(sys.argv[1]) as file:
    job = json.load(file)

net = job["net"]
size, batch, classes = net["size"], net["batch"], job["classes"]
mean = np.array(job["mean"], np.float32)
std = np.array(job["std"], np.float32)


def normalised():
    """The pictures as float32, normalised beforehand: what a peer would otherwise do in each step."""
    images = np.fromfile(job["images"], np.uint8).reshape(-1, size, size, 3)
    return (images.astype(np.float32) / 255 - mean) / std


def labels():
    return np.fromfile(job["labels"], np.float32).reshape(-1, classes)


def weights():
    """The weights that every peer begins with, by name: a safetensors file."""
    with open(job["weights"], "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        body = file.read()

    def tensor(entry):
        start, end = entry["data_offsets"]
        return np.frombuffer(body[start:end], np.float32).reshape(entry["shape"])

    return {name: tensor(entry) for name, entry in header.items() if name != "__metadata__"}


def repeated(seconds, step):
    """Does steps for so long, on one batch after the other. Returns images and seconds."""
    start = time.perf_counter()
    steps = 0
    while time.perf_counter() - start < seconds:
        step(steps % job["batches"])
        steps += 1
    return {"images": steps * batch, "seconds": time.perf_counter() - start}


def timed(images, work):
    start = time.perf_counter()
    work()
    return {"images": images, "seconds": time.perf_counter() - start}


def say(value):
    print(json.dumps(value), flush=True)


def serve(ready, orders):
    say(ready)
    for line in sys.stdin:
        order = json.loads(line)
        say(orders[order["do"]](order))
