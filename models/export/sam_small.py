"""A SAM of the size of a test: the architecture of segment-anything, taught for minutes on drawn roofs, roads and ponds.

Random weights would give the same few masks for every prompt; what has seen shapes gives masks that tell right from wrong.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

SIDE_PX, PATCH_PX, DIM = 128, 16, 32
EMBEDDED = SIDE_PX // PATCH_PX
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def sam(seed=5):
    """A Sam of segment-anything with random weights."""
    from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer
    torch.manual_seed(seed)
    norm = lambda dim: nn.LayerNorm(dim, eps=1e-6)  # noqa: E731
    return Sam(
        image_encoder=ImageEncoderViT(
            img_size=SIDE_PX, patch_size=PATCH_PX, embed_dim=DIM, depth=2, num_heads=2, mlp_ratio=2, out_chans=DIM,
            qkv_bias=True, norm_layer=norm, use_rel_pos=True, window_size=4, global_attn_indexes=(1,)),
        prompt_encoder=PromptEncoder(
            embed_dim=DIM, image_embedding_size=(EMBEDDED, EMBEDDED), input_image_size=(SIDE_PX, SIDE_PX), mask_in_chans=4),
        mask_decoder=MaskDecoder(
            num_multimask_outputs=3, transformer_dim=DIM, iou_head_depth=3, iou_head_hidden_dim=32,
            transformer=TwoWayTransformer(depth=2, embedding_dim=DIM, mlp_dim=48, num_heads=2)),
        pixel_mean=MEAN, pixel_std=STD).eval()


def tiny_vit(seed=6):
    """The encoder of MobileSAM, small. Its own forward is written for 1024 pixels."""
    from mobile_sam.modeling import TinyViT

    class Small(TinyViT):
        def forward(self, x):
            x = self.layers[0](self.patch_embed(x))
            for layer in self.layers[1:]:
                x = layer(x)
            n, _, channels = x.shape
            return self.neck(x.view(n, EMBEDDED, EMBEDDED, channels).permute(0, 3, 1, 2))

    torch.manual_seed(seed)
    model = Small(img_size=SIDE_PX, in_chans=3, num_classes=1, embed_dims=[8, 16, 24, 32], depths=[1, 1, 1, 1],
                  num_heads=[1, 1, 1, 2], window_sizes=[4, 4, 4, 4], mlp_ratio=2.0, drop_path_rate=0.0)
    model.layers[2].downsample.conv2.c.stride = (1, 1)  # it knows the widths of the published ones
    wide = model.neck[2].out_channels
    if wide != DIM:  # the neck is written for 256 channels
        from mobile_sam.modeling.tiny_vit_sam import LayerNorm2d
        model.neck = nn.Sequential(
            nn.Conv2d(32, DIM, 1, bias=False), LayerNorm2d(DIM), nn.Conv2d(DIM, DIM, 3, padding=1, bias=False), LayerNorm2d(DIM))
    model.norm_head, model.head = nn.Identity(), nn.Identity()
    return model.eval()


def scene(rng):
    """A picture [side, side, 3] of 8 bits and the number of the object at each pixel, 0 for the ground."""
    rows, cols = np.mgrid[0:SIDE_PX, 0:SIDE_PX].astype(np.float32)
    grounds = [(105, 125, 70), (165, 150, 120), (80, 105, 60)]
    picture = np.empty((SIDE_PX, SIDE_PX, 3), np.float32)
    picture[:] = grounds[rng.integers(3)]
    objects = np.zeros((SIDE_PX, SIDE_PX), np.int64)

    def place(inside, colour):
        objects[inside] = objects.max() + 1
        picture[inside] = np.array(colour) + rng.normal(0, 6, 3)

    if rng.random() < 0.5:  # a road from side to side
        angle, at = rng.uniform(0, np.pi), rng.uniform(0.3, 0.7, 2) * SIDE_PX
        off = (cols - at[0]) * np.sin(angle) - (rows - at[1]) * np.cos(angle)
        place(np.abs(off) < rng.uniform(4, 7), (125, 125, 125))
    for _ in range(rng.integers(3, 8)):
        angle, at = rng.uniform(0, np.pi), rng.uniform(0.1, 0.9, 2) * SIDE_PX
        along = (cols - at[0]) * np.cos(angle) + (rows - at[1]) * np.sin(angle)
        across = (cols - at[0]) * np.sin(angle) - (rows - at[1]) * np.cos(angle)
        kind = rng.random()
        if kind < 0.65:
            half = rng.uniform(8, 22), rng.uniform(8, 16)
            colours = [(190, 110, 85), (215, 205, 195), (150, 75, 60)]
            place((np.abs(along) < half[0]) & (np.abs(across) < half[1]), colours[rng.integers(3)])
        elif kind < 0.85:
            half = rng.uniform(10, 22), rng.uniform(9, 16)
            place((along / half[0]) ** 2 + (across / half[1]) ** 2 < 1, (60, 100, 160))
        else:
            place((np.abs(along) < rng.uniform(25, 40)) & (np.abs(across) < rng.uniform(4, 7)), (128, 128, 128))
    picture += rng.normal(0, 5, picture.shape)
    return picture.clip(0, 255).round().astype(np.uint8), objects


def tensor(pictures):
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (MEAN, STD))
    return (torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() - mean) / std


def decoded(model, embeddings, points):
    """Low-resolution logits [n, 3, h, w] and predicted IoU of one point each on one picture."""
    sparse, dense = model.prompt_encoder(points=(points, torch.ones(points.shape[:2])), boxes=None, masks=None)
    return model.mask_decoder(image_embeddings=embeddings, image_pe=model.prompt_encoder.get_dense_pe(),
                              sparse_prompt_embeddings=sparse, dense_prompt_embeddings=dense, multimask_output=True)


def teach(model, steps, seed=7, pictures=3, prompts=8):
    """The best of three masks is held to the object under the point, and its predicted IoU to the true one."""
    rng = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    model.train()
    for step in range(steps):
        drawn = [scene(rng) for _ in range(pictures)]
        embeddings = model.image_encoder(tensor([p for p, _ in drawn]))
        loss = 0.0
        for at, (_, objects) in enumerate(drawn):
            loss = loss + of_picture(model, embeddings[at:at + 1], objects, rng, prompts) / pictures
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            print(f"step {step}: loss {float(loss):.3f}", flush=True)
    return model.eval()


def of_picture(model, embeddings, objects, rng, prompts):
    numbers = [n for n in np.unique(objects) if n > 0 and (objects == n).sum() >= 60]
    points, truths = [], []
    for _ in range(prompts):
        inside = objects == numbers[rng.integers(len(numbers))]
        rows, cols = np.nonzero(inside)
        at = rng.integers(len(rows))
        points.append([[cols[at], rows[at]]])
        truths.append(inside)
    logits, iou = decoded(model, embeddings, torch.tensor(np.array(points), dtype=torch.float32))
    truth = torch.from_numpy(np.stack(truths)).float()[:, None]
    logits = F.interpolate(logits, (SIDE_PX, SIDE_PX), mode="bilinear", align_corners=False)
    each = truth.expand_as(logits)
    cross = F.binary_cross_entropy_with_logits(logits, each, reduction="none").mean((2, 3))
    soft = logits.sigmoid()
    dice = 1 - (2 * (soft * each).sum((2, 3)) + 1) / (soft.sum((2, 3)) + each.sum((2, 3)) + 1)
    hard, of = logits > 0, each > 0.5
    true_iou = (hard & of).sum((2, 3)) / (hard | of).sum((2, 3)).clamp(min=1)
    return (3 * cross + dice).min(1).values.mean() + 0.1 * (3 * cross + dice).mean() + ((iou - true_iou) ** 2).mean()


def distil(encoder, teacher, steps, seed=8, pictures=6):
    """Holds a small encoder to the embeddings of another, as MobileSAM was made."""
    rng = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, total_steps=steps)
    encoder.train()
    for step in range(steps):
        images = tensor([scene(rng)[0] for _ in range(pictures)])
        with torch.no_grad():
            wanted = teacher(images)
        loss = F.mse_loss(encoder(images), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            print(f"step {step}: distance {float(loss):.3f}", flush=True)
    return encoder.eval()
