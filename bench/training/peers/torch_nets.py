"""The nets in PyTorch, layer by layer those of packages/trainer/src/models, with the weights that they begin with."""

import torch
from torch import nn

from common import classes, net, weights


def conv(inputs, outputs, side, stride=1, groups=1):
    return nn.Conv2d(inputs, outputs, side, stride, (side - 1) // 2, groups=groups, bias=False)


class Block(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv, self.bn, self.pool = conv(inputs, outputs, 3), nn.BatchNorm2d(outputs), nn.MaxPool2d(2)

    def forward(self, x):
        return self.pool(torch.relu(self.bn(self.conv(x))))


class Convnet(nn.Module):
    def __init__(self):
        super().__init__()
        width = net["model"]["width"]
        self.block0, self.block1, self.block2 = Block(3, width), Block(width, 2 * width), Block(2 * width, 4 * width)
        self.head = nn.ModuleDict({"dense": nn.Linear(4 * width, classes)})

    def forward(self, x):
        return self.head["dense"](self.block2(self.block1(self.block0(x))).mean((2, 3)))


class Basic(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1, self.bn1 = conv(inputs, width, 3, stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv(width, width, 3), nn.BatchNorm2d(width)
        self.downsample = nn.Sequential(conv(inputs, width, 1, stride), nn.BatchNorm2d(width)) if stride > 1 else None

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu((self.downsample(x) if self.downsample else x) + y)


class Resnet18(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1, self.pool = conv(3, 64, 7, 2), nn.BatchNorm2d(64), nn.MaxPool2d(3, 2, 1)
        inputs = 64
        for group, width in enumerate([64, 128, 256, 512]):
            blocks = [Basic(inputs, width, 2 if group > 0 else 1), Basic(width, width, 1)]
            setattr(self, f"layer{group + 1}", nn.Sequential(*blocks))
            inputs = width
        self.fc = nn.Linear(512, classes)

    def forward(self, x):
        x = self.pool(torch.relu(self.bn1(self.conv1(x))))
        return self.fc(self.layer4(self.layer3(self.layer2(self.layer1(x)))).mean((2, 3)))


class Inverted(nn.Module):
    def __init__(self, inputs, outputs, stride, expansion):
        super().__init__()
        wide = inputs * expansion
        self.widens, self.keeps = expansion > 1, stride == 1 and inputs == outputs
        self.conv_dw = conv(wide, wide, 3, stride, groups=wide)
        if self.widens:
            self.conv_pw, self.bn1, self.bn2 = conv(inputs, wide, 1), nn.BatchNorm2d(wide), nn.BatchNorm2d(wide)
            self.conv_pwl, self.bn3 = conv(wide, outputs, 1), nn.BatchNorm2d(outputs)
        else:
            self.bn1, self.conv_pw, self.bn2 = nn.BatchNorm2d(wide), conv(wide, outputs, 1), nn.BatchNorm2d(outputs)

    def forward(self, x):
        relu6 = nn.functional.relu6
        if self.widens:
            y = relu6(self.bn2(self.conv_dw(relu6(self.bn1(self.conv_pw(x))))))
            y = self.bn3(self.conv_pwl(y))
        else:
            y = self.bn2(self.conv_pw(relu6(self.bn1(self.conv_dw(x)))))
        return x + y if self.keeps else y


class Mobilenetv2(nn.Module):
    def __init__(self):
        super().__init__()
        rows = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
        self.conv_stem, self.bn1 = conv(3, 32, 3, 2), nn.BatchNorm2d(32)
        groups, inputs = [], 32
        for expansion, outputs, count, stride in rows:
            blocks = []
            for block in range(count):
                blocks.append(Inverted(inputs, outputs, stride if block == 0 else 1, expansion))
                inputs = outputs
            groups.append(nn.Sequential(*blocks))
        self.blocks = nn.Sequential(*groups)
        self.conv_head, self.bn2 = conv(320, 1280, 1), nn.BatchNorm2d(1280)
        self.classifier = nn.Linear(1280, classes)

    def forward(self, x):
        relu6 = nn.functional.relu6
        x = self.blocks(relu6(self.bn1(self.conv_stem(x))))
        return self.classifier(relu6(self.bn2(self.conv_head(x))).mean((2, 3)))


def build():
    """From normalised pictures, [batch, 3, size, size], to logits, [batch, classes]."""
    model = {"convnet": Convnet, "resnet18": Resnet18, "mobilenetv2": Mobilenetv2}[net["name"]]()
    values = weights()
    take = lambda name: torch.from_numpy(values.pop(name).copy())
    with torch.no_grad():
        for path, module in model.named_modules():
            name = path.replace(".", "/")
            if isinstance(module, nn.Conv2d):
                deep = module.groups > 1
                kernel = take(f"{name}/depthwise_kernel" if deep else f"{name}/kernel")
                module.weight.copy_(kernel.permute(2, 3, 0, 1) if deep else kernel.permute(3, 2, 0, 1))
            elif isinstance(module, nn.BatchNorm2d):
                for ours, theirs in zip(
                    ["gamma", "beta", "mean", "variance"],
                    [module.weight, module.bias, module.running_mean, module.running_var],
                ):
                    theirs.copy_(take(f"{name}/{ours}"))
            elif isinstance(module, nn.Linear):
                module.weight.copy_(take(f"{name}/kernel").T)
                module.bias.copy_(take(f"{name}/bias"))
    if values:
        raise ValueError(f"not taken by any layer: {list(values)}")
    return model
