//! Seeded class rasters.

const CLASSES: usize = 5;

/// Large areas with smooth borders.
pub fn smooth(side: u32) -> Vec<u8> {
    classes(side, 0.0)
}

/// Large areas with noisy borders, and single pixels strewn in.
pub fn speckled(side: u32) -> Vec<u8> {
    let mut labels = classes(side, 0.008);
    let pixels = labels.len();
    for i in 0..pixels / 1500 {
        let at = hash(i as u64 + 77) as usize % pixels;
        labels[at] = 1 + (hash(at as u64) % CLASSES as u64) as u8;
    }
    labels
}

/// The class whose field is largest: value noise of two octaves, and white noise of the given strength.
fn classes(side: u32, noise: f32) -> Vec<u8> {
    let mut labels = Vec::with_capacity((side * side) as usize);
    let mut fields = vec![[0.0; CLASSES]; side as usize];
    for row in 0..side {
        fields.fill([0.0; CLASSES]);
        for (cell, weight) in [(96, 1.0), (24, 0.25)] {
            add_octave(&mut fields, row, cell, weight);
        }
        for (col, field) in fields.iter().enumerate() {
            let white = hash((u64::from(row) << 32) | col as u64);
            let value = |class: usize| field[class] + noise * (((white >> (12 * class)) & 0xfff) as f32 / 4096.0);
            let best = (1..CLASSES).fold(0, |best, class| if value(class) > value(best) { class } else { best });
            labels.push(best as u8 + 1);
        }
    }
    labels
}

/// Bilinear value noise with nodes every `cell` pixels.
fn add_octave(fields: &mut [[f32; CLASSES]], row: u32, cell: u32, weight: f32) {
    let node = |col: u32, row: u32| -> [f32; CLASSES] {
        let bits = hash((u64::from(cell) << 56) | (u64::from(row) << 28) | u64::from(col));
        std::array::from_fn(|class| ((bits >> (12 * class)) & 0xfff) as f32 / 4096.0)
    };
    let down = (row % cell) as f32 / cell as f32;
    for (i, chunk) in fields.chunks_mut(cell as usize).enumerate() {
        let corner = |right: u32, low: u32| node(i as u32 + right, row / cell + low);
        let [a, b, c, d] = [corner(0, 0), corner(1, 0), corner(0, 1), corner(1, 1)];
        for (x, field) in chunk.iter_mut().enumerate() {
            let along = x as f32 / cell as f32;
            for class in 0..CLASSES {
                let upper = a[class] + (b[class] - a[class]) * along;
                let lower = c[class] + (d[class] - c[class]) * along;
                field[class] += weight * (upper + (lower - upper) * down);
            }
        }
    }
}

/// `SplitMix64` (Steele, Lea & Flood 2014).
fn hash(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// An `.npy` file, format 1.0, of unsigned bytes.
pub fn npy(side: u32, labels: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({side}, {side}), }}");
    let mut file = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    file.extend(format!("{header:<117}\n").bytes());
    file.extend_from_slice(labels);
    file
}

/// The width and the bytes of an `.npy` file, format 1.0, in C order.
pub fn from_npy(file: &[u8]) -> Option<(u32, Vec<u8>)> {
    let length = usize::from(u16::from_le_bytes([*file.get(8)?, *file.get(9)?]));
    let header = std::str::from_utf8(file.get(10..10 + length)?).ok()?;
    if !header.contains("'|u1'") || !header.contains("'fortran_order': False") {
        return None;
    }
    let (_, shape) = header.split_once("'shape': (")?;
    let (shape, _) = shape.split_once(')')?;
    let cols = shape.split(',').nth(1)?.trim().parse().ok()?;
    Some((cols, file[10 + length..].to_vec()))
}
