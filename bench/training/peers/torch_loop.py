"""A training loop in PyTorch on the CPU, and an epoch from files by its DataLoader and torchvision."""

import torch
import torchvision
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from common import batch, job, labels, mean, normalised, repeated, serve, size, std, timed
from torch_nets import build

torch.set_num_threads(job["threads"])
torch.set_num_interop_threads(1)
# Channels last is what PyTorch advises for convolutions on a CPU.
model = build().to(memory_format=torch.channels_last).train()
optimizer = torch.optim.SGD(model.parameters(), job["lr"], momentum=job["momentum"])
loss_of = torch.nn.BCEWithLogitsLoss()


def step(images, truth):
    loss = loss_of(model(images), truth)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


class Files(Dataset):
    def __init__(self):
        self.files = job["files"]
        self.change = transforms.Compose(
            [
                transforms.Resize((size, size)),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(mean.tolist(), std.tolist()),
            ]
        )

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        with Image.open(self.files[i]["path"]) as image:
            return self.change(image.convert("RGB")), torch.tensor(self.files[i]["labels"], dtype=torch.float32)


loader = DataLoader(Files(), batch, shuffle=True, num_workers=job["loaders"], persistent_workers=True, drop_last=True)


def epoch(_):
    def work():
        for images, truth in loader:
            step(images.to(memory_format=torch.channels_last), truth)

    return timed(len(job["files"]), work)


x = torch.from_numpy(normalised()).permute(0, 3, 1, 2)
x, y = x.contiguous(memory_format=torch.channels_last), torch.from_numpy(labels())
rows = [slice(i * batch, (i + 1) * batch) for i in range(job["batches"])]
losses = [step(x[rows[i]], y[rows[i]]) for i in range(job["proofSteps"])]
serve(
    {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "losses": losses,
        "versions": f"PyTorch {torch.__version__}, torchvision {torchvision.__version__}",
    },
    {"steps": lambda order: repeated(order["seconds"], lambda i: step(x[rows[i]], y[rows[i]])), "epoch": epoch},
)
