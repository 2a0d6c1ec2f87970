#!/usr/bin/env bash
# A gradient penalty (R1, WGAN-GP) differentiates a convolution twice. By which operation does PyTorch find the gradient of the weights then?
#
# Versions: PyPI torch 2.11.0 (its CUDA build, of which the CPU part is used: several GB), numpy 2.2.6.
# Behaviour: not by convolution_backward, as in the first pass, but by a forward convolution of transposed copies, in which the channels are the batch,
# the batch is the channels and the gradient, as large as the picture, is the filter: for pictures [16,32,32,32] and a filter of 3x3 a convolution of
# [32,16,32,32] by a filter [32,16,32,32]. aten::convolution_backward, asked for the weights alone, gives the same numbers.
# So it is for 1x1, strided and transposed convolutions, too, in float32 and bfloat16.
# Seen (two cores of an EPYC, milliseconds; they are printed, not compared):
#   convolution with a filter [32, 16, 32, 32]: 3.8, and 1.8 for its copies; the same gradient by convolution_backward: 2.1, relative difference 2e-06
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv env
env/bin/pip install -q torch==2.11.0 numpy==2.2.6
cat > look.py <<'END'
import time

import torch

torch.manual_seed(0)
last = {"memory_format": torch.channels_last}
x = torch.randn(16, 32, 32, 32).contiguous(**last).requires_grad_()
w = torch.randn(32, 32, 3, 3).contiguous(**last).requires_grad_()
weights = torch.randn(16, 32, 32, 32).contiguous(**last)


def second(profiled):
    """The gradient of w of |dy/dx|^2, y being linear in x: all of it comes from the second backward pass."""
    y = torch.nn.functional.conv2d(x, w, padding=1)
    slope, = torch.autograd.grad(y, x, weights, create_graph=True)
    with torch.profiler.profile(record_shapes=True) as profile:
        found, = torch.autograd.grad(slope.square().sum(), w)
    return slope.detach(), found, profile.key_averages(group_by_input_shape=True)


second(False)
slope, found, operations = second(True)
filters = {}
for operation in operations:
    shapes = [list(shape) for shape in operation.input_shapes if shape]
    if operation.key in ("aten::mkldnn_convolution", "aten::copy_") and shapes:
        filters[operation.key, str(shapes[1] if len(shapes) > 1 else shapes[0])] = operation.self_cpu_time_total / 1e3
as_picture = ("aten::mkldnn_convolution", "[32, 16, 32, 32]")
copies = ("aten::copy_", "[32, 16, 32, 32]")

# slope = B(weights, w), linear in w: d|slope|^2/dw is the gradient of the weights for an input 2 * slope.
directly = lambda: torch.ops.aten.convolution_backward(weights, 2 * slope, w.detach(), None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, [False, True, False])[1]
directly()
begin = time.perf_counter()
same = directly()
taken = 1e3 * (time.perf_counter() - begin)
difference = ((same - found).norm() / found.norm()).item()
if as_picture not in filters:
    print("no convolution with a filter as large as the picture any more:", sorted(filters))
    raise SystemExit(1)
print(f"torch {torch.__version__}: convolution with a filter {as_picture[1]}: {filters[as_picture]:.1f} ms, and {filters.get(copies, 0):.1f} for its copies; "
      f"the same gradient by convolution_backward: {taken:.1f} ms, relative difference {difference:.0e}")
raise SystemExit(difference > 1e-4)
END
env/bin/python look.py 2>/dev/null
