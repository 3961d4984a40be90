"""Writes the tensors that tests/test_model_torch.c holds the trainer against.

    python3 make_reference.py FOLDER        (Debian: python3-torch, python3-numpy)

One small network (reference.net.yaml) with BitPruning's quantizer on the weights and the input of
every layer, written with PyTorch's own operators and autograd in float64: nothing is shared with
the trainer but the definition. Stored: images (bytes, N H W C), labels, first weights, logits and
loss of the first step, the gradients of all weights, biases, batch norms and bitlengths, and the
losses of ten steps (SGD with momentum, weight decay on weights, plain descent for bitlengths with
the equal criterion). Arrays are float32 but images (u1) and labels (u2).

The quantizer: a range is the smallest and largest value of the tensor; k bits give 2^k levels; a
real bitlength n = k + a mixes the grids of k and k + 1 bits, (1 - a) Q(x, k) + a Q(x, k + 1).
The input of a layer that pads is widened and shifted so that 0 is a level. Gradients: straight
through to x, the difference of the two grids to n.
"""
import sys

import numpy as np
import torch
import torch.nn.functional as F

SEED, BATCH, CLASSES, STEPS = 5, 16, 5, 10
LR, N_LR, MOMENTUM, DECAY, GAMMA, MAX_BITS = 0.05, 0.5, 0.9, 5e-4, 0.3, 8
MEAN, INV_STD = 118.0, 1.0 / 64.0  # exact in float; no tie between two codes of zero
START_W, START_A = 3.4, 4.6
MACS = ("c1", "dw", "pw", "c4", "fc")
PADS = {"c1", "dw", "c4"}
NORMS = {"b1": 8, "b2": 8, "b3": 8}


def grid(x, lo, hi, k, is_nudged):
    if is_nudged:
        lo, hi = min(lo, 0.0), max(hi, 0.0)
    top = 2**k - 1
    scale = (hi - lo) / top
    if is_nudged:
        lo = -scale * float(np.rint(-lo / scale))
    return torch.clamp(torch.round((x - lo) / scale), 0, top) * scale + lo


class Quantize(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, n, is_nudged):
        k = max(1, min(int(n), MAX_BITS - 1))
        a = float(n) - k
        lo, hi = float(x.min()), float(x.max())
        low, high = grid(x, lo, hi, k, is_nudged), grid(x, lo, hi, k + 1, is_nudged)
        ctx.save_for_backward(high - low)
        return (1 - a) * low + a * high

    @staticmethod
    def backward(ctx, g):
        (d,) = ctx.saved_tensors
        return g, (g * d).sum(), None


def draw():
    shapes = {"c1": (8, 3, 3, 3), "dw": (8, 1, 3, 3), "pw": (8, 8, 1, 1), "c4": (12, 8, 3, 3), "fc": (5, 12)}
    p = {}
    for name, s in shapes.items():
        p[name + ".weight"] = torch.randn(s) / np.sqrt(np.prod(s[1:]))
    p["c4.bias"], p["fc.bias"] = torch.randn(12) * 0.1, torch.randn(5) * 0.1
    for name, c in NORMS.items():
        p[name + ".gamma"], p[name + ".beta"] = 1 + 0.2 * torch.randn(c), 0.2 * torch.randn(c)
    for name in MACS:
        p[name + ".weight_n"], p[name + ".act_n"] = torch.tensor(START_W), torch.tensor(START_A)
    return {k: v.float().double().requires_grad_() for k, v in p.items()}


def forward(p, x):
    def quantized(name, x):
        is_nudged = name in PADS
        return (Quantize.apply(x, p[name + ".act_n"], is_nudged),
                Quantize.apply(p[name + ".weight"], p[name + ".weight_n"], False))

    def conv(name, x, **how):
        xq, wq = quantized(name, x)
        return F.conv2d(xq, wq, p.get(name + ".bias"), **how)

    def norm(name, x):
        return F.batch_norm(x, None, None, p[name + ".gamma"], p[name + ".beta"], True, 0.1, 1e-5)

    r1 = F.relu(norm("b1", conv("c1", x, padding=1)))
    r2 = F.relu6(norm("b2", conv("dw", r1, padding=1, groups=8)))
    r3 = F.relu(norm("b3", conv("pw", r2)) + r1)
    r4 = F.relu(conv("c4", F.avg_pool2d(r3, 2), stride=2, padding=1))
    xq, wq = quantized("fc", F.max_pool2d(r4, 2, stride=1).flatten(1))
    return F.linear(xq, wq, p["fc.bias"])


def main():
    folder = sys.argv[1]
    torch.manual_seed(SEED)
    torch.set_default_dtype(torch.float64)

    def save(name, v):
        v = v.detach().numpy() if torch.is_tensor(v) else np.asarray(v)
        np.save(f"{folder}/{name}.npy", v if v.dtype.kind == "u" else np.atleast_1d(v.astype(np.float32)))

    images = torch.randint(0, 256, (BATCH, 8, 8, 3))
    labels = torch.randint(0, CLASSES, (BATCH,))
    save("images", images.numpy().astype(np.uint8))
    save("labels", labels.numpy().astype(np.uint16))
    x = ((images.double() - MEAN) * INV_STD).permute(0, 3, 1, 2).contiguous()
    p = draw()
    bits = [p[f"{m}.{s}_n"] for m in MACS for s in ("weight", "act")]
    names = {id(v): k for k, v in p.items()}
    for name, v in p.items():
        if not name.endswith("_n"):
            save(name, v)
    momentum = {k: torch.zeros_like(v) for k, v in p.items()}
    losses = []
    for step in range(STEPS):
        for v in p.values():
            v.grad = None
        logits = forward(p, x)
        loss = F.cross_entropy(logits, labels)
        loss.backward()
        losses.append(float(loss))
        if step == 0:
            save("logits", logits)
            for name, v in p.items():
                save("grad." + name, v.grad)
        with torch.no_grad():
            for name, v in p.items():
                if name.endswith("_n"):
                    v -= N_LR * (v.grad + GAMMA / len(bits))
                    v.clamp_(1, MAX_BITS)
                    continue
                momentum[name] = MOMENTUM * momentum[name] + v.grad + (DECAY * v if name.endswith("weight") else 0)
                v -= LR * momentum[name]
    assert len(names) == len(p)
    save("losses", np.array(losses))
    save("last_n", torch.stack(bits))


if __name__ == "__main__":
    main()
