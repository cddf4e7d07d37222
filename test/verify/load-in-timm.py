"""Gives timm's network an exported safetensors file and says what it makes of pictures.

    python3 load-in-timm.py FOLDER NETWORK

FOLDER has `safetensors/model.safetensors`, and `inputs.safetensors` with `images`, uint8 [n, size, size, 3], `mean`,
`std` and `classes`; it gets `timm.safetensors` with `logits`. `export.ts` runs it, and says what it needs.
"""

import sys
from pathlib import Path

import timm
import torch
from safetensors.torch import load_file, save_file

folder, name = Path(sys.argv[1]), sys.argv[2]
weights = load_file(folder / "safetensors/model.safetensors")
inputs = load_file(folder / "inputs.safetensors")

model = timm.create_model(name, num_classes=int(inputs["classes"]))
model.load_state_dict(weights)
images = (inputs["images"] / 255 - inputs["mean"]) / inputs["std"]
with torch.no_grad():
    logits = model.eval()(images.permute(0, 3, 1, 2))
save_file({"logits": logits.contiguous()}, folder / "timm.safetensors")
