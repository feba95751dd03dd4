"""Random training crops: a place, a ground resolution, a turn, and other light."""

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from classes import ANY, BARE_LAND, BUILDING, MEAN, NAMES, PARTING, STD, VEGETATION, WATER

CROP_PX = 320

# How often a domain is drawn, and how often its crops are centred on each class (the rest: anywhere labelled).
DOMAINS = {
    "dubai": (0.38, (0.27, 0.23, 0.20, 0.07, 0.08)),
    "drone": (0.54, (0.40, 0.20, 0.03, 0.02, 0.05)),
    "aerial": (0.07, (0.60, 0.05, 0.05, 0.05, 0.00)),
    "made": (0.06, (0.30, 0.30, 0.05, 0.05, 0.10)),
}
RESOLUTION_M = {"dubai": (0.6, 1.45), "aerial": (0.4, 1.3)}
WATER_TINTS = ((30, 60, 30), (20, 50, 20), (60, 90, 40), (40, 70, 90), (60, 130, 140), (80, 70, 50), (15, 20, 25))
ROOF_TINTS = ((60, 110, 190), (170, 70, 60), (190, 185, 180), (240, 240, 240), (120, 110, 105), (180, 120, 80), (90, 130, 90))


class Sampler:
    """Draws crops from places; each keeps a pyramid of halved pictures and lists of centres. `resolution_m` says the least
    and the most of a domain, where that is not a drone's."""

    def __init__(self, places, seed, resolution_m):
        self.random = np.random.default_rng(seed)
        self.resolution_m = resolution_m
        self.sources = [Source(place) for place in places]
        shares = {name: share for name, (share, _) in DOMAINS.items() if any(p.domain == name for p in places)}
        self.domains = {name: share / sum(shares.values()) for name, share in shares.items()}

    def crop(self):
        random = self.random
        domain = random.choice(list(self.domains), p=list(self.domains.values()))
        sources = [s for s in self.sources if s.place.domain == domain]
        share = np.array([s.share for s in sources])
        source = sources[random.choice(len(sources), p=share / share.sum())]
        centre = source.centre(random, DOMAINS[domain][1])
        resolution_m = draw_resolution(random, self.resolution_m.get(domain))
        image, label = source.cut(random, centre, resolution_m)
        image, label = recolour(random, image, label, domain)
        return image, label

    def batch(self, size):
        images, labels = zip(*[self.crop() for _ in range(size)])
        images = (np.stack(images).astype(np.float32) / 255 - MEAN) / STD
        return (torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32)).contiguous(),
                torch.from_numpy(np.stack(labels)))


class Source:
    def __init__(self, place):
        self.place = place
        self.levels = [(place.image, place.label)]
        while min(self.levels[-1][0].shape[:2]) > 2 * CROP_PX and len(self.levels) < 4:
            image, label = self.levels[-1]
            size = (image.shape[1] // 2, image.shape[0] // 2)
            self.levels.append((cv2.resize(image, size, interpolation=cv2.INTER_AREA),
                                cv2.resize(label, size, interpolation=cv2.INTER_NEAREST)))
        step = max(2, round(2 / place.resolution_m))
        thin = place.label[::step, ::step] & ANY
        self.centres = [np.argwhere(thin == 1 << i) * step for i in range(len(NAMES))]
        self.centres[0] = np.argwhere(place.label[::step, ::step] & ~np.uint8(PARTING) == BUILDING) * step  # drawn ones
        self.anywhere = np.argwhere(thin != ANY) * step
        labelled_m2 = len(self.anywhere) * (step * place.resolution_m) ** 2
        self.share = labelled_m2 ** 0.5

    def centre(self, random, class_shares):
        pick = random.choice(len(NAMES) + 1, p=[*class_shares, 1 - sum(class_shares)])
        centres = self.anywhere if pick == len(NAMES) else self.centres[pick]
        if len(centres) < 20:
            centres = self.anywhere
        return centres[random.integers(len(centres))]

    def cut(self, random, centre, resolution_m):
        """A turned, flipped, stretched window; outside of the picture is grey and unlabelled."""
        stretch = resolution_m / self.place.resolution_m
        level = min(len(self.levels) - 1, max(0, int(np.log2(stretch * 1.2))))
        image, label = self.levels[level]
        stretch /= 2 ** level
        angle = random.uniform(0, 2 * np.pi)
        if random.random() < 0.4:
            angle = np.pi / 2 * random.integers(4)
        aspect = np.exp(random.normal(0, 0.07))
        flip = random.choice((-1, 1))
        cos, sin = np.cos(angle), np.sin(angle)
        matrix = np.array([[cos, -sin], [sin, cos]]) @ np.diag([stretch * aspect * flip, stretch / aspect])
        row, col = np.array(centre) / 2 ** level
        middle = CROP_PX / 2 + random.uniform(-0.35, 0.35, 2) * CROP_PX
        shift = np.array([col, row]) - matrix @ middle
        warp = np.concatenate([matrix, shift[:, None]], 1)
        size, inverse = (CROP_PX, CROP_PX), cv2.WARP_INVERSE_MAP
        grey = int(random.integers(0, 256))
        image = cv2.warpAffine(image, warp, size, flags=cv2.INTER_LINEAR | inverse, borderValue=(grey,) * 3)
        label = cv2.warpAffine(label, warp, size, flags=cv2.INTER_NEAREST | inverse, borderValue=ANY)
        return image, label


def draw_resolution(random, bounds):
    if bounds:
        low, high = bounds
        return np.exp(random.uniform(np.log(low), np.log(high)))
    if random.random() < 0.65:
        return random.uniform(0.20, 0.36)
    return np.exp(random.uniform(np.log(0.13), np.log(1.0)))


def recolour(random, image, label, domain):
    """Other sensors, other light, haze, blur, and a hole in the mosaic now and then."""
    value = image.astype(np.float32)
    if random.random() < 0.35:
        value = repaint(random, value, label & ANY == WATER, WATER_TINTS)
    if random.random() < 0.20:
        value = repaint(random, value, some_roofs(random, label), ROOF_TINTS)
    if random.random() < 0.9:
        grey = value.mean(-1, keepdims=True)
        value = grey + (value - grey) * random.uniform(0.5, 1.5)
        value *= np.exp(random.normal(0, 0.06, 3)) * np.exp(random.normal(0, 0.15))
        middle = value.mean()
        value = middle + (value - middle) * np.exp(random.normal(0, 0.2)) + random.normal(0, 12)
        value = 255 * (np.clip(value, 0, 255) / 255) ** np.exp(random.normal(0, 0.2))
    if random.random() < 0.1:
        value += (random.uniform(150, 240) - value) * random.uniform(0.1, 0.45)
    if random.random() < 0.25:
        value = cv2.GaussianBlur(value, (0, 0), random.uniform(0.4, 1.4))
    if random.random() < 0.15:
        value += random.normal(0, random.uniform(2, 8), value.shape)
    image = np.clip(value, 0, 255).astype(np.uint8)
    if random.random() < 0.15:
        image = jpeg(image, int(random.integers(30, 80)))
    if random.random() < (0.10 if domain == "drone" else 0.02):
        image, label = punch_hole(random, image, label)
    return image, label


def repaint(random, value, where, tints):
    """The same light and texture in another colour: lagoons are green, brown or blue, roofs anything."""
    if where.sum() < 200:
        return value
    tint = np.array(tints[random.integers(len(tints))]) * np.exp(random.normal(0, 0.15, 3))
    grey = value.mean(-1, keepdims=True)
    share = random.uniform(0.4, 0.9)
    painted = (1 - share) * value + share * (0.6 * grey / max(grey[where].mean(), 8) + 0.4) * tint
    soft = cv2.GaussianBlur(where.astype(np.float32), (0, 0), 1.0)[..., None]
    return value * (1 - soft) + painted * soft


def some_roofs(random, label):
    """About half of the buildings of a crop, whole ones."""
    count, ids = cv2.connectedComponents((label & ANY == BUILDING).astype(np.uint8), connectivity=4)
    chosen = random.random(count) < 0.5
    chosen[0] = False
    return chosen[ids]


def jpeg(image, quality):
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def punch_hole(random, image, label):
    """A void as in real mosaics: a ragged white polygon that is neither roof nor road."""
    angles = np.sort(random.uniform(0, 2 * np.pi, random.integers(4, 12)))
    radius = random.uniform(40, 160) * random.uniform(0.7, 1.3, len(angles))
    middle = random.uniform(0, CROP_PX, 2)
    ring = middle + np.stack([np.cos(angles), np.sin(angles)], 1) * radius[:, None]
    hole = cv2.fillPoly(np.zeros(label.shape, np.uint8), [ring.astype(np.int32)], 1) > 0
    image, label = image.copy(), label.copy()
    image[hole] = 255 if random.random() < 0.8 else 0
    label[hole] = BARE_LAND | WATER | VEGETATION
    return image, label


class Batches(IterableDataset):
    """Batches without end; every worker draws its own."""

    def __init__(self, sampler, size, seed):
        super().__init__()
        self.sampler, self.size, self.seed = sampler, size, seed

    def __iter__(self):
        worker = get_worker_info()
        self.sampler.random = np.random.default_rng([self.seed, worker.id if worker else 0])
        cv2.setNumThreads(1)
        while True:
            yield self.sampler.batch(self.size)


def batches(places, size, seed, workers=1, resolution_m=RESOLUTION_M):
    """Batches without end, made by other processes while the network works."""
    source = Batches(Sampler(places, seed, resolution_m), size, seed)
    return iter(DataLoader(source, batch_size=None, num_workers=workers, prefetch_factor=6))
