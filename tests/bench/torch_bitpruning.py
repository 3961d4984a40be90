"""The peer of bench_model_train: a network with BitPruning in PyTorch, one synthetic batch.

Reads commands on stdin, so that the benchmark can alternate the two sides on a quiet machine:
`step N` runs N training steps and answers with the wall and the CPU seconds they took. Both layouts,
channels_last and the default, are tried first and the faster one is kept; the quantizer is one
autograd function (two grids, the saved difference, straight-through), which is faster than leaving
it to autograd's elementary operations.

usage: torch_bitpruning.py THREADS BATCH fp32|bitpruning resnet20|cnn_small|lenet5
"""
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F


class Interpolate(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, n):
        lo, hi = torch.aminmax(x)
        k = min(max(int(n), 1), 7)
        a = float(n) - k
        top = (hi - lo)
        s0, s1 = top / (2**k - 1), top / (2 ** (k + 1) - 1)
        z = x - lo
        q0 = torch.round(z / s0).mul_(s0)
        q1 = torch.round(z / s1).mul_(s1)
        d = q1 - q0
        ctx.save_for_backward(d)
        return q0.add_(d, alpha=a).add_(lo)

    @staticmethod
    def backward(ctx, g):
        (d,) = ctx.saved_tensors
        return g, (g * d).sum()


class Quantized:
    def setup(self, is_on):
        self.is_on = is_on
        if is_on:
            self.nw = nn.Parameter(torch.tensor(8.0))
            self.na = nn.Parameter(torch.tensor(8.0))

    def pair(self, x):
        if not self.is_on:
            return x, self.weight
        return Interpolate.apply(x, self.na), Interpolate.apply(self.weight, self.nw)


class Conv(nn.Conv2d, Quantized):
    def forward(self, x):
        x, w = self.pair(x)
        return F.conv2d(x, w, None, self.stride, self.padding)


class Fc(nn.Linear, Quantized):
    def forward(self, x):
        x, w = self.pair(x)
        return F.linear(x, w, self.bias)


def conv(c, k, size, stride):
    return Conv(c, k, size, stride=stride, padding=size // 2, bias=False)


class Block(nn.Module):
    def __init__(self, c, k, stride):
        super().__init__()
        self.conv1, self.bn1 = conv(c, k, 3, stride), nn.BatchNorm2d(k)
        self.conv2, self.bn2 = conv(k, k, 3, 1), nn.BatchNorm2d(k)
        self.short = None
        if stride != 1 or c != k:
            self.short = nn.Sequential(conv(c, k, 1, stride), nn.BatchNorm2d(k))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        y = y + (self.short(x) if self.short is not None else x)
        return F.relu(y, inplace=True)


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.bn = conv(3, 16, 3, 1), nn.BatchNorm2d(16)
        blocks, c = [], 16
        for k, stride in ((16, 1), (32, 2), (64, 2)):
            for i in range(3):
                blocks.append(Block(c, k, stride if i == 0 else 1))
                c = k
        self.blocks, self.fc = nn.Sequential(*blocks), Fc(64, 10)

    def forward(self, x):
        y = self.blocks(F.relu(self.bn(self.conv(x)), inplace=True))
        return self.fc(y.mean(dim=(2, 3)))


class SmallCnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = conv(1, 16, 3, 1), nn.BatchNorm2d(16)
        self.conv2, self.bn2 = conv(16, 32, 3, 1), nn.BatchNorm2d(32)
        self.fc1, self.fc2 = Fc(32 * 7 * 7, 64), Fc(64, 10)

    def forward(self, x):
        y = F.max_pool2d(F.relu(self.bn1(self.conv1(x)), inplace=True), 2)
        y = F.max_pool2d(F.relu(self.bn2(self.conv2(y)), inplace=True), 2)
        return self.fc2(F.relu(self.fc1(y.flatten(1)), inplace=True))


class Lenet5(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = Conv(1, 6, 5, padding=2)
        self.conv2 = Conv(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = Fc(400, 120), Fc(120, 84), Fc(84, 10)

    def forward(self, x):
        y = F.avg_pool2d(F.relu(self.conv1(x), inplace=True), 2)
        y = F.avg_pool2d(F.relu(self.conv2(y), inplace=True), 2)
        y = F.relu(self.fc1(y.flatten(1)), inplace=True)
        return self.fc3(F.relu(self.fc2(y), inplace=True))


NETWORKS = {"resnet20": (ResNet20, (3, 32, 32)), "cnn_small": (SmallCnn, (1, 28, 28)), "lenet5": (Lenet5, (1, 28, 28))}


def trainer(network, method, batch, layout):
    torch.manual_seed(1)
    make, shape = NETWORKS[network]
    net = make().to(memory_format=layout)
    layers = [m for m in net.modules() if isinstance(m, Quantized)]
    for m in layers:
        m.setup(method == "bitpruning")
    bits = [p for m in layers for p in ([m.nw, m.na] if m.is_on else [])]
    ids = {id(p) for p in bits}
    weights = [p for p in net.parameters() if id(p) not in ids]
    groups = [{"params": weights, "weight_decay": 1e-4}]
    if bits:
        groups.append({"params": bits, "momentum": 0.0})
    opt = torch.optim.SGD(groups, lr=0.01, momentum=0.9)
    x = torch.randn(batch, *shape).contiguous(memory_format=layout)
    t = torch.randint(0, 10, (batch,))

    def step():
        opt.zero_grad(set_to_none=True)
        loss = F.cross_entropy(net(x), t)
        if bits:
            loss = loss + torch.stack(bits).mean()
        loss.backward()
        opt.step()
        with torch.no_grad():
            for p in bits:
                p.clamp_(1, 8)

    return step


def seconds(step, n):
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(n):
        step()
    return time.perf_counter() - wall, time.process_time() - cpu


def main():
    threads, batch, method, network = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    torch.set_num_threads(threads)
    layouts = {"channels_last": torch.channels_last, "default": torch.contiguous_format}
    best = None
    for name, layout in layouts.items():
        step = trainer(network, method, batch, layout)
        seconds(step, 2)
        t = min(seconds(step, 2)[threads == 1] for _ in range(3))
        if best is None or t < best[0]:
            best = (t, name, step)
    step = best[2]
    print("ready", torch.__version__, best[1], flush=True)
    for line in sys.stdin:
        print(*seconds(step, int(line.split()[1])), flush=True)


if __name__ == "__main__":
    main()
