"""Holds an ONNX file against the PyTorch module that it came from, on pictures that anybody can make."""

import numpy as np
import onnxruntime


def synthetic(chip_px):
    """An 8-bit picture by formula, [3, chip, chip]; the Rust tests make the same."""
    c, row, col = np.meshgrid(np.arange(3), np.arange(chip_px), np.arange(chip_px), indexing="ij")
    return ((col * 7 + row * 13 + c * 50 + (row * col) // 5) % 256).astype(np.uint8)


def normalized(picture, mean, std):
    mean, std = (np.array(v, np.float32)[:, None, None] for v in (mean, std))
    return (picture.astype(np.float32) * np.float32(1 / 255) - mean) / std


def check(module, path, images, tolerance):
    """The largest difference over the images; raises where it is above the tolerance or directions part."""
    import torch  # only needed here: other exports have no module to compare with

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    worst = 0.0
    for image in images:
        with torch.no_grad():
            expected = module(torch.from_numpy(image)).numpy()
        found = session.run(None, {name: image})[0]
        if found.shape != expected.shape:
            raise SystemExit(f"{path}: shape {found.shape}, PyTorch has {expected.shape}")
        worst = max(worst, float(np.abs(found - expected).max()))
        a, b = expected.reshape(-1, expected.shape[-1]), found.reshape(-1, found.shape[-1])
        cosine = ((a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1) + 1e-12)).min()
        if cosine < 0.9999:
            raise SystemExit(f"{path}: the least cosine with PyTorch is {cosine:.5f}")
    if worst > tolerance:
        raise SystemExit(f"{path}: differs from PyTorch by {worst}")
    return worst
