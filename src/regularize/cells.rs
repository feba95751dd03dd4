//! Boxes sorted into square cells of about their own size, so that only near ones meet.

use geo::Coord;

/// An upright rectangle.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub min: Coord<f64>,
    pub max: Coord<f64>,
}

impl Bounds {
    /// Around points; `None` where there are none.
    pub fn around(points: impl IntoIterator<Item = Coord<f64>>) -> Option<Self> {
        points.into_iter().map(|p| Self { min: p, max: p }).reduce(Self::with)
    }

    /// Around both.
    pub fn with(self, other: Self) -> Self {
        Self {
            min: Coord { x: self.min.x.min(other.min.x), y: self.min.y.min(other.min.y) },
            max: Coord { x: self.max.x.max(other.max.x), y: self.max.y.max(other.max.y) },
        }
    }

    /// With a margin on every side.
    pub fn expanded(self, margin: f64) -> Self {
        let by = Coord { x: margin, y: margin };
        Self { min: self.min - by, max: self.max + by }
    }

    /// Whether they share a point.
    pub fn meets(&self, other: &Self) -> bool {
        self.min.x <= other.max.x && other.min.x <= self.max.x && self.min.y <= other.max.y && other.min.y <= self.max.y
    }

    fn side(&self) -> f64 {
        (self.max.x - self.min.x).max(self.max.y - self.min.y)
    }
}

/// Numbered boxes in cells.
pub(super) struct Cells(Vec<(u64, u32)>);

impl Cells {
    /// A number may stand for several boxes.
    pub fn of(boxes: &[(Bounds, u32)]) -> Self {
        let Some(all) = boxes.iter().map(|(b, _)| *b).reduce(Bounds::with) else { return Self(Vec::new()) };
        let mean_side = boxes.iter().map(|(b, _)| b.side()).sum::<f64>() / boxes.len() as f64;
        // 2^20 cells a side at most.
        let side = mean_side.max(all.side() / f64::from(1 << 20)).max(f64::MIN_POSITIVE);
        let number = |v: f64| (v / side) as u64;
        let mut cells = Vec::with_capacity(boxes.len() * 3);
        for (b, i) in boxes {
            let (low, high) = (b.min - all.min, b.max - all.min);
            for y in number(low.y)..=number(high.y) {
                cells.extend((number(low.x)..=number(high.x)).map(|x| ((y << 32) | x, *i)));
            }
        }
        cells.sort_unstable();
        cells.dedup();
        Self(cells)
    }

    /// Whether two different numbers in one cell pass a test; pairs come with the lower number first, some repeatedly.
    pub fn any_pair(&self, mut test: impl FnMut(u32, u32) -> bool) -> bool {
        self.0.chunk_by(|a, b| a.0 == b.0).any(|cell| {
            let mut rest = cell;
            while let [(_, i), others @ ..] = rest {
                if others.iter().any(|(_, j)| test(*i, *j)) {
                    return true;
                }
                rest = others;
            }
            false
        })
    }
}
