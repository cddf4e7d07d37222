"""timm's network with the weights that timm begins with, and what PyTorch computes with them, in float32 and float64.

    python3 random-timm.py FOLDER NETWORK

FOLDER gets `weights.safetensors`; `inputs.safetensors` with `images`, float32 [n, height, width, 3], and `slopes`, float32
[n, classes]; and `results.json`: of each precision the logits in inference, and the length of each parameter's gradient
of Σ slopes · logits in training. `timm.ts` runs it, and says what it needs.
"""

import json
import sys
from pathlib import Path

import timm
import torch
from safetensors.torch import save_file

BATCH, SIZE, CLASSES = 8, 96, 5
folder, name = Path(sys.argv[1]), sys.argv[2]

torch.manual_seed(0)
model = timm.create_model(name, num_classes=CLASSES)
images, slopes = torch.randn(BATCH, 3, SIZE, SIZE), torch.randn(BATCH, CLASSES)
weights = {key: tensor.clone() for key, tensor in model.state_dict().items()}
save_file(weights, folder / "weights.safetensors")
save_file({"images": images.permute(0, 2, 3, 1).contiguous(), "slopes": slopes}, folder / "inputs.safetensors")


def compute(dtype):
    model.to(dtype).load_state_dict(weights)
    model.zero_grad()
    with torch.no_grad():
        logits = model.eval()(images.to(dtype))
    (model.train()(images.to(dtype)) * slopes.to(dtype)).sum().backward()
    # In float64, as a sum of squares in float32 is a matter of its own.
    norms = {key: p.grad.double().norm().item() for key, p in model.named_parameters()}
    return {"logits": logits.flatten().tolist(), "norms": norms}


results = {"float32": compute(torch.float32), "float64": compute(torch.float64)}
(folder / "results.json").write_text(json.dumps(results))
